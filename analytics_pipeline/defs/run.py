"""A range of days in one Dagster run, in this process, on the deployment's own instance.

A long range takes several, one after the other. A run shows in the UI like any other. Belongs
here: starting it and telling how far it is.
"""

import logging
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Final

import dagster as dg

from analytics_pipeline.core.errors import PipelineError
from analytics_pipeline.defs.alive import alive_run
from analytics_pipeline.defs.day_range import require_range, split_range
from analytics_pipeline.defs.failure import RunFailed, build_failure
from analytics_pipeline.defs.instance import open_instance
from analytics_pipeline.defs.outcome import (
    Outcome,
    count_outcomes,
    describe_outcomes,
    load_ended,
    mark_failed,
    read_outcomes,
)
from analytics_pipeline.defs.partitions import range_tags
from analytics_pipeline.defs.stores import Stores
from analytics_pipeline.defs.turn import WAITING
from analytics_pipeline.settings import Settings

#: (name of the step that ended, or a line of the one at work; steps done; steps in all)
Progress = Callable[[str, int, int], None]

#: Steps whose own lines are progress; dagster-dbt logs for people who look at the run.
_SPEAKING: Final = ("commitment", "proof")
_QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}


@dataclass(frozen=True)
class RunSummary:
    """What a run did (or several, for a long range).

    Args:
        seconds: from the call to the end of the last run.
        changed: how many days changed, in a line.
        outcomes: ISO day -> what became of it, in words (`defs.outcome`).
        days: ISO day -> metadata of its record.
    """

    run_ids: tuple[str, ...]
    seconds: float
    checks_passed: int
    changed: str
    outcomes: dict[str, str]
    days: dict[str, dict[str, Any]]


class RangeFailed(PipelineError):
    """One or more runs of a range failed; the others did their work, see ``summary``."""

    def __init__(self, failures: Sequence[RunFailed], summary: RunSummary) -> None:
        super().__init__("; ".join(map(str, failures)))
        self.failures = tuple(failures)
        self.summary = summary


def run_days(
    settings: Settings,
    first_day: date,
    last_day: date,
    progress: Progress = lambda step, done, total: None,
) -> RunSummary:
    """Compute, release and publish every day from ``first_day`` to ``last_day``, both included. A
    failed run of a long range does not keep the others from theirs.

    Raises:
        InvalidInput: the days are not a range of complete days.
        RangeFailed: naming the step and first error of each run that failed.
    """
    require_range(first_day, last_day)
    started = time.monotonic()
    ranges = split_range(first_day, last_day)
    with open_instance(settings) as instance, closing(Stores(settings)) as stores:
        from analytics_pipeline.definitions import defs  # reads the environment set above

        before = load_ended(stores)
        job = defs.resolve_job_def("daily")
        listener = _Listener(progress, len(job.nodes) * len(ranges))
        results = [_run(settings, instance, job, listener, first, last) for first, last in ranges]
        outcomes = describe_outcomes(stores, before, _days(first_day, last_day))
        failures = []
        for (first, last), result in zip(ranges, results, strict=True):
            # the run's own word: another process may have had its turn between `before` and it
            outcomes |= read_outcomes(result.all_events)
            if not result.success:
                failures.append(build_failure(result.run_id, result.all_events))
                outcomes = mark_failed(outcomes, _days(first, last), failures[-1].problem)
        summary = _summarise(
            results, dict(sorted(outcomes.items())), round(time.monotonic() - started, 1)
        )
    if failures:
        raise RangeFailed(failures, summary)
    return summary


def _summarise(
    results: Sequence[dg.ExecuteInProcessResult], outcomes: Mapping[str, Outcome], seconds: float
) -> RunSummary:
    return RunSummary(
        run_ids=tuple(result.run_id for result in results),
        seconds=seconds,
        checks_passed=sum(
            evaluation.passed
            for result in results
            for evaluation in result.get_asset_check_evaluations()
        ),
        changed=count_outcomes(outcomes.values()),
        outcomes={day: outcome.words for day, outcome in outcomes.items()},
        days={
            day: metadata
            for result in results
            for day, metadata in _record_metadata(result.all_events).items()
        },
    )


def _days(first_day: date, last_day: date) -> list[date]:
    return [first_day + timedelta(days=n) for n in range((last_day - first_day).days + 1)]


def _run(
    settings: Settings,
    instance: dg.DagsterInstance,
    job: dg.JobDefinition,
    listener: "_Listener",
    first_day: date,
    last_day: date,
) -> dg.ExecuteInProcessResult:
    run_id = str(uuid.uuid4())
    instance.add_event_listener(run_id, listener)
    with alive_run(settings.home, instance, run_id):
        return job.execute_in_process(
            run_config=_QUIET,
            instance=instance,
            tags=range_tags(first_day, last_day),
            run_id=run_id,
            raise_on_error=False,
        )


class _Listener:
    """Turns events into progress: ended steps, and what a step says while it works."""

    def __init__(self, progress: Progress, total: int) -> None:
        self.progress, self.total, self.done = progress, total, 0

    def __call__(self, entry: dg.EventLogEntry) -> None:
        event = entry.dagster_event
        said = entry.step_key in _SPEAKING or entry.user_message == WAITING
        if event is None and entry.level == logging.INFO and said:
            self.progress(entry.user_message, self.done, self.total)
        if event is not None and event.event_type_value == "STEP_SUCCESS":
            self.done += 1
            self.progress(str(event.step_key), self.done, self.total)


def _record_metadata(events: Sequence[Any]) -> dict[str, dict[str, Any]]:
    days = {}
    for event in events:
        if event.event_type_value == "ASSET_MATERIALIZATION":
            data = event.step_materialization_data.materialization
            if data.asset_key == dg.AssetKey("record"):
                # pictures are for the UI; `outcomes` says for all days what became of them
                values = {
                    name: value.value
                    for name, value in data.metadata.items()
                    if name != "outcome" and not isinstance(value, dg.MarkdownMetadataValue)
                }
                days[str(data.partition)] = values
    return days
