"""`python -m analytics_pipeline.defs erase`: what `analytics-pipeline erase` starts.

    erase                        where every day stands; changes nothing
    erase --yes                  a Dagster run that erases what is due
    erase DAY --reason TEXT      whether that day may be erased; with --yes it is

stdout has one line of JSON, ``{"result": …}``. The run shows in the UI like any other.
"""

import uuid
from contextlib import closing
from datetime import UTC, date, datetime
from typing import Any

from analytics_pipeline.core.day import parse_day
from analytics_pipeline.core.errors import InvalidInput
from analytics_pipeline.settings import Settings, load_settings, require_home


def run_erase(day: str | None, reason: str, *, yes: bool) -> dict[str, Any]:
    """List or erase.

    Returns:
        ``days``, where each stands, or ``receipts`` of those that were erased.
    Raises:
        InvalidInput: a day without a reason, or a reason without a day.
        ErasureRefused: the day that was asked for may not be erased.
        EventsExpired: it is erased already.
        RunFailed: the run that should erase did not end well.
    """
    settings = load_settings()
    require_home(settings)
    asked = parse_day(day) if day else None
    if (asked is None) != (not reason):
        raise InvalidInput("--reason", "goes with a day, and a day goes with a reason")
    return _erase(settings, asked, reason) if yes else _list(settings, asked)


def _list(settings: Settings, asked: date | None) -> dict[str, Any]:
    from analytics_pipeline.defs.steps.retention import list_retention, require_erasable
    from analytics_pipeline.defs.stores import Stores
    from analytics_pipeline.storage.catalogue import list_expiries, require_events

    now = datetime.now(UTC)
    with closing(Stores(settings)) as stores:
        days = list_retention(stores, now)
        if asked is not None:
            require_events(stores.catalogue, stores.platform, asked)
            days = [found for found in days if found.day == asked]
            require_erasable(stores, asked, now, reasoned=True)
        begun = {e.day for e in list_expiries(stores.catalogue, stores.platform)}
        return {
            "days": [
                {
                    "day": found.day,
                    "segments": found.segments,
                    "recorded_at": found.recorded_at,
                    "due_at": found.due_at,
                    "refused": describe_refusal(found.refused),
                    "begun": found.day in begun,
                }
                for found in days
            ]
        }


def describe_refusal(error: Exception | None) -> str | None:
    """``Name: problem``."""
    return f"{type(error).__name__}: {error}" if error else None


def _erase(settings: Settings, asked: date | None, reason: str) -> dict[str, Any]:
    from analytics_pipeline.defs.alive import alive_run
    from analytics_pipeline.defs.failure import build_failure
    from analytics_pipeline.defs.instance import open_instance
    from analytics_pipeline.defs.stores import Stores
    from analytics_pipeline.storage.catalogue import list_receipts

    quiet = {"console": {"config": {"log_level": "CRITICAL"}}}
    config = {"day": asked.isoformat() if asked else "", "reason": reason}
    run_id = str(uuid.uuid4())
    with open_instance(settings) as instance, alive_run(settings.home, instance, run_id):
        from analytics_pipeline.definitions import defs

        ended = defs.resolve_job_def("retention").execute_in_process(
            run_config={"loggers": quiet, "ops": {"erase": {"config": config}}},
            instance=instance,
            run_id=run_id,
            raise_on_error=False,
        )
    if not ended.success:
        raise build_failure(run_id, ended.all_events)
    with closing(Stores(settings)) as stores:
        receipts = list_receipts(stores.catalogue, stores.platform)
    erased = set(ended.output_for_node("erase"))
    return {"receipts": [r.to_json() for r in receipts if r.day.isoformat() in erased]}
