"""Whole runs: sealed segments to verified records, dbt included, on one instance."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest

from analytics_pipeline.core.errors import InvalidInput
from analytics_pipeline.core.record import CommitRecord
from analytics_pipeline.defs.failure import RunFailed
from analytics_pipeline.defs.instance import environment, open_instance
from analytics_pipeline.defs.partitions import range_tags
from analytics_pipeline.defs.run import RunSummary, run_days
from analytics_pipeline.defs.run_command import STEPS
from analytics_pipeline.defs.steps.records import verify_release
from analytics_pipeline.storage.catalogue import expire_day, list_releases
from tests.defs.support import DAYS, TODAY, Deployment, all_text, build_sessions, viewer_of

FIRST, LAST, LAST_DAY = DAYS
VIEWERS = 60


@pytest.fixture(scope="module")
def deployment(tmp_path_factory: pytest.TempPathFactory) -> Deployment:
    """Two days of sealed sessions."""
    deployment = Deployment.create(tmp_path_factory.mktemp("run") / "home")
    for position, day in enumerate((FIRST, LAST)):
        deployment.send(build_sessions(day, VIEWERS), tag=f"day{position}")
    deployment.seal()
    return deployment


@pytest.fixture(scope="module")
def steps() -> list[tuple[str, int, int]]:
    """Progress of the first run."""
    return []


@pytest.fixture(scope="module")
def released(deployment: Deployment, steps: list[tuple[str, int, int]]) -> RunSummary:
    """Both days, released by one run."""
    return run_days(
        deployment.settings,
        FIRST,
        LAST,
        lambda step, done, total: steps.append((step, done, total)),
    )


@pytest.fixture
def instance(deployment: Deployment) -> Iterator[dg.DagsterInstance]:
    with open_instance(deployment.settings) as opened:
        yield opened


def test_a_range_is_one_run_and_one_batch_on_chain(
    deployment: Deployment, released: RunSummary, instance: dg.DagsterInstance
) -> None:
    """One Dagster run, one commit transaction, one release transaction; both days verify."""
    assert [run.run_id for run in instance.get_runs()] == [released.run_id]
    assert sorted(released.days) == [FIRST.isoformat(), LAST.isoformat()]
    stores = deployment.stores()
    found = stores.registry.read_evidence(stores.platform).records
    commits = [record for record in found if isinstance(record, CommitRecord)]
    assert [record.day for record in commits] == [FIRST, LAST]
    assert len({record.block_number for record in found}) == 2
    for release in list_releases(stores.catalogue, stores.platform):
        assert all(check.passed for check in verify_release(stores, release))
    stores.close()


def test_progress_names_every_step_once(
    released: RunSummary, steps: list[tuple[str, int, int]]
) -> None:
    """A progress display can be driven by it."""
    assert [done for _, done, _ in steps] == list(range(1, len(steps) + 1))
    assert steps[-1] == ("record", len(steps), len(steps))
    assert released.checks_passed >= 40
    assert set(released.outcomes.values()) == {"revision 1 released; rho 0.125 of 0.25"}


def test_each_day_has_its_own_metadata(released: RunSummary, instance: dg.DagsterInstance) -> None:
    """Rows, bytes, CIDs and roots stand at the partition they belong to."""
    for asset in ("segments", "events", "manifest", "commitment", "release", "bundle", "record"):
        found = instance.fetch_materializations(dg.AssetKey(asset), limit=10).records
        by_day = {
            record.partition_key: record.asset_materialization.metadata
            for record in found
            if record.asset_materialization
        }
        assert sorted(by_day) == [FIRST.isoformat(), LAST.isoformat()], asset
        assert all("seconds" in metadata for metadata in by_day.values()), asset
    roots = {day["report_root"] for day in released.days.values()}
    assert len(roots) == 2


def test_no_viewer_session_or_key_is_left_in_clear(
    deployment: Deployment, released: RunSummary
) -> None:
    """Dagster's database and logs, dbt's logs and artefacts, the warehouse: none names anybody."""
    text = all_text(deployment.settings.home)
    assert b"platform_day" in text  # dbt's artefacts are among it
    stores = deployment.stores()
    secrets = [stores.raw_key, stores.warehouse_key, stores.keyring.storage_key("video-selection")]
    for secret in secrets:
        assert secret not in text
        assert secret.hex().encode() not in text
    for day in (FIRST, LAST):
        assert f"session-0-{day:%Y%m%d}".encode() not in text
        for number in range(VIEWERS):
            assert viewer_of(number, day).encode() not in text
    stores.close()


def test_running_again_changes_nothing(deployment: Deployment, released: RunSummary) -> None:
    """Same events, same figures: the stored release, no new record, no budget."""
    stores = deployment.stores()
    before = list_releases(stores.catalogue, stores.platform)
    chain = stores.registry.read_evidence(stores.platform)
    again = run_days(deployment.settings, FIRST, LAST)
    assert set(again.outcomes.values()) == {"unchanged (revision 1)"}
    assert again.days == {
        day: {**values, "seconds": again.days[day]["seconds"]}
        for day, values in released.days.items()
    }
    assert list_releases(stores.catalogue, stores.platform) == before
    assert stores.registry.read_evidence(stores.platform) == chain
    stores.close()


def test_late_events_are_a_second_revision_of_their_day_only(
    deployment: Deployment, released: RunSummary
) -> None:
    """By the command line, as the demo runs it: the other day of the range keeps its release."""
    deployment.send(build_sessions(LAST, 5, seed=1), tag="late")
    assert deployment.seal().counts.late > 0
    command = [sys.executable, "-m", "analytics_pipeline.defs", "run", "--json"]
    result = subprocess.run(
        [*command, "--from", FIRST.isoformat(), "--to", LAST.isoformat()],
        env={**os.environ, **environment(deployment.settings)},
        capture_output=True,
        text=True,
        check=True,
    )
    lines = [json.loads(line) for line in result.stdout.splitlines()]
    assert lines[0] == {"stage": "starting Dagster", "done": 0, "total": STEPS}
    assert [line["stage"] for line in lines[1:3]] == ["segments", "events"]
    assert {line["total"] for line in lines[:-1]} == {STEPS}
    assert lines[-1]["result"]["outcomes"] == {
        FIRST.isoformat(): "unchanged (revision 1)",
        LAST.isoformat(): "revision 2 released: late events in 1 more segment; rho 0.25 of 0.25",
    }
    days = lines[-1]["result"]["days"]
    assert (days[FIRST.isoformat()]["revision"], days[LAST.isoformat()]["revision"]) == (1, 2)
    stores = deployment.stores()
    latest = list_releases(stores.catalogue, stores.platform, LAST)[-1]
    assert latest.reason == "late events in 1 more segment"
    stores.close()


def test_an_expired_day_refuses_and_changes_nothing(
    deployment: Deployment, released: RunSummary
) -> None:
    """The run ends at its first step, and not even the other day of the range is touched."""
    stores = deployment.stores()
    expire_day(stores.catalogue, stores.platform, LAST, "retention")
    before = list_releases(stores.catalogue, stores.platform)
    raw = {path: path.read_bytes() for path in stores.settings.raw_dir.rglob("*") if path.is_file()}
    with pytest.raises(RunFailed, match="were destroyed") as failure:
        run_days(deployment.settings, FIRST, LAST)
    assert failure.value.step == "segments"
    assert str(failure.value).startswith("segments: EventsExpired: ")
    assert list_releases(stores.catalogue, stores.platform) == before
    assert raw == {path: path.read_bytes() for path in raw}
    stores.close()


def test_days_that_are_not_over_are_refused(deployment: Deployment) -> None:
    """A range must lie among the complete days and run forwards."""
    with pytest.raises(InvalidInput, match=f"days run from 2026-01-01 to yesterday .{LAST_DAY}"):
        run_days(deployment.settings, FIRST, TODAY)
    with pytest.raises(InvalidInput, match="before"):
        run_days(deployment.settings, LAST, FIRST)


def run_command(home: Path, *days: str) -> "subprocess.CompletedProcess[str]":
    """The command as a person types it."""
    first, last = days[0], days[-1]
    command = [sys.executable, "-m", "analytics_pipeline.defs", "run", "--from", first, "--to"]
    environ = {**os.environ, "ANALYTICS_HOME": str(home)}
    return subprocess.run(
        [*command, last], env=environ, capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize(
    ("day", "message"),
    [
        ("today", "day: 'today' is not a date of the form YYYY-MM-DD"),
        ("2025-12-31", "from: 2025-12-31 is not among the complete days; days run from 2026-01-01"),
        (FIRST.isoformat(), "no keys in "),
    ],
)
def test_the_command_line_says_what_is_wrong(tmp_path: Path, day: str, message: str) -> None:
    """Errors are one line on stderr and exit code 1, and nothing was started."""
    result = run_command(tmp_path, day)
    assert (result.returncode, result.stdout) == (1, "")
    assert message in result.stderr
    assert result.stderr.count("\n") == 1
    assert not (tmp_path / "dagster").exists()


def test_the_command_line_says_what_became_of_each_day(
    deployment: Deployment, released: RunSummary
) -> None:
    """One line a day on stdout; progress on stderr; dbt's log in its file, without colours. A day
    without events is released and said to be."""
    home = deployment.settings.home
    result = run_command(home, LAST_DAY.isoformat())
    line = f"{LAST_DAY} revision 1 released: no events; rho 0.125 of 0.25\n"
    assert (result.returncode, result.stdout) == (0, line), result.stderr
    assert result.stderr.splitlines()[0] == f"[0/{STEPS}] starting Dagster"
    assert "checks passed" in result.stderr.splitlines()[-1]
    log = (home / "logs" / "dbt.log").read_text()
    assert "PASS" in log
    assert "\x1b" not in log + result.stderr


@pytest.mark.slow
def test_one_model_is_built_with_everything_above_it(
    deployment: Deployment, released: RunSummary
) -> None:
    """What an analyst does after editing a mart; nothing downstream of it is touched."""
    with open_instance(deployment.settings) as instance:
        from analytics_pipeline.definitions import defs

        result = defs.resolve_implicit_global_asset_job_def().execute_in_process(
            instance=instance,
            asset_selection=[dg.AssetKey("region_day")],
            tags=range_tags(FIRST, FIRST),
            run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
        )
    built = {event.asset_key for event in result.get_asset_materialization_events()}
    assert built == {dg.AssetKey("region_day")}
    checks = result.get_asset_check_evaluations()
    assert checks
    assert all(check.passed and check.asset_key == dg.AssetKey("region_day") for check in checks)
