"""Whole runs: sealed segments to verified records, dbt included, on one instance."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from analytics_pipeline.core.errors import InvalidInput
from analytics_pipeline.core.record import CommitRecord
from analytics_pipeline.core.verify_errors import CheckState
from analytics_pipeline.defs.instance import environment, open_instance
from analytics_pipeline.defs.partitions import range_tags
from analytics_pipeline.defs.run import RangeFailed, RunSummary, run_days
from analytics_pipeline.defs.run_command import STEPS
from analytics_pipeline.defs.steps.records import verify_release
from analytics_pipeline.storage.catalogue import expire_day, list_releases
from tests.defs.support import DAYS, TODAY, Deployment, all_text, build_sessions, viewer_of

FIRST, LAST, LAST_DAY = DAYS
_PUBLISHED = (
    *("segments", "events", "manifest", "commitment"),
    *("release", "proof", "bundle", "record"),
)
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


@pytest.mark.slow
def test_a_range_is_one_run_and_one_batch_on_chain(
    deployment: Deployment, released: RunSummary, instance: dg.DagsterInstance
) -> None:
    """One Dagster run, one commit transaction, one release transaction whose proofs the contract
    checked; both days verify, by a verifier of our own too."""
    assert [run.run_id for run in instance.get_runs()] == list(released.run_ids)
    assert sorted(released.days) == [FIRST.isoformat(), LAST.isoformat()]
    stores = deployment.stores()
    found = stores.registry.read_evidence(stores.platform).records
    commits = [record for record in found if isinstance(record, CommitRecord)]
    assert [record.day for record in commits] == [FIRST, LAST]
    assert len({record.block_number for record in found}) == 2
    assert stores.registry.current_verifier() is not None
    for release in list_releases(stores.catalogue, stores.platform):
        checks = verify_release(stores, release)
        assert [check.state for check in checks] == [CheckState.PASSED] * 16
    stores.close()


@pytest.mark.slow
def test_progress_names_every_step_once(
    released: RunSummary, steps: list[tuple[str, int, int]]
) -> None:
    """A progress display can be driven by it."""
    ended = [done for _, done, _ in steps]
    assert sorted(set(ended)) == list(range(ended[0], STEPS + 1))
    assert ended == sorted(ended)
    assert steps[-1] == ("record", STEPS, STEPS)
    said = " ".join(step for step, _, _ in steps)
    assert f"proving {FIRST}, 1 of 2" in said
    assert f"proving {LAST}, 2 of 2" in said
    assert "dbt command" not in said
    assert released.checks_passed >= 45
    assert set(released.outcomes.values()) == {"revision 1 released; rho 0.125 of 0.25"}


@pytest.mark.slow
def test_each_day_has_its_own_metadata(released: RunSummary, instance: dg.DagsterInstance) -> None:
    """Rows, bytes, CIDs and roots stand at the partition they belong to."""
    for asset in _PUBLISHED:
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
    for day in released.days.values():
        assert day["records_in_transaction"] == 2
        assert 700_000 < day["gas"] < 1_050_000, "a release with its proof checked on chain"
        assert day["bundle_link"] == f"ipfs://{day['bundle_cid']}"
        assert not {"trend", "outcome"} & day.keys(), "pictures are for the UI"


@pytest.mark.slow
def test_people_see_pictures_links_and_what_became_of_the_days(
    released: RunSummary, instance: dg.DagsterInstance
) -> None:
    """Of a record: the trend, and where to find the day; of a report: retention; of the run: its
    days."""

    def latest(asset: str) -> dict[str, Any]:
        [found] = instance.fetch_materializations(dg.AssetKey(asset), limit=1).records
        assert found.asset_materialization is not None
        return dict(found.asset_materialization.metadata)

    record = latest("record")
    assert record["dashboard"] == dg.MetadataValue.url(f"http://127.0.0.1:8090/days/{LAST}")
    assert isinstance(record["bundle_link"], dg.UrlMetadataValue)
    assert isinstance(latest("bundle")["dashboard"], dg.UrlMetadataValue)
    for metadata, name in ((record, "trend"), (latest("release"), "retention")):
        assert isinstance(metadata[name], dg.MarkdownMetadataValue)
    assert "data:image/png;base64," in record["trend"].value
    [run] = instance.get_runs()
    assert run.tags["days"] == "2 days: 2 released"
    assert "failed" not in run.tags


@pytest.mark.slow
def test_columns_of_models_say_where_they_come_from(
    released: RunSummary, instance: dg.DagsterInstance
) -> None:
    """From the SQL that dbt compiled, without opening the warehouse; a day of video_day is the one
    of its views."""

    def origins(model: str, column: str) -> set[tuple[str, str]]:
        [found] = instance.fetch_materializations(dg.AssetKey(model), limit=1).records
        assert found.asset_materialization is not None
        lineage = found.asset_materialization.metadata["dagster/column_lineage"].value
        assert isinstance(lineage, dg.TableColumnLineage)
        deps = lineage.deps_by_column[column]
        return {(dep.asset_key.path[-1], dep.column_name) for dep in deps}

    assert origins("export_video_day", "plays") == {("video_day", "plays")}
    assert ("int_views", "watch_ms") in origins("video_day", "watch_seconds")
    assert origins("stg_events", "video_id") == {("events", "video_id")}


@pytest.mark.slow
def test_a_proof_tells_no_more_of_a_day_than_its_shape(
    released: RunSummary, instance: dg.DagsterInstance
) -> None:
    """What Dagster shows of a proof is its shape, sizes and cost: the same for every day of it."""
    found = instance.fetch_materializations(dg.AssetKey("proof"), limit=2).records
    shown = [
        {name: value.value for name, value in record.asset_materialization.metadata.items()}
        for record in found
        if record.asset_materialization
    ]
    assert len(shown) == 2
    first, second = shown
    assert first["setup"] == "development set-up: convinces nobody"
    assert first["peak_gib"] < 1
    costs = {"seconds", "witness_seconds", "prove_seconds", "peak_gib"}
    assert first.keys() == second.keys() >= costs
    assert {k: v for k, v in first.items() if k not in costs} == {
        k: v for k, v in second.items() if k not in costs
    }


@pytest.mark.slow
def test_no_viewer_session_or_key_is_left_in_clear(
    deployment: Deployment, released: RunSummary
) -> None:
    """Dagster's database and logs, dbt's logs and artefacts, the warehouse: none names anybody."""
    text = all_text(deployment.settings.home)
    assert b"platform_day" in text  # dbt's artefacts are among it
    stores = deployment.stores()
    secrets = [
        stores.raw_key(LAST),
        stores.warehouse_key,
        stores.keyring.storage_key("video-selection"),
    ]
    for secret in secrets:
        assert secret not in text
        assert secret.hex().encode() not in text
    for day in (FIRST, LAST):
        assert f"session-0-{day:%Y%m%d}".encode() not in text
        for number in range(VIEWERS):
            assert viewer_of(number, day).encode() not in text
    stores.close()


@pytest.mark.slow
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


@pytest.mark.slow
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
    stages = [line["stage"] for line in lines[1:-1] if not line["stage"].startswith("proving ")]
    assert stages[:2] == ["segments", "events"]
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


@pytest.mark.slow
def test_an_expired_day_refuses_and_changes_nothing(
    deployment: Deployment, released: RunSummary
) -> None:
    """The run ends at its first step, and not even the other day of the range is touched."""
    stores = deployment.stores()
    expire_day(stores.catalogue, stores.platform, LAST, "retention")
    before = list_releases(stores.catalogue, stores.platform)
    raw = {path: path.read_bytes() for path in stores.settings.raw_dir.rglob("*") if path.is_file()}
    with pytest.raises(RangeFailed, match="were destroyed") as refused:
        run_days(deployment.settings, FIRST, LAST)
    [failure] = refused.value.failures
    assert failure.step == "segments"
    with open_instance(deployment.settings) as instance:
        [run] = instance.get_runs(limit=1)
    assert run.tags["days"] == f"{FIRST} to {LAST}"
    assert run.tags["failed"].startswith("segments: EventsExpired: ")
    assert str(failure).startswith("segments: EventsExpired: ")
    assert refused.value.summary.changed == "2 days: 2 failed"
    outcomes = refused.value.summary.outcomes
    assert outcomes[FIRST.isoformat()] == (
        "unchanged (revision 1); failed: other days of its run were refused"
    )
    assert "were destroyed" in outcomes[LAST.isoformat()]
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


@pytest.mark.slow
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
