"""Step *commitment*: plan a revision, reserve its budget, commit to inputs, contributions and seed.

    inputs unchanged           the latest release stays: nothing is planned, spent or sent
    inputs changed             the next revision
    a revision half-way        brought to an end first: released if its report was drawn, can still
                               be proved and its commit still stands at the tip of the chain,
                               withheld otherwise

All new commits of a run go to the chain as one batch, so that their releases can follow as one.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from analytics_pipeline.core import canonical
from analytics_pipeline.core.budget import Caps
from analytics_pipeline.core.checks.history import MAX_WITHHELD
from analytics_pipeline.core.errors import (
    ReleaseConflict,
    ReleaseError,
)
from analytics_pipeline.core.manifest import parse_manifest
from analytics_pipeline.core.record import pair_releases
from analytics_pipeline.defs.steps import bundles, proofs, records
from analytics_pipeline.defs.steps.budgets import require_budget
from analytics_pipeline.defs.steps.chain_memory import require_sound_ledger
from analytics_pipeline.defs.steps.day_commitments import (
    commit_inputs,
    commitment_columns,
    load_commitment,
    require_one_batch,
    shape_of,
)
from analytics_pipeline.defs.steps.inputs import DayInputs, load_inputs
from analytics_pipeline.defs.steps.onchain_verifier import ensure_verifier, require_taken
from analytics_pipeline.defs.steps.seeds import commit_seeds
from analytics_pipeline.defs.steps.state import present
from analytics_pipeline.defs.steps.statements import build_commit
from analytics_pipeline.defs.steps.tip import (
    OVERTAKEN,
    REORGANISED,
    is_at_tip,
    is_committed,
    tip_commits,
)
from analytics_pipeline.defs.stores import Stores
from analytics_pipeline.storage.catalogue import (
    Release,
    forget_commit,
    list_releases,
    load_release,
    load_seed,
    mark_withheld,
    plan_release,
    store_release,
)


@dataclass(frozen=True)
class Plan:
    """A day's release, committed; ``is_new`` if this run planned or committed it."""

    release: Release
    is_new: bool

    @property
    def key(self) -> str:
        """The partition key."""
        return self.release.day.isoformat()


def plan_and_commit(stores: Stores, days: Iterable[date]) -> list[Plan]:
    """Plan every day, then commit what is not on chain yet, in one transaction.

    Raises:
        LedgerTampered: catalogue and chain disagree about what was spent; or ClockMovedBack.
        BudgetOverspent: there is not enough budget left for all of the days; nothing was reserved.
        DayTooLarge: no shape of a proof holds a day, or ReleaseError: its circuit is not
            published, or not known to the verifier at the registry; likewise.
        EventsExpired: a day's events are gone and its inputs are not those of a release.
        InvalidInput: the days need more proofs than one transaction takes.
        ProvingError: something that proving them will need is missing; likewise.
        ReleaseConflict: the chain has a seed that the catalogue does not know.
        ChainError: the chain refused or could not be reached; running again continues.
    """
    days = list(days)
    require_sound_ledger(stores, days)
    inputs_of_days = load_inputs(stores, days)
    finish_drawn(stores, inputs_of_days)
    require_budget(stores, inputs_of_days)
    shapes = [shape_of(each) for each in inputs_of_days if not _is_done(stores, each)]
    require_one_batch(shapes)
    stores.proving.prepare(shapes)
    ensure_verifier(stores)
    require_taken(stores, shapes)
    commit_seeds(stores, days)
    planned = [_plan(stores, inputs) for inputs in inputs_of_days]
    missing = [release for release in planned if release.commit_head is None]
    committed = {release.day: release for release in commit_releases(stores, missing)}
    return [
        Plan(committed.get(release.day, release), is_new=not release.released)
        for release in planned
    ]


def commit_releases(stores: Stores, releases: Sequence[Release]) -> list[Release]:
    """Commit planned releases as one batch and note the heads. Finds commits it sent before."""
    if not releases:
        return []
    sent = stores.publisher.commit(stores.platform, [build_commit(release) for release in releases])
    heads = {(found.day, found.revision): found.head for found in sent}
    return [
        store_release(
            stores.catalogue,
            stores.platform,
            release.day,
            release.revision,
            commit_head=canonical.hash_text(heads[release.day, release.revision]),
        )
        for release in releases
    ]


def _plan(stores: Stores, inputs: DayInputs) -> Release:
    settle(stores, inputs)
    _require_room(stores, inputs)
    release = plan_release(
        stores.catalogue,
        stores.platform,
        inputs.day,
        inputs_digest=inputs.digest,
        caps=Caps.of(inputs.policy),
        reason=_reason(stores, inputs),
    )
    if release.manifest_json is not None:
        return release
    seed = load_seed(stores.catalogue, stores.keyring, stores.platform, inputs.day)
    commitment = commit_inputs(inputs, seed, release.revision)
    return store_release(
        stores.catalogue,
        stores.platform,
        inputs.day,
        release.revision,
        manifest_json=inputs.manifest.canonical_bytes,
        policy_json=inputs.policy.canonical_bytes,
        catalogue_json=inputs.listing.canonical_bytes,
        **commitment_columns(commitment, seed),
    )


