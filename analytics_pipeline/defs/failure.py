"""Why a run failed, in one message: the step, and its error or the checks that did not pass."""

from collections.abc import Iterable, Sequence
from typing import Any, Final

import dagster as dg

from analytics_pipeline.core.errors import PipelineError

_DAGSTERS_OWN: Final = ("DagsterExecutionStepExecutionError", "RetryRequestedFromPolicy")


class RunFailed(PipelineError):
    """A step or a blocking check failed; nothing downstream of it was run."""

    def __init__(self, run_id: str, step: str, message: str) -> None:
        super().__init__(f"{step}: {message} (Dagster run {run_id})")
        self.run_id = run_id
        self.step = step
        #: without the run's id
        self.problem = f"{step}: {message}"


def build_failure(run_id: str, events: Sequence[Any]) -> RunFailed:
    """The first failed step among a run's events."""
    for event in events:
        if event.event_type_value == "STEP_FAILURE":
            step = str(event.step_key)
            message = _checks(step, events) or _error(event.step_failure_data.error)
            return RunFailed(run_id, step, message)
        if event.event_type_value == "PIPELINE_FAILURE":
            data = event.job_failure_data
            if data.error is not None and data.first_step_failure_event is None:
                return RunFailed(run_id, "start", _error(data.error))
    return RunFailed(run_id, "run", "failed before its first step")


def _error(error: Any) -> str:
    """The error the step raised, as ``Class: message`` without the module it is from."""
    while error is not None and error.cls_name in _DAGSTERS_OWN and error.cause is not None:
        error = error.cause
    if error is None:
        return "failed"
    module_and_class, separator, message = str(error.message).strip().partition(": ")
    if separator and module_and_class.endswith(str(error.cls_name)):
        return f"{error.cls_name}: {message}"
    return str(error.message).strip()


def _checks(step: str, events: Iterable[Any]) -> str:
    """The step's own blocking checks that did not pass, with the problems they found."""
    failed = []
    for event in events:
        if event.event_type_value != "ASSET_CHECK_EVALUATION" or str(event.step_key) != step:
            continue
        evaluation: dg.AssetCheckEvaluation = event.event_specific_data
        problems = evaluation.metadata.get("problems")
        if not evaluation.passed and problems is not None:
            failed.append(f"check `{evaluation.check_name}` failed:\n{problems.value}")
    return "\n".join(failed)
