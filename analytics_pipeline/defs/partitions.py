"""The partition of everything: one UTC day.

Every asset takes a range of up to `MAX_DAYS` days in one run, which is committed to the chain as
one batch; a longer backfill becomes several runs. Mixed policies would make Dagster fall back to
one run a day.
"""

from collections.abc import Mapping
from datetime import date

import dagster as dg

from analytics_pipeline.core.day import parse_day
from analytics_pipeline.defs.day_range import FIRST_DAY, MAX_DAYS

DAYS = dg.DailyPartitionsDefinition(start_date=FIRST_DAY.isoformat(), timezone="UTC")
RANGE_START_TAG = "dagster/asset_partition_range_start"
RANGE_END_TAG = "dagster/asset_partition_range_end"
PARTITION_TAG = "dagster/partition"
RANGE_RUNS = dg.BackfillPolicy.multi_run(MAX_DAYS)


def days_of(context: dg.AssetExecutionContext | dg.AssetCheckExecutionContext) -> list[date]:
    """The days of this run, in order."""
    return [parse_day(key) for key in context.op_execution_context.partition_keys]


def range_tags(first_day: date, last_day: date) -> dict[str, str]:
    """Run tags that make one run cover ``first_day`` to ``last_day``, both included."""
    return {
        RANGE_START_TAG: first_day.isoformat(),
        RANGE_END_TAG: last_day.isoformat(),
    }


def span_of(tags: Mapping[str, str]) -> tuple[str, str] | None:
    """The first and last day of a run, by its tags; None of a run that is about no days."""
    first = tags.get(RANGE_START_TAG) or tags.get(PARTITION_TAG)
    return (first, tags.get(RANGE_END_TAG, first)) if first else None
