"""Step *commitment*: plan a revision, reserve its budget, commit to its inputs on chain.

    inputs unchanged           the latest release stays: nothing is planned, spent or sent
    inputs changed             the next revision
    a revision half-way        brought to an end first: released if its report was drawn and its
                               commit still stands at the tip of the chain, withheld otherwise

All new commits of a run go to the chain as one batch, so that their releases can follow as one.
"""

import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from analytics_pipeline.core import canonical
from analytics_pipeline.core.manifest import parse_manifest
from analytics_pipeline.core.policy import parse_policy
from analytics_pipeline.core.record import Commit, CommitRecord, pair_releases
from analytics_pipeline.defs.steps import bundles, records
from analytics_pipeline.defs.steps.chain_memory import require_known_releases
from analytics_pipeline.defs.steps.inputs import DayInputs, load_inputs
from analytics_pipeline.defs.steps.state import present
from analytics_pipeline.defs.stores import Stores
from analytics_pipeline.storage.catalogue import (
    Release,
    list_releases,
    load_release,
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
        BudgetOverspent: a day has no budget left; nothing was reserved for it.
        EventsExpired: a day's events are gone and its inputs are not those of a release.
        ReleaseConflict: the chain has a release that the catalogue does not know.
        ChainError: the chain refused or could not be reached; running again continues.
    """
    days = list(days)
    require_known_releases(stores, days)
    finish_drawn(stores)
    planned = [_plan(stores, inputs) for inputs in load_inputs(stores, days)]
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
    sent = stores.publisher.commit(stores.platform, [_commit(release) for release in releases])
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
    release = plan_release(
        stores.catalogue,
        stores.platform,
        inputs.day,
        inputs_digest=inputs.digest,
        rho_nano=inputs.policy.rho_nano_per_release,
        cap_nano=inputs.policy.rho_nano_per_day,
        reason=_reason(stores, inputs),
    )
    if release.manifest_json is not None:
        return release
    return store_release(
        stores.catalogue,
        stores.platform,
        inputs.day,
        release.revision,
        manifest_json=inputs.manifest.canonical_bytes,
        policy_json=inputs.policy.canonical_bytes,
    )


def finish_drawn(stores: Stores) -> None:
    """Release what an earlier run drew and did not record, of whatever day, in one batch, while
    its commits still stand at the tip: the releases of this run would overtake it, and its budget
    would be lost."""
    drawn = []
    for commit in tip_commits(stores):
        found = load_release(stores.catalogue, stores.platform, commit.day, commit.revision)
        if found and found.live and found.report_json is not None and not found.released:
            drawn.append(found.day)
    if drawn:
        bundles.pin_missing(stores, drawn)
        records.publish_missing(stores, drawn)


def settle(stores: Stores, inputs: DayInputs) -> None:
    """Bring a revision that an earlier run left half-way to an end, unless this run can take it
    further as it is."""
    latest = load_release(stores.catalogue, stores.platform, inputs.day)
    if latest is None or not latest.live or latest.released or latest.manifest_json is None:
        return
    same = latest.inputs_digest == inputs.digest
    if latest.commit_head is None:
        if same:
            return
        [latest] = commit_releases(stores, [latest])  # it may have been sent before the crash
    if records.is_recorded(stores, latest):
        records.publish_missing(stores, [latest.day])  # sends nothing, notes the record
    elif not (same and is_at_tip(stores, latest)):
        why = "another release came in between" if same else "its inputs changed"
        mark_withheld(stores.catalogue, stores.platform, latest.day, latest.revision, why)


def tip_commits(stores: Stores) -> list[CommitRecord]:
    """The commits that can still be released: those after the last release, in order."""
    records_in_order = stores.registry.read_evidence(stores.platform).records
    tip = itertools.takewhile(lambda r: isinstance(r, CommitRecord), reversed(records_in_order))
    return [found for found in reversed(list(tip)) if isinstance(found, CommitRecord)]


def is_at_tip(stores: Stores, release: Release) -> bool:
    """Whether the release's commit can still be released."""
    wanted = (release.day, release.revision)
    return any((found.day, found.revision) == wanted for found in tip_commits(stores))


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


def _commit(release: Release) -> Commit:
    return Commit(
        day=release.day,
        revision=release.revision,
        manifest_root=parse_manifest(present(release.manifest_json)).root,
        policy_hash=parse_policy(present(release.policy_json)).policy_hash,
    )


def find_problems(stores: Stores, plans: Sequence[Plan]) -> list[str]:
    """Planned releases whose commit is not on chain as planned."""
    evidence = stores.registry.read_evidence(stores.platform)
    on_chain = {
        (commit.day, commit.revision): commit for commit, _ in pair_releases(evidence.records)
    }
    problems = []
    for plan in plans:
        found = on_chain.get((plan.release.day, plan.release.revision))
        if found is None or found.body != _commit(plan.release):
            problems.append(f"{plan.key}: the chain has no such commit")
    return problems


def describe(plan: Plan) -> Mapping[str, Any]:
    """What may be shown of a commitment: all of it is public."""
    commit = _commit(plan.release)
    return {
        "revision": plan.release.revision,
        "new": plan.is_new,
        "reason": plan.release.reason,
        "spend_nano_rho": plan.release.rho_nano,
        "manifest_root": canonical.hash_text(commit.manifest_root),
        "policy_hash": canonical.hash_text(commit.policy_hash),
        "head": plan.release.commit_head,
    }
