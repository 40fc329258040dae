"""The sensor and the schedule, evaluated as the daemon does."""

from datetime import UTC, datetime, timedelta

import dagster as dg

from analytics_pipeline.defs.instance import environment, patched_environ
from analytics_pipeline.defs.schedules import new_segments
from tests.defs.support import DAYS, TODAY, Deployment, build_sessions


def test_the_sensor_asks_once_for_neighbouring_days_in_one_run(deployment: Deployment) -> None:
    """Two complete days with segments: one run request over both, and none the next time."""
    for day in DAYS[:2]:
        deployment.send(build_sessions(day, 2), tag=f"on-{day:%Y%m%d}")
    deployment.seal()
    with patched_environ(environment(deployment.settings)):
        result = new_segments(dg.build_sensor_context(cursor=None))
        assert isinstance(result, dg.SensorResult)
        [request] = result.run_requests or []
        again = new_segments(dg.build_sensor_context(cursor=result.cursor))
    assert request.tags["dagster/asset_partition_range_start"] == DAYS[0].isoformat()
    assert request.tags["dagster/asset_partition_range_end"] == DAYS[1].isoformat()
    assert isinstance(again, dg.SkipReason)


def test_the_schedule_releases_yesterday(deployment: Deployment) -> None:
    """At 02:00 UTC, for the day that has just ended."""
    from analytics_pipeline.definitions import defs

    schedule = defs.get_repository_def().get_schedule_def("every_night")
    tick = datetime(TODAY.year, TODAY.month, TODAY.day, 2, tzinfo=UTC)
    context = dg.build_schedule_context(scheduled_execution_time=tick)
    [request] = schedule.evaluate_tick(context).run_requests or []
    assert request.partition_key == (TODAY - timedelta(days=1)).isoformat()
