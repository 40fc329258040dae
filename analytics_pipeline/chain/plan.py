"""What is still to be appended, given what the chain already has.

Belongs here: pure decisions over evidence. Sending is the publisher's business.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from analytics_pipeline.core.errors import (
    CommitWithheld,
    InvalidRecord,
    RecordRefused,
    ReleaseConflict,
)
from analytics_pipeline.core.record import (
    ChainEvidence,
    Commit,
    CommitRecord,
    Release,
    ReleaseRecord,
)

#: Seeds or records in one transaction: 100 releases with their commits stay below 4M gas without
#: proofs, 100 seeds below 3M.
MAX_BATCH = 100
_ONE_DAY = timedelta(days=1)


@dataclass(frozen=True)
class CommitPlan:
    """Which of the wanted commits are on chain, and which go into the next transaction."""

    found: dict[Commit, CommitRecord]
    missing: list[Commit]


@dataclass(frozen=True)
class ReleasePlan:
    """As `CommitPlan`; ``committed`` are the chain's last records, which the contract checks."""

    found: dict[Release, ReleaseRecord]
    missing: list[Release]
    committed: list[CommitRecord]


def check_batch(bodies: Sequence[Commit] | Sequence[Release]) -> None:
    """Raises InvalidRecord for an empty, too long or repetitive batch."""
    if not 1 <= len(bodies) <= MAX_BATCH:
        raise InvalidRecord("records", f"a batch has 1..{MAX_BATCH} records, not {len(bodies)}")
    seen = {(body.day, body.revision) for body in bodies}
    if len(seen) != len(bodies):
        raise InvalidRecord("records", "a batch names a day and revision twice")


def plan_seeds(on_chain: Mapping[date, bytes | None], wanted: Mapping[date, bytes]) -> list[date]:
    """The first run of consecutive days whose seeds are missing; empty if none is.

    Raises:
        ReleaseConflict: a day has another seed on chain.
    """
    run: list[date] = []
    for day in sorted(wanted):
        seed = on_chain[day]
        if seed is not None and seed != wanted[day]:
            raise ReleaseConflict(f"{day} has another seed on chain; a day has one, for ever")
        if seed is None and len(run) < MAX_BATCH and (not run or run[-1] + _ONE_DAY == day):
            run.append(day)
    return run


def plan_commits(evidence: ChainEvidence, wanted: Sequence[Commit]) -> CommitPlan:
    """Raises ReleaseConflict if a revision is on chain with another content."""
    by_key = {(r.day, r.revision): r for r in evidence.records if isinstance(r, CommitRecord)}
    found: dict[Commit, CommitRecord] = {}
    for commit in wanted:
        record = by_key.get((commit.day, commit.revision))
        if record is None:
            continue
        if record.body != commit:
            raise ReleaseConflict(
                f"{commit.day} revision {commit.revision} is committed with another content"
            )
        found[commit] = record
    return CommitPlan(found, [commit for commit in wanted if commit not in found])


def plan_releases(evidence: ChainEvidence, wanted: Sequence[Release]) -> ReleasePlan:
    """Find the commits at the end of the chain that the missing releases belong to.

    Raises:
        ReleaseConflict: a revision is released with another content.
        RecordRefused: ``NotCommitted``, there is no commit of that day and revision.
        CommitWithheld: there is, but another release came after it.
    """
    records = evidence.records
    by_key = {(r.day, r.revision): r for r in records if isinstance(r, ReleaseRecord)}
    found: dict[Release, ReleaseRecord] = {}
    for release in wanted:
        record = by_key.get((release.day, release.revision))
        if record is None:
            continue
        if record.body != release:
            raise ReleaseConflict(
                f"{release.day} revision {release.revision} is released with another content"
            )
        found[release] = record
    missing = [release for release in wanted if release not in found]
    if not missing:
        return ReleasePlan(found, [], [])
    tail: list[CommitRecord] = []
    for item in reversed(records):
        if not isinstance(item, CommitRecord):
            break
        tail.insert(0, item)
    place = {(commit.day, commit.revision): index for index, commit in enumerate(tail)}
    for release in missing:
        if (release.day, release.revision) not in place:
            _explain_absence(evidence, release)
    missing.sort(key=lambda release: place[release.day, release.revision])
    first = place[missing[0].day, missing[0].revision]
    return ReleasePlan(found, missing, tail[first:])


def _explain_absence(evidence: ChainEvidence, release: Release) -> None:
    what = f"{release.day} revision {release.revision}"
    for record in evidence.records:
        same = (record.day, record.revision) == (release.day, release.revision)
        if same and isinstance(record, CommitRecord):
            raise CommitWithheld(
                f"{what}: another release came after its commit; commit the next revision"
            )
    raise RecordRefused("NotCommitted", f"{what} has no commit on chain")
