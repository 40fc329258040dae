"""A range of days in one Dagster run, in this process, on the deployment's own instance.

The run shows in the UI like any other. Belongs here: starting it and telling how far it is.
"""

import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import dagster as dg

from analytics_pipeline.core.errors import InvalidInput, PipelineError
from analytics_pipeline.defs.alive import alive_run
from analytics_pipeline.defs.instance import open_instance
from analytics_pipeline.defs.partitions import DAYS, FIRST_DAY, range_tags
from analytics_pipeline.settings import Settings

#: (name of the step that ended, steps done, steps in all)
Progress = Callable[[str, int, int], None]

_QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}


class RunFailed(PipelineError):
    """A step or a blocking check failed; nothing downstream of it was run."""

    def __init__(self, run_id: str, step: str, message: str) -> None:
        super().__init__(f"{step}: {message} (Dagster run {run_id})")
        self.run_id = run_id
        self.step = step


@dataclass(frozen=True)
class RunSummary:
    """What a run did. ``days`` maps ISO days to the metadata of their records."""

    run_id: str
    seconds: float
    checks_passed: int
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
    _check_range(first_day, last_day)
    started = time.monotonic()
    with open_instance(settings) as instance:
        from analytics_pipeline.definitions import defs  # reads the environment set above

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
            raise _failure(run_id, result.all_events)
        evaluations = result.get_asset_check_evaluations()
        return RunSummary(
            run_id=run_id,
            seconds=round(time.monotonic() - started, 1),
            checks_passed=sum(evaluation.passed for evaluation in evaluations),
            days=_record_metadata(result.all_events),
        )


def _check_range(first_day: date, last_day: date) -> None:
    if last_day < first_day:
        raise InvalidInput("to", f"{last_day} lies before {first_day}")
    for name, day in (("from", first_day), ("to", last_day)):
        if not DAYS.has_partition_key(day.isoformat()):
            raise InvalidInput(name, f"{day} is not a complete day since {FIRST_DAY}")


class _Listener:
    """Turns step events into progress."""

    def __init__(self, progress: Progress, total: int) -> None:
        self.progress, self.total, self.done = progress, total, 0

    def __call__(self, entry: dg.EventLogEntry) -> None:
        event = entry.dagster_event
        if event is not None and event.event_type_value == "STEP_SUCCESS":
            self.done += 1
            self.progress(str(event.step_key), self.done, self.total)


def _failure(run_id: str, events: Sequence[Any]) -> RunFailed:
    for event in events:
        if event.event_type_value == "STEP_FAILURE":
            error = event.step_failure_data.error
            while error is not None and error.cause is not None:
                error = error.cause
            message = error.message.strip() if error else "failed"
            return RunFailed(run_id, str(event.step_key), message)
    return RunFailed(run_id, "run", "failed before its first step")


def _record_metadata(events: Sequence[Any]) -> dict[str, dict[str, Any]]:
    days = {}
    for event in events:
        if event.event_type_value == "ASSET_MATERIALIZATION":
            data = event.step_materialization_data.materialization
            if data.asset_key == dg.AssetKey("record"):
                values = {name: value.value for name, value in data.metadata.items()}
                days[str(data.partition)] = values
    return days
