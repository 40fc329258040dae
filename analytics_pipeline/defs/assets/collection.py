"""Group *collection*: from sealed segments to one encrypted Parquet of events a day."""

import dagster as dg

from analytics_pipeline.defs.assets.common import Result, Timer, check_result, daily_asset
from analytics_pipeline.defs.partitions import days_of
from analytics_pipeline.defs.resources import StoresResource
from analytics_pipeline.defs.steps import chain_memory
from analytics_pipeline.defs.steps import events as events_step
from analytics_pipeline.defs.steps import segments as segments_step


@daily_asset(
    group="collection",
    owner="operations",
    kinds={"ipfs", "parquet"},
    checks={
        "segments_intact": "Every segment of the day is in the content store under its CID, and "
        "the key it was encrypted with is still there."
    },
)
def segments(context: dg.AssetExecutionContext, stores: StoresResource) -> Result:
    """The day's sealed segments: files of events that the sealer encrypted and wrote to IPFS. A
    day whose events have expired stops here, before anything is changed; so does a run whose
    budget ledger, clock or policy is not what the chain and earlier revisions say."""
    timer, problems = Timer(), []
    chain_memory.require_sound_ledger(stores.opened, days_of(context))
    for day, found in segments_step.load_segments(stores.opened, days_of(context)).items():
        problems += segments_step.find_problems(stores.opened, found)
        metadata = segments_step.describe(found)
        context.add_asset_metadata(metadata, partition_key=day.isoformat())
    return Result(
        metadata={"seconds": timer.seconds},
        check_results=[check_result("segments_intact", problems)],
    )


@daily_asset(
    group="collection",
    owner="operations",
    kinds={"polars", "parquet"},
    deps=["segments"],
    tags={"contains": "viewer_data"},
    checks={
        "events_accounted": "Events kept + duplicates across segments = events the sealer "
        "accepted, for every day."
    },
)
def events(context: dg.AssetExecutionContext, stores: StoresResource) -> Result:
    """The day's events, each once: segments are fetched by CID, decrypted, validated and joined;
    of an event that came in several segments the copy received first is kept. One encrypted
    Parquet file a day."""
    timer, problems = Timer(), []
    for day in days_of(context):
        intake = events_step.load_day(stores.opened, day)
        problems += events_step.find_problems(intake)
        metadata = events_step.describe(intake)
        context.add_asset_metadata(metadata, partition_key=day.isoformat())
    return Result(
        metadata={"seconds": timer.seconds},
        check_results=[check_result("events_accounted", problems)],
    )
