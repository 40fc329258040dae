"""Thirty days, backfilled from Dagster's UI and from the command line, for real: daemon, queue,
dbt, proofs, chain."""

import itertools
import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import pytest

from analytics_pipeline.core.record import CommitRecord
from analytics_pipeline.defs.day_range import MAX_DAYS
from analytics_pipeline.defs.steps.records import verify_release
from analytics_pipeline.published.sources import open_sources
from analytics_pipeline.storage.catalogue import (
    Release,
    list_releases,
    list_segments,
    list_spends,
)
from analytics_pipeline.storage.ipfs.flatfs import FlatfsBlocks
from tests.defs.dagster_ui import DagsterUi, running_ui
from tests.defs.support import TODAY, Deployment, build_sessions

DAYS = [TODAY - timedelta(days=back) for back in range(30, 0, -1)]
EMPTY = DAYS[17]
VIEWERS = 12
SECONDS = 1500

pytestmark = [pytest.mark.slow, pytest.mark.timeout(3600)]


@pytest.fixture(scope="module")
def deployment(tmp_path_factory: pytest.TempPathFactory) -> Deployment:
    return Deployment.create(tmp_path_factory.mktemp("backfill") / "home")


@pytest.fixture(scope="module")
def ui(deployment: Deployment) -> Iterator[DagsterUi]:
    """The UI of a deployment with thirty days of sealed sessions, one of them without any. Its
    sensor is off, which would release them by itself."""
    with running_ui(deployment.settings) as opened:
        opened.stop_sensor("new_segments")
        for position, day in enumerate(DAYS):
            if day != EMPTY:
                deployment.send(build_sessions(day, VIEWERS), tag=f"day{position:02d}")
        deployment.seal()
        yield opened


@pytest.fixture(scope="module")
def first(ui: DagsterUi) -> str:
    """The id of the first backfill, which has ended well."""
    backfill = ui.materialize_all(DAYS)
    assert ui.wait(backfill, SECONDS) == "COMPLETED_SUCCESS", ui.log.read_text()[-3000:]
    return backfill


def releases_of(deployment: Deployment) -> list[Release]:
    stores = deployment.stores()
    try:
        return list_releases(stores.catalogue, stores.platform)
    finally:
        stores.close()


def require_whole(deployment: Deployment) -> None:
    """The chain has what the catalogue has, each once; spends are the releases'; all verify."""
    stores = deployment.stores()
    releases = list_releases(stores.catalogue, stores.platform)
    assert all(release.released for release in releases)
    spends = [(spend.day, spend.revision) for spend in list_spends(stores.catalogue, "demo")]
    assert spends == [(release.day, release.revision) for release in releases]
    records = stores.registry.read_evidence(stores.platform).records
    names = [(type(r) is CommitRecord, r.day, r.revision) for r in records]
    assert len(set(names)) == len(names) == 2 * len(releases)
    newest = {release.day: release for release in releases}
    for release in newest.values():
        verify_release(stores, release)
    stores.close()


def late(deployment: Deployment, *days: date) -> None:
    """Events of new sessions for days that were released."""
    for day in days:
        deployment.send(build_sessions(day, 3, seed=1), tag=f"late-{day:%Y%m%d}")
    assert deployment.seal().counts.late > 0


def test_thirty_days_from_the_ui_are_three_runs_that_take_turns(
    deployment: Deployment, ui: DagsterUi, first: str
) -> None:
    """Ten days a run, none while another is at work, so that every release follows its commit; one
    summary says what changed."""
    runs = ui.runs(first)
    assert [run["status"] for run in runs] == ["SUCCESS"] * 3
    assert [run["tags"]["days"] for run in runs] == ["10 days: 10 released"] * 3
    for before, after in itertools.pairwise(runs):
        assert before["endTime"] <= after["startTime"]
    releases = releases_of(deployment)
    assert [(r.day, r.revision) for r in releases] == [(day, 1) for day in DAYS]
    require_whole(deployment)
    stores = deployment.stores()
    records = stores.registry.read_evidence(stores.platform).records
    stores.close()
    kinds = "".join("c" if isinstance(record, CommitRecord) else "r" for record in records)
    assert kinds == ("c" * MAX_DAYS + "r" * MAX_DAYS) * 3
    summary = ui.summary(first)
    assert summary["days"] == "30 days: 30 released"
    assert (
        f"| {EMPTY} | released | 1 | no events | 0.125 of 0.25 | 0.125 |"
        in (summary["what changed"])
    )


