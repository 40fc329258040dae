"""Group *publication*: from the exact tally to a noised report on chain, proved and verified."""

import dagster as dg

from analytics_pipeline.defs.assets.common import (
    WAREHOUSE_POOL,
    Result,
    Timer,
    check_result,
    daily_asset,
)
from analytics_pipeline.defs.outcome import (
    OUTCOMES,
    Outcome,
    count_outcomes,
    describe_outcomes,
    outcomes_json,
    outcomes_table,
)
from analytics_pipeline.defs.partitions import days_of
from analytics_pipeline.defs.resources import StoresResource
from analytics_pipeline.defs.run_tags import DAYS
from analytics_pipeline.defs.steps import (
    budgets,
    bundles,
    commitments,
    day_commitments,
    inputs,
    previews,
    proofs,
    records,
    reports,
)


@daily_asset(
    group="publication",
    owner="publication",
    kinds={"json", "merkle"},
    deps=["segments", "events", "tally", "contributions"],
    pool=WAREHOUSE_POOL,
    checks={
        "tally_within_bounds": "Every tally row belongs to the policy's queries and to the public "
        "lists of videos, creators and regions, each exactly once, and no value is negative.",
        "contributions_provable": "The contributions are within the policy's bounds, sum to the "
        "tally figure by figure, and fit the shape of a proof.",
        "budget_left": "The day and every 30 days with it have enough privacy budget left for "
        "this release; a correction leaves what first releases of these days need.",
    },
)
def manifest(context: dg.AssetExecutionContext, stores: StoresResource) -> Result:
    """Everything the day's figures depend on, pinned down before they are released: the list of
    its segments (as a Merkle root), the privacy policy's hash and a digest of the exact tally and
    the contributions it sums."""
    timer = Timer()
    prepared = inputs.load_inputs(stores.opened, days_of(context))
    for day_inputs in prepared:
        context.add_asset_metadata(inputs.describe(day_inputs), partition_key=day_inputs.key)
    return Result(
        metadata={"seconds": timer.seconds},
        check_results=[
            check_result("tally_within_bounds", inputs.find_tally_problems(prepared)),
            check_result("contributions_provable", day_commitments.find_problems(prepared)),
            check_result("budget_left", budgets.find_budget_problems(stores.opened, prepared)),
        ],
    )


@daily_asset(
    group="publication",
    owner="publication",
    kinds={"ethereum", "sqlite"},
    deps=["manifest", "contributions"],
    pool=WAREHOUSE_POOL,
    tags={"leaves_the_machine": "public"},
    checks={
        "commitments_on_chain": "Every planned release has its commit record (manifest root, "
        "policy hash, tally root, catalogue root, seed commitment) in the platform's hash chain, "
        "under the next revision."
    },
)
def commitment(context: dg.AssetExecutionContext, stores: StoresResource) -> Result:
    """A promise on chain, made before the noise can be known: which inputs, contributions, videos,
    policy and seed the day's next revision will have. Reserves its privacy budget, and commits to
    the seeds of the coming days. A day whose inputs did not change keeps the release it has, and
    nothing is spent."""
    timer = Timer()
    stores.opened.say = context.log.info
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
    deps=["commitment", "tally", "contributions"],
    pool=WAREHOUSE_POOL,
    tags={"leaves_the_machine": "public"},
    checks={
        "report_matches_commitment": "The stored report is canonical and its header repeats the "
        "manifest root, policy hash and spend that were committed to.",
    },
)
def release(context: dg.AssetExecutionContext, stores: StoresResource) -> Result:
    """The day's report: the tally with noise added, figures too small to tell from noise
    suppressed. The noise follows from the day's seed and the beacon, the randomness of a block
    after the commit: nobody chose it, and materialising again returns the same bytes."""
    timer = Timer()
    drawn = reports.draw_missing(stores.opened, days_of(context))
    for item in drawn:
        metadata = {**previews.preview_retention(stores.opened, item), **reports.describe(item)}
        context.add_asset_metadata(metadata, partition_key=item.day.isoformat())
    return Result(
        metadata={"seconds": timer.seconds},
        check_results=[check_result("report_matches_commitment", reports.find_problems(drawn))],
    )


@daily_asset(
    group="publication",
    owner="publication",
    kinds={"zk", "json"},
    deps=["commitment", "release", "contributions"],
    pool=WAREHOUSE_POOL,
    tags={"leaves_the_machine": "public"},
    checks={
        "proof_verifies": "The stored proof is about this very release, and the verifier contract "
        "of its circuit, run in a local EVM, accepts it.",
    },
)
def proof(context: dg.AssetExecutionContext, stores: StoresResource) -> Result:
    """A zero-knowledge proof that every figure of the report is the sum of the committed
    contributions plus the noise that follows from seed and beacon. It shows no contribution; its
    size tells no more of the day than its shape. Made once per revision."""
    timer = Timer()
    stores.opened.say = context.log.info
    proved = proofs.prove_missing(stores.opened, days_of(context))
    for item in proved:
        day = item.release.day.isoformat()
        context.add_asset_metadata(proofs.describe(item), partition_key=day)
    problems = proofs.find_problems(stores.opened, [item.release for item in proved])
    return Result(
        metadata={"seconds": timer.seconds},
        check_results=[check_result("proof_verifies", problems)],
    )


@daily_asset(
    group="publication",
    owner="publication",
    kinds={"ipfs", "json"},
    deps=["release", "proof"],
    tags={"leaves_the_machine": "public"},
    checks={"bundle_pinned": "The bundle is pinned, and reads back as it was stored."},
)
def bundle(context: dg.AssetExecutionContext, stores: StoresResource) -> Result:
    """Everything a stranger needs to verify the day besides the chain: report, proof, manifest,
    policy, list of videos and the reason for this revision, as one directory on IPFS under one
    CID."""
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
        "report, every row, manifest, budget, revisions, circuit, list of videos, seed, beacon, "
        "statement and proof.",
    },
)
def record(context: dg.AssetExecutionContext, stores: StoresResource) -> Result:
    """The day's release record in the platform's hash chain: report root, CIDs, figure sum and the
    privacy budget spent (`rho`; `epsilon` says the same at `delta`). The contract takes it only
    with a proof that holds. `head` is the hash over all records of the platform up to this one.
    Publishing again finds the record and sends nothing. The check `verified` also says what the run
    has changed; of a backfill, the asset *backfills* says it for all of its runs."""
    timer = Timer()
    published = records.publish_missing(stores.opened, days_of(context))
    changed = outcomes_of_run(context, stores)
    trends = previews.preview_trends(stores.opened, published)
    for item in published:
        key = item.day.isoformat()
        told = {"outcome": changed[key].words, **trends[key]}
        metadata = {**told, **records.describe(stores.opened, item)}
        context.add_asset_metadata(metadata, partition_key=key)
    verification = records.verify_all(stores.opened, published)
    days = {
        "what changed": dg.MetadataValue.md(outcomes_table(changed)),
        OUTCOMES: dg.MetadataValue.json(outcomes_json(changed)),
        "days": dg.MetadataValue.md(verification.table),
    }
    return Result(
        metadata={"seconds": timer.seconds},
        check_results=[check_result("verified", verification.problems, days)],
    )


def outcomes_of_run(
    context: dg.AssetExecutionContext, stores: StoresResource
) -> dict[str, Outcome]:
    """What this run has done so far, by ISO day; in the list of runs a tag counts it."""
    outcomes = describe_outcomes(stores.opened, stores.before, days_of(context))
    context.instance.add_run_tags(context.run.run_id, {DAYS: count_outcomes(outcomes.values())})
    return outcomes
