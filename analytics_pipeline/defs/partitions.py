"""The partition of everything: one UTC day.

Every asset takes a range of days in one run (`BackfillPolicy.single_run`): mixed policies would
make Dagster fall back to one run a day, and a range is committed to the chain as one batch.
"""

from datetime import date

import dagster as dg

from analytics_pipeline.core.day import parse_day
from analytics_pipeline.defs.day_range import FIRST_DAY

DAYS = dg.DailyPartitionsDefinition(start_date=FIRST_DAY.isoformat(), timezone="UTC")
ONE_RUN = dg.BackfillPolicy.single_run()


def days_of(context: dg.AssetExecutionContext | dg.AssetCheckExecutionContext) -> list[date]:
    """The days of this run, in order."""
    return [parse_day(key) for key in context.op_execution_context.partition_keys]


def range_tags(first_day: date, last_day: date) -> dict[str, str]:
    """Run tags that make one run cover ``first_day`` to ``last_day``, both included."""
    return {
        "dagster/asset_partition_range_start": first_day.isoformat(),
        "dagster/asset_partition_range_end": last_day.isoformat(),
    }
