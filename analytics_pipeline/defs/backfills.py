"""One summary of what a backfill changed, once all of its runs have ended.

A backfill of more than `MAX_DAYS` days is several runs. Each tells at its last check what became of
its days; here that is put together, as a materialisation of the asset *backfills*. Reads Dagster's
own event log and nothing else, so a failed run's days are in it too.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

import dagster as dg
from dagster._core.execution.backfill import (
    BULK_ACTION_TERMINAL_STATUSES,
    BulkActionsFilter,
    PartitionBackfill,
)
from dagster._core.storage.tags import BACKFILL_ID_TAG

from analytics_pipeline.core.day import parse_day
from analytics_pipeline.defs.failure import build_failure
from analytics_pipeline.defs.outcome import (
    FAILED,
    Outcome,
    count_outcomes,
    mark_failed,
    outcomes_table,
    read_outcomes,
)
from analytics_pipeline.defs.partitions import span_of

BACKFILLS: Final = dg.AssetSpec(
    "backfills",
    group_name="publication",
    deps=["record"],
    owners=["team:publication"],
    kinds={"markdown"},
    description="What each backfill has changed: one entry a backfill, when all of its runs have "
    "ended. Written by the sensor `finished_backfills`.",
)
_REMEMBERED: Final = 200


@dg.sensor(
    minimum_interval_seconds=30,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Writes one summary of each backfill that has ended: the asset `backfills`.",
)
def finished_backfills(context: dg.SensorEvaluationContext) -> dg.SensorResult | dg.SkipReason:
    """The cursor lists the backfills that were summarised, newest first."""
    ended = BulkActionsFilter(statuses=BULK_ACTION_TERMINAL_STATUSES)
    found = context.instance.get_backfills(filters=ended, limit=_REMEMBERED)
    told = set(json.loads(context.cursor or "[]"))
    new = [each for each in reversed(found) if each.backfill_id not in told]
    if not new:
        return dg.SkipReason("no backfill has ended")
    return dg.SensorResult(
        asset_events=[build_summary(context.instance, each) for each in new],
        cursor=json.dumps([each.backfill_id for each in found]),
    )


@dataclass(frozen=True)
class _Run:
    """An ended run of a backfill, and what it says it did."""

    run_id: str
    days: list[date]
    outcomes: dict[str, Outcome]
    problem: str | None


def build_summary(
    instance: dg.DagsterInstance, backfill: PartitionBackfill
) -> dg.AssetMaterialization:
    """What the backfill changed, read from its runs; of days run again, the last word."""
    filters = dg.RunsFilter(tags={BACKFILL_ID_TAG: backfill.backfill_id})
    runs = [_read(instance, run) for run in reversed(instance.get_runs(filters))]
    outcomes = _join(_days_of(backfill), runs)
    return dg.AssetMaterialization(
        BACKFILLS.key,
        description=count_outcomes(outcomes.values()),
        metadata={
            "backfill": backfill.backfill_id,
            "status": backfill.status.value,
            **{
                f"run {number}": dg.MetadataValue.dagster_run(run.run_id)
                for number, run in enumerate(runs, 1)
            },
            "days": count_outcomes(outcomes.values()),
            "what changed": dg.MetadataValue.md(outcomes_table(outcomes)),
        },
    )


def _join(days: Iterable[date], runs: Iterable[_Run]) -> dict[str, Outcome]:
    none = "no run of it came to this day"
    outcomes = {day.isoformat(): Outcome(day, FAILED, None, none, none) for day in days}
    for run in runs:
        outcomes |= run.outcomes
        if run.problem is not None:
            known = [day for day in run.days if day.isoformat() in outcomes]
            outcomes = mark_failed(outcomes, known, run.problem)
    return dict(sorted(outcomes.items()))


def _days_of(backfill: PartitionBackfill) -> list[date]:
    data = backfill.asset_backfill_data
    keys = set(backfill.partition_names or ())
    if data is not None:
        for subset in data.target_subset.partitions_subsets_by_asset_key.values():
            keys |= set(subset.get_partition_keys())
    return sorted(parse_day(key) for key in keys)


def _read(instance: dg.DagsterInstance, run: dg.DagsterRun) -> _Run:
    events = [entry.dagster_event for entry in instance.all_logs(run.run_id) if entry.dagster_event]
    problem = None if run.is_success else build_failure(run.run_id, events).problem
    return _Run(run.run_id, _days_of_run(run.tags), read_outcomes(events), problem)


def _days_of_run(tags: Mapping[str, str]) -> list[date]:
    span = span_of(tags)
    if span is None:
        return []
    start, end = map(parse_day, span)
    return [start + timedelta(days=n) for n in range((end - start).days + 1)]
