"""The job that erases: by schedule every day that is due, from the command line also one day.

Runs take turns (`dagster.yaml`), so it never works beside a release started by the UI; and its step
takes the warehouse's slot, for which runs of the command line wait too. Erasing and planning a
release of the same day exclude each other in the catalogue besides.
"""

from datetime import UTC, datetime

import dagster as dg

from analytics_pipeline.core.day import parse_day
from analytics_pipeline.core.errors import StoreError
from analytics_pipeline.defs.assets.common import WAREHOUSE_POOL
from analytics_pipeline.defs.resources import StoresResource
from analytics_pipeline.defs.steps.retention import Erased, describe, erase_day, erase_due
from analytics_pipeline.defs.stores import Stores


class EraseConfig(dg.Config):
    """One day and why, or nothing: every day that is due."""

    day: str = ""
    reason: str = ""


@dg.op(
    pool=WAREHOUSE_POOL,
    description="Destroys the raw data of days whose retention time is over: retention key, data "
    "keys, noise seed, pins, raw events, contributions. Goes on where a killed run ended.",
)
def erase(context: dg.OpExecutionContext, config: EraseConfig, stores: StoresResource) -> list[str]:
    """The ISO days that were erased. Fails if a day is long overdue and may not be erased."""
    now = datetime.now(UTC)
    if config.day:
        receipt = erase_day(stores.opened, parse_day(config.day), now, config.reason)
        done = Erased(receipts=[receipt])
    else:
        done = erase_due(stores.opened, now)
    garbage = collect_garbage(stores.opened) if done.receipts or done.swept else "nothing to do"
    refused = [f"{type(error).__name__}: {error}" for error in done.refused]
    metadata: dict[str, dg.MetadataValue] = {
        "days": dg.MetadataValue.md(describe(done.receipts)),
        "data_keys_destroyed": dg.MetadataValue.int(sum(r.data_keys for r in done.receipts)),
        "swept": dg.MetadataValue.text(", ".join(map(str, done.swept)) or "nothing"),
        "garbage": dg.MetadataValue.text(garbage),
        "refused": dg.MetadataValue.md("\n".join(f"- {line}" for line in refused) or "none"),
    }
    context.add_output_metadata(metadata)
    if refused:
        raise dg.Failure("overdue days may not be erased: " + "; ".join(refused), metadata)
    return [receipt.day.isoformat() for receipt in done.receipts]


def collect_garbage(stores: Stores) -> str:
    """Remove the blocks that no pin needs any more, and say so in words. A damaged store keeps them
    all: the days are erased nevertheless, for nobody has their keys."""
    try:
        collected = stores.content.gc()
    except StoreError as error:
        return f"left: {type(error).__name__}: {error}"
    if collected is None:
        return "left to the IPFS node"
    return f"{collected.blocks} blocks, {collected.size_bytes:,} bytes removed"


@dg.job(
    executor_def=dg.in_process_executor,
    description="Erases raw data: of the days that are due, or of one day for a reason.",
)
def retention() -> None:
    """One step."""
    erase()


retention_schedule = dg.ScheduleDefinition(
    name="retention_every_day",
    job=retention,
    cron_schedule="0 4 * * *",
    execution_timezone="UTC",
    description="Erases what is due at 04:00 UTC, after the night's release. "
    "ANALYTICS_RETENTION_DAYS=0 leaves everything as it is.",
    default_status=dg.DefaultScheduleStatus.RUNNING,
)
