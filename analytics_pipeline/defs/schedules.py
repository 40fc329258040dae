"""When days are computed: the job, the daily schedule, the sensor for what the schedule missed.

The schedule releases yesterday at 02:00 UTC. The sensor looks at what the sealer has written since:
a complete day without a release (the machine was off) is released; a released day that received
late segments is corrected once, when no more of its events can be accepted, because every
correction spends privacy budget. An analyst may correct earlier, by hand.
"""

import json
from datetime import UTC, datetime

import dagster as dg

from analytics_pipeline.defs.partitions import range_tags
from analytics_pipeline.defs.steps.due import build_due_days, build_ranges, load_news
from analytics_pipeline.defs.stores import Stores
from analytics_pipeline.settings import load_settings

daily = dg.define_asset_job(
    "daily",
    selection=dg.AssetSelection.all(),
    executor_def=dg.in_process_executor,
    description="Everything for a day or a range of days: segments to verified record.",
)

every_night = dg.build_schedule_from_partitioned_job(
    daily,
    name="every_night",
    hour_of_day=2,
    description="Releases yesterday at 02:00 UTC, when the players of the day have reported.",
    default_status=dg.DefaultScheduleStatus.RUNNING,
)


@dg.sensor(
    job=daily,
    minimum_interval_seconds=60,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Runs complete days whose segments are in no release: days the schedule missed "
    "from 03:00 UTC on, corrections once no more events of the day can be accepted.",
)
def new_segments(context: dg.SensorEvaluationContext) -> dg.SensorResult | dg.SkipReason:
    """The cursor maps days to the time of their last segment when they were last asked for."""
    seen: dict[str, int] = json.loads(context.cursor or "{}")
    stores = Stores(load_settings())
    try:
        news = load_news(stores)
    finally:
        stores.close()
    due = build_due_days(news, seen, datetime.now(UTC))
    if not due:
        return dg.SkipReason("every complete day with segments is released or not due yet")
    requests = [
        dg.RunRequest(
            run_key=f"{days[0].day}/{days[-1].day}/{max(item.last_sealed_at_ms for item in days)}",
            tags=range_tags(days[0].day, days[-1].day),
        )
        for days in build_ranges(due)
    ]
    known = {item.day.isoformat() for item in news}
    cursor = {day: sealed for day, sealed in seen.items() if day in known}
    cursor |= {item.day.isoformat(): item.last_sealed_at_ms for item in due}
    return dg.SensorResult(run_requests=requests, cursor=json.dumps(cursor))
