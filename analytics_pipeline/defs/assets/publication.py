"""Group *publication*: from the exact tally to a noised report on chain, verified."""

import dagster as dg

from analytics_pipeline.defs.assets.common import (
    WAREHOUSE_POOL,
    Result,
    Timer,
    check_result,
    daily_asset,
)
from analytics_pipeline.defs.partitions import days_of
from analytics_pipeline.defs.resources import StoresResource
from analytics_pipeline.defs.steps import bundles, commitments, inputs, records, reports


@daily_asset(
    group="publication",
    owner="publication",
    kinds={"json", "merkle"},
    deps=["segments", "events", "tally"],
    pool=WAREHOUSE_POOL,
    checks={
        "tally_within_bounds": "Every tally row belongs to the policy's queries and to the public "
        "lists of videos, creators and regions, each exactly once, and no value is negative.",
        "budget_left": "The day has enough privacy budget left for this release.",
    },
)
def manifest(context: dg.AssetExecutionContext, stores: StoresResource) -> Result:
    """Everything the day's figures depend on, pinned down before they are released: the list of
    its segments (as a Merkle root), the privacy policy's hash and a digest of the exact tally."""
    timer = Timer()
    prepared = inputs.load_inputs(stores.opened, days_of(context))
    for day_inputs in prepared:
        context.add_asset_metadata(inputs.describe(day_inputs), partition_key=day_inputs.key)
    return Result(
        metadata={"seconds": timer.seconds},
        check_results=[
            check_result("tally_within_bounds", inputs.find_tally_problems(prepared)),
            check_result("budget_left", inputs.find_budget_problems(stores.opened, prepared)),
        ],
    )


@daily_asset(
    group="publication",
    owner="publication",
    kinds={"ethereum", "sqlite"},
    deps=["manifest"],
    pool=WAREHOUSE_POOL,
    tags={"leaves_the_machine": "public"},
    checks={
        "commitments_on_chain": "Every planned release has its commit record (manifest root, "
        "policy hash) in the platform's hash chain, under the next revision."
    },
)
def commitment(context: dg.AssetExecutionContext, stores: StoresResource) -> Result:
    """A promise on chain, made before any noise is drawn: which inputs and which policy the day's
    next revision will have. Reserves its privacy budget. A day whose inputs did not change keeps
    the release it has, and nothing is spent."""
    timer = Timer()
    planned = commitments.plan_and_commit(stores.opened, days_of(context))
    for plan in planned:
        context.add_asset_metadata(commitments.describe(plan), partition_key=plan.key)
    problems = commitments.find_problems(stores.opened, planned)
    return Result(
        metadata={"seconds": timer.seconds},
        check_results=[check_result("commitments_on_chain", problems)],
    )


@daily_asset(
    group="publication",
    owner="publication",
    kinds={"opendp", "json"},
    deps=["commitment", "tally"],
    pool=WAREHOUSE_POOL,
    tags={"leaves_the_machine": "public"},
    checks={
        "report_matches_commitment": "The stored report is canonical and its header repeats the "
        "manifest root, policy hash and spend that were committed to.",
    },
)
def release(context: dg.AssetExecutionContext, stores: StoresResource) -> Result:
    """The day's report: the tally with noise added, figures too small to tell from noise
    suppressed. Noise is drawn once per revision and stored: materialising again returns the same
    bytes."""
    timer = Timer()
    drawn = reports.draw_missing(stores.opened, days_of(context))
    for item in drawn:
        context.add_asset_metadata(reports.describe(item), partition_key=item.day.isoformat())
    return Result(
        metadata={"seconds": timer.seconds},
        check_results=[check_result("report_matches_commitment", reports.find_problems(drawn))],
    )


@daily_asset(
    group="publication",
    owner="publication",
    kinds={"ipfs", "json"},
    deps=["release"],
    tags={"leaves_the_machine": "public"},
    checks={"bundle_pinned": "The bundle is pinned, and reads back as it was stored."},
)
def bundle(context: dg.AssetExecutionContext, stores: StoresResource) -> Result:
    """Everything a stranger needs to verify the day besides the chain: report, manifest, policy and
    the reason for this revision, as one directory on IPFS under one CID."""
    timer = Timer()
    pinned = bundles.pin_missing(stores.opened, days_of(context))
    for item in pinned:
        metadata = bundles.describe(stores.opened, item)
        context.add_asset_metadata(metadata, partition_key=item.day.isoformat())
    problems = bundles.find_problems(stores.opened, pinned)
    return Result(
        metadata={"seconds": timer.seconds}, check_results=[check_result("bundle_pinned", problems)]
    )


@daily_asset(
    group="publication",
    owner="publication",
    kinds={"ethereum"},
    deps=["commitment", "bundle"],
    tags={"leaves_the_machine": "public"},
    checks={
        "verified": "What a stranger would check, from the chain and IPFS alone: record, bundle, "
        "report, every row, manifest, budget, revisions.",
    },
)
def record(context: dg.AssetExecutionContext, stores: StoresResource) -> Result:
    """The day's release record in the platform's hash chain: report root, CIDs and the privacy
    budget spent (`rho`; `epsilon` says the same at `delta`). `head` is the hash over all records
    of the platform up to this one. Publishing again finds the record and sends nothing."""
    timer = Timer()
    published = records.publish_missing(stores.opened, days_of(context))
    for item in published:
        metadata = records.describe(stores.opened, item)
        context.add_asset_metadata(metadata, partition_key=item.day.isoformat())
    verification = records.verify_all(stores.opened, published)
    days = {"days": dg.MetadataValue.md(verification.table)}
    return Result(
        metadata={"seconds": timer.seconds},
        check_results=[check_result("verified", verification.problems, days)],
    )
