"""Tags that let anybody read the list of runs: which days a run is about, and why it failed.

    days     `2026-11-20 to 2026-11-22`, and once the record is published what became of them
    failed   the step and the first line of its error, or of its failed checks

Belongs here: what is known when a run begins and when its steps have ended. What became of days is
told by `defs.outcome`.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import dagster as dg

from analytics_pipeline.defs.failure import build_failure
from analytics_pipeline.defs.partitions import span_of

DAYS: Final = "days"
FAILED: Final = "failed"
_LONGEST: Final = 200
_TELLING: Final = {dg.DagsterEventType.STEP_FAILURE, dg.DagsterEventType.ASSET_CHECK_EVALUATION}


@contextmanager
def told_in_tags(context: dg.InitResourceContext) -> Iterator[None]:
    """Around all steps of a run."""
    run, instance = context.run, context.instance
    if run is None or instance is None:
        yield
        return
    if span := span_of(run.tags):
        first, last = span
        days = first if first == last else f"{first} to {last}"
        instance.add_run_tags(run.run_id, {DAYS: days})
    try:
        yield
    finally:
        entries = instance.all_logs(run.run_id, of_type=_TELLING)
        events = [entry.dagster_event for entry in entries if entry.dagster_event is not None]
        if any(event.is_step_failure for event in events):
            problem = build_failure(run.run_id, events).problem
            line = " ".join(problem.replace("failed:\n- ", "failed: ").splitlines()[0].split())
            instance.add_run_tags(run.run_id, {FAILED: line[:_LONGEST]})