def block_of(deployment: Deployment, day: date) -> Path:
    """The file of the day's first segment in the embedded content store."""
    stores = deployment.stores()
    segment = list_segments(stores.catalogue, stores.platform, day)[0]
    stores.close()
    return FlatfsBlocks(deployment.settings.home / "ipfs" / "blocks").path_of(segment.cid)


def test_a_failed_run_leaves_the_others_right_and_backfilling_again_heals_it(
    deployment: Deployment, ui: DagsterUi, first: str
) -> None:
    """A segment of the middle run is missing while days of all three have late events. Days that
    did not change are neither released nor paid for again."""
    corrected = [DAYS[3], DAYS[14], DAYS[29]]
    late(deployment, *corrected)
    block = block_of(deployment, DAYS[12])
    block.rename(block.with_suffix(".away"))
    broken = ui.materialize_all(DAYS)
    assert ui.wait(broken, SECONDS) == "COMPLETED_FAILED"
    assert sorted(run["status"] for run in ui.runs(broken)) == ["FAILURE", "SUCCESS", "SUCCESS"]
    assert [(r.day, r.revision) for r in releases_of(deployment) if r.revision > 1] == [
        (DAYS[3], 2),
        (DAYS[29], 2),
    ]
    require_whole(deployment)
    summary = ui.summary(broken)
    assert summary["days"] == "30 days: 2 corrected, 18 unchanged, 10 failed"
    reason = "late events in 1 more segment"
    assert f"| {DAYS[3]} | corrected | 2 | {reason} | 0.25 of 0.25 | 0 |" in summary["what changed"]
    assert "is missing" in summary["what changed"]
    block.with_suffix(".away").rename(block)
    before = {(r.day, r.revision): r for r in releases_of(deployment)}
    healed = ui.materialize_all(DAYS)
    assert ui.wait(healed, SECONDS) == "COMPLETED_SUCCESS"
    after = {(r.day, r.revision): r for r in releases_of(deployment)}
    assert after.keys() - before.keys() == {(DAYS[14], 2)}
    assert {key: after[key] for key in before} == before
    assert ui.summary(healed)["days"] == "30 days: 1 corrected, 29 unchanged"
    require_whole(deployment)


def test_thirty_days_on_the_command_line_while_the_ui_runs_some_of_them(
    deployment: Deployment, ui: DagsterUi, first: str
) -> None:
    """Neither knows of the other, both want the same days: they take turns, and one of them makes
    the correction. The command line ends with a line a day and one that counts."""
    late(deployment, DAYS[5], DAYS[25])
    before = {(r.day, r.revision): r for r in releases_of(deployment)}
    backfill = ui.materialize_all(DAYS[:20])
    ran = subprocess.run(
        [
            *(sys.executable, "-m", "analytics_pipeline", "compute"),
            *(DAYS[0].isoformat(), DAYS[-1].isoformat()),
        ],
        env={**os.environ, "ANALYTICS_HOME": str(deployment.settings.home)},
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr[-3000:]
    assert ui.wait(backfill, SECONDS) == "COMPLETED_SUCCESS"
    lines = ran.stdout.splitlines()
    assert [line.split()[0] for line in lines[:-1]] == [day.isoformat() for day in DAYS]
    assert lines[-1].startswith("30 days: ")
    assert f"{DAYS[25]} revision 2 released: late events in 1 more segment" in ran.stdout
    after = {(r.day, r.revision): r for r in releases_of(deployment)}
    assert after.keys() - before.keys() == {(DAYS[5], 2), (DAYS[25], 2)}
    require_whole(deployment)


def test_the_old_revision_stays_verifiable(deployment: Deployment, ui: DagsterUi) -> None:
    """By its own bundle, on request; without one the newest is verified."""
    with open_sources(deployment.settings) as sources:
        days = [sources.load_day("demo", DAYS[29], revision) for revision in (1, 2, None)]
    revisions = [published.report.header.revision for published in days]
    assert revisions == [1, 2, 2]