def _require_room(stores: Stores, inputs: DayInputs) -> None:
    """Raises ReleaseError if so many commits of the day were withheld that another release of it
    would not verify."""
    revisions = list_releases(stores.catalogue, stores.platform, inputs.day)
    if revisions and revisions[-1].live and revisions[-1].inputs_digest == inputs.digest:
        return
    withheld = sum(not release.live for release in revisions)
    if withheld > MAX_WITHHELD:
        raise ReleaseError(
            f"{inputs.day}: {withheld} of its commits were withheld and a day may have "
            f"{MAX_WITHHELD}: another release of it would not verify"
        )


def _is_done(stores: Stores, inputs: DayInputs) -> bool:
    latest = load_release(stores.catalogue, stores.platform, inputs.day)
    return latest is not None and latest.released and latest.inputs_digest == inputs.digest


def finish_drawn(stores: Stores, going_on: Sequence[DayInputs] = ()) -> None:
    """Prove and release what an earlier run drew and did not record, of whatever day, in one batch,
    while its commits still stand at the tip: the releases of this run would overtake it, and its
    budget would be lost. What can no longer be proved is withheld.

    Args:
        going_on: days of this run. If they are all that is half-way and nothing changed about them,
            they are left to it, so that those not drawn yet are not overtaken either.
    """
    inputs_now = {inputs.day: inputs.digest for inputs in going_on}
    half_way = []
    for commit in tip_commits(stores):
        found = load_release(stores.catalogue, stores.platform, commit.day, commit.revision)
        if found and found.live and not found.released:
            half_way.append(found)
    if all(inputs_now.get(found.day) == found.inputs_digest for found in half_way):
        return
    drawn = []
    for found in half_way:
        if found.report_json is None:
            continue
        if _is_provable(stores, found):
            drawn.append(found.day)
        else:
            why = "its inputs changed before it was proved"
            mark_withheld(stores.catalogue, stores.platform, found.day, found.revision, why)
    if drawn:
        proofs.prove_missing(stores, drawn)
        bundles.pin_missing(stores, drawn)
        records.publish_missing(stores, drawn)


def _is_provable(stores: Stores, release: Release) -> bool:
    if release.proof_json is not None:
        return True
    try:
        load_commitment(stores, release)
    except ReleaseConflict:
        return False
    return True


def settle(stores: Stores, inputs: DayInputs) -> None:
    """Bring a revision that an earlier run left half-way to an end, unless this run can take it
    further as it is."""
    latest = load_release(stores.catalogue, stores.platform, inputs.day)
    if latest is None or not latest.live or latest.released or latest.manifest_json is None:
        return
    same = latest.inputs_digest == inputs.digest
    moved = latest.commit_head is not None and not is_committed(stores, latest)
    if moved:  # a reorganisation took its block; the number must be on chain before the next is
        latest = forget_commit(stores.catalogue, stores.platform, latest.day, latest.revision)
    if latest.commit_head is None:
        if same and latest.beacon is None:
            return
        [latest] = commit_releases(stores, [latest])  # it may have been sent before the crash
    if records.is_recorded(stores, latest):
        records.publish_missing(stores, [latest.day])  # sends nothing, notes the record
    elif moved or not (same and is_at_tip(stores, latest)):
        why = REORGANISED if moved else OVERTAKEN if same else "its inputs changed"
        mark_withheld(stores.catalogue, stores.platform, latest.day, latest.revision, why)


def _reason(stores: Stores, inputs: DayInputs) -> str:
    """Why the next revision exists, for readers of the bundle."""
    earlier = [
        release
        for release in list_releases(stores.catalogue, stores.platform, inputs.day)
        if release.released
    ]
    if not earlier:
        return "first release"
    before = parse_manifest(present(earlier[-1].manifest_json))
    if before.root != inputs.manifest.root:
        added = len(inputs.manifest.segments) - len(before.segments)
        return f"late events in {added} more segment{'' if added == 1 else 's'}"
    return "the same events, computed again"


def find_problems(stores: Stores, plans: Sequence[Plan]) -> list[str]:
    """Planned releases whose commit is not on chain as planned."""
    evidence = stores.registry.read_evidence(stores.platform)
    on_chain = {
        (commit.day, commit.revision): commit for commit, _ in pair_releases(evidence.records)
    }
    problems = []
    for plan in plans:
        found = on_chain.get((plan.release.day, plan.release.revision))
        if found is None or found.body != build_commit(plan.release):
            problems.append(f"{plan.key}: the chain has no such commit")
    return problems


def describe(plan: Plan) -> Mapping[str, Any]:
    """What may be shown of a commitment: all of it is public."""
    commit = build_commit(plan.release)
    return {
        "revision": plan.release.revision,
        "new": plan.is_new,
        "reason": plan.release.reason,
        "spend_nano_rho": plan.release.rho_nano,
        "manifest_root": canonical.hash_text(commit.manifest_root),
        "policy_hash": canonical.hash_text(commit.policy_hash),
        "tally_root": canonical.hash_text(commit.tally_root),
        "catalogue_root": canonical.hash_text(commit.catalogue_root),
        "seed_commitment": canonical.hash_text(commit.seed_commitment),
        "shape": plan.release.shape,
        "head": plan.release.commit_head,
    }
