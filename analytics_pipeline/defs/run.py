"""A range of days in one Dagster run, in this process, on the deployment's own instance.

The run shows in the UI like any other. Belongs here: starting it and telling how far it is.
"""

import time
import uuid
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import dagster as dg

from analytics_pipeline.defs.alive import alive_run
from analytics_pipeline.defs.day_range import require_range
from analytics_pipeline.defs.failure import build_failure
from analytics_pipeline.defs.instance import open_instance
from analytics_pipeline.defs.outcome import describe_outcomes, load_ended
from analytics_pipeline.defs.partitions import range_tags
from analytics_pipeline.defs.stores import Stores
from analytics_pipeline.settings import Settings

#: (name of the step that ended, steps done, steps in all)
Progress = Callable[[str, int, int], None]

_QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}


@dataclass(frozen=True)
class RunSummary:
    """What a run did.

    Args:
        seconds: from the call to the end of the run.
        outcomes: ISO day -> what became of it, in words (`defs.outcome`).
        days: ISO day -> metadata of its record.
    """

    run_id: str
    seconds: float
    checks_passed: int
    outcomes: dict[str, str]
    days: dict[str, dict[str, Any]]


def run_days(
    settings: Settings,
    first_day: date,
    last_day: date,
    progress: Progress = lambda step, done, total: None,
) -> RunSummary:
    """Compute, release and publish every day from ``first_day`` to ``last_day``, both included.

    Raises:
        InvalidInput: the days are not a range of complete days.
        RunFailed: naming the step and its first error.
    """
    require_range(first_day, last_day)
    started = time.monotonic()
    days = [first_day + timedelta(days=n) for n in range((last_day - first_day).days + 1)]
    with open_instance(settings) as instance, closing(Stores(settings)) as stores:
        from analytics_pipeline.definitions import defs  # reads the environment set above

        before = load_ended(stores)
        job = defs.resolve_job_def("daily")
        run_id = str(uuid.uuid4())
        instance.add_event_listener(run_id, _Listener(progress, len(job.nodes)))
        with alive_run(settings.home, instance, run_id):
            result = job.execute_in_process(
                run_config=_QUIET,
                instance=instance,
                tags=range_tags(first_day, last_day),
                run_id=run_id,
                raise_on_error=False,
            )
        if not result.success:
            raise build_failure(run_id, result.all_events)
        evaluations = result.get_asset_check_evaluations()
        return RunSummary(
            run_id=run_id,
            seconds=round(time.monotonic() - started, 1),
            checks_passed=sum(evaluation.passed for evaluation in evaluations),
            outcomes=describe_outcomes(stores, before, days),
            days=_record_metadata(result.all_events),
        )


class _Listener:
    """Turns step events into progress."""

    def __init__(self, progress: Progress, total: int) -> None:
        self.progress, self.total, self.done = progress, total, 0

    def __call__(self, entry: dg.EventLogEntry) -> None:
        event = entry.dagster_event
        if event is not None and event.event_type_value == "STEP_SUCCESS":
            self.done += 1
            self.progress(str(event.step_key), self.done, self.total)


def _record_metadata(events: Sequence[Any]) -> dict[str, dict[str, Any]]:
    days = {}
    for event in events:
        if event.event_type_value == "ASSET_MATERIALIZATION":
            data = event.step_materialization_data.materialization
            if data.asset_key == dg.AssetKey("record"):
                values = {name: value.value for name, value in data.metadata.items()}
                days[str(data.partition)] = values
    return days
