"""What is said of a range of days, and of a backfill of several runs, one of which failed."""

from datetime import date, timedelta

import dagster as dg
from dagster._core.events import DagsterEvent, DagsterEventType
from dagster._core.execution.backfill import BulkActionStatus, PartitionBackfill
from dagster._core.storage.tags import BACKFILL_ID_TAG

from analytics_pipeline.defs.backfills import BACKFILLS, build_summary, finished_backfills
from analytics_pipeline.defs.outcome import (
    CORRECTED,
    FAILED,
    OUTCOMES,
    UNCHANGED,
    Outcome,
    count_outcomes,
    mark_failed,
    outcomes_json,
    outcomes_table,
)
from analytics_pipeline.defs.partitions import range_tags

DAYS = [date(2026, 3, 1) + timedelta(days=n) for n in range(5)]
SAME = {day.isoformat(): Outcome(day, UNCHANGED, 1, "unchanged (revision 1)") for day in DAYS}


def corrected(day: date) -> Outcome:
    words = "revision 2 released: late events in 1 more segment; rho 0.25 of 0.25"
    reason = "late events in 1 more segment"
    return Outcome(day, CORRECTED, 2, words, reason, "0.25 of 0.25", "0")


def test_of_a_failed_run_each_day_is_told_why() -> None:
    """The days that an error names, and those that it only kept from their release."""
    error = f"manifest: check `budget_left` failed:\n- {DAYS[1]}: rho 0 is left\n- {DAYS[2]}: too"
    outcomes = SAME | {DAYS[0].isoformat(): corrected(DAYS[0])}
    marked = list(mark_failed(outcomes, DAYS[:4], error).values())
    assert [each.kind for each in marked] == [CORRECTED, FAILED, FAILED, FAILED, UNCHANGED]
    assert marked[1].reason == f"{DAYS[1]}: rho 0 is left"
    assert marked[1].words == f"unchanged (revision 1); failed: {DAYS[1]}: rho 0 is left"
    assert marked[3].reason == "other days of its run were refused"
    [marked_all] = mark_failed(dict([*SAME.items()][:1]), DAYS[:1], "no\nchain").values()
    assert marked_all.reason == "no chain"
    assert count_outcomes(marked) == "5 days: 1 corrected, 1 unchanged, 3 failed"


def test_the_table_leaves_out_what_did_not_change() -> None:
    """Cells are one line each, so that Markdown keeps its columns."""
    outcomes = SAME | {DAYS[3].isoformat(): corrected(DAYS[3])}
    lines = outcomes_table(outcomes).splitlines()
    assert lines[0] == "**5 days: 1 corrected, 4 unchanged**"
    reason = "late events in 1 more segment"
    assert lines[4:] == [f"| {DAYS[3]} | corrected | 2 | {reason} | 0.25 of 0.25 | 0 |"]
    assert outcomes_table(SAME).splitlines() == ["**5 days: 5 unchanged**"]


def report(
    instance: dg.DagsterInstance, run_id: str, days: list[date], outcomes: dict[str, Outcome]
) -> None:
    """A run of the backfill, ended well if it says what it did."""
    status = dg.DagsterRunStatus.SUCCESS if outcomes else dg.DagsterRunStatus.FAILURE
    tags = {BACKFILL_ID_TAG: "abc", **range_tags(days[0], days[-1])}
    instance.run_storage.add_run(dg.DagsterRun("daily", run_id, tags=tags, status=status))
    if outcomes:
        evaluation = dg.AssetCheckEvaluation(
            asset_key=dg.AssetKey("record"),
            check_name="verified",
            passed=True,
            metadata={OUTCOMES: dg.MetadataValue.json(outcomes_json(outcomes))},
        )
        kind = DagsterEventType.ASSET_CHECK_EVALUATION.value
        event = DagsterEvent(kind, "daily", event_specific_data=evaluation)
        instance.report_dagster_event(event, run_id)


def test_a_backfill_has_one_summary_once_it_has_ended() -> None:
    """Of all its runs, also of one that failed and of days that no run came to."""
    backfill = PartitionBackfill(
        "abc",
        partition_names=[day.isoformat() for day in DAYS],
        status=BulkActionStatus.REQUESTED,
        from_failure=False,
        tags={},
        backfill_timestamp=1.0,
    )
    with dg.DagsterInstance.ephemeral() as instance:
        instance.add_backfill(backfill)
        first = dict([*SAME.items()][:2]) | {DAYS[1].isoformat(): corrected(DAYS[1])}
        report(instance, "1" * 32, DAYS[:2], first)
        report(instance, "2" * 32, DAYS[2:4], {})
        early = finished_backfills(dg.build_sensor_context(instance=instance))
        assert isinstance(early, dg.SkipReason)
        instance.update_backfill(backfill.with_status(BulkActionStatus.COMPLETED_FAILED))
        result = finished_backfills(dg.build_sensor_context(instance=instance))
        assert isinstance(result, dg.SensorResult)
        [found] = result.asset_events
        assert found.asset_key == BACKFILLS.key
        assert found.metadata["days"].value == "5 days: 1 corrected, 1 unchanged, 3 failed"
        table = str(found.metadata["what changed"].value)
        assert f"| {DAYS[1]} | corrected | 2 |" in table
        assert f"| {DAYS[2]} | failed | none | run: failed before its first step" in table
        assert f"| {DAYS[4]} | failed | none | no run of it came to this day" in table
        again = dg.build_sensor_context(instance=instance, cursor=result.cursor)
        assert isinstance(finished_backfills(again), dg.SkipReason)
        assert build_summary(instance, backfill).metadata["days"] == found.metadata["days"]
