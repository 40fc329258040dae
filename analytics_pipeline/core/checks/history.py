"""What the platform's records say about one release, and about its day.

Belongs here: checks 1, 7 and 8. Does not belong here: hashing the records
(`core.record`, when chain.json is parsed), the files of the bundle.
"""

import datetime

from analytics_pipeline.core.accounting import DELTA, NANO, published_epsilon
from analytics_pipeline.core.canonical import hash_text
from analytics_pipeline.core.errors import InvalidInput
from analytics_pipeline.core.policy import Policy
from analytics_pipeline.core.record import (
    ChainEvidence,
    CommitRecord,
    ReleaseRecord,
    pair_releases,
    parse_evidence,
)
from analytics_pipeline.core.verify_errors import (
    BudgetExceeded,
    ChainFileMalformed,
    CorrectionUnlinked,
    HeadMismatch,
    HistoryBroken,
    PolicyChanged,
    RecordNotOnChain,
    ReleaseBeforeCommit,
    ReleaseReplayed,
    RevisionGap,
    SpendMismatch,
    Superseded,
)


def verify_history(chain_file: bytes, registry_head: bytes | None) -> ChainEvidence:
    """Parse chain.json, walk its hash chain from genesis to head, compare with the registry's.

    Raises:
        ChainFileMalformed, HistoryBroken, HeadMismatch.
    """
    try:
        evidence = parse_evidence(chain_file)
    except InvalidInput as error:
        if error.field == "head":
            raise HistoryBroken("records that hash to chain.json's head", error.problem) from None
        raise ChainFileMalformed("a chain.json of the documented format", str(error)) from None
    if registry_head is not None and registry_head != evidence.head:
        raise HeadMismatch(f"head {hash_text(registry_head)}", f"head {hash_text(evidence.head)}")
    return evidence


def find_release(
    evidence: ChainEvidence, day: datetime.date, revision: int, *, newest: bool
) -> tuple[CommitRecord, ReleaseRecord]:
    """The records of one (day, revision).

    Args:
        newest: also insist that no later revision of the day has been released.
    Raises:
        RecordNotOnChain, Superseded.
    """
    commits, releases = records_of_day(evidence, day)
    label = f"{evidence.platform} {day} revision {revision}"
    release = next((record for record in releases if record.revision == revision), None)
    if release is None:
        raise RecordNotOnChain(f"a release of {label}", _revisions("releases", releases))
    commit = next((record for record in commits if record.revision == revision), None)
    if commit is None:
        raise RecordNotOnChain(f"a commit of {label}", _revisions("commits", commits))
    latest = max(record.revision for record in releases)
    if newest and latest > revision:
        raise Superseded(f"the newest release, revision {latest}", f"revision {revision}")
    return commit, release


def find_newest_release(evidence: ChainEvidence, day: datetime.date) -> ReleaseRecord:
    """The record of a day's newest release: which bundle to fetch. Raises RecordNotOnChain."""
    _, releases = records_of_day(evidence, day)
    if not releases:
        missing = RecordNotOnChain(f"a release of {evidence.platform} {day}", "none")
        missing.number = 1
        raise missing
    return max(releases, key=lambda record: record.revision)


def verify_revisions(
    evidence: ChainEvidence, day: datetime.date, revision: int, previous: str | None
) -> list[int]:
    """Revisions without gaps, each released at most once and after its commit; corrections linked.

    Returns:
        the day's withheld revisions: committed, never released.
    Raises:
        ReleaseReplayed, RevisionGap, ReleaseBeforeCommit, CorrectionUnlinked.
    """
    commits, releases = records_of_day(evidence, day)
    for word, records in (("committed", commits), ("released", releases)):
        numbers = [record.revision for record in records]
        twice = sorted({number for number in numbers if numbers.count(number) > 1})
        if twice:
            raise ReleaseReplayed(f"every revision {word} once", f"revision {twice[0]} twice")
    committed = [record.revision for record in commits]
    if committed != list(range(1, len(committed) + 1)):
        raise RevisionGap(f"commits of revisions 1 to {max(committed)} in order", str(committed))
    try:
        pairs = pair_releases(evidence.records)
    except InvalidInput as error:
        raise ReleaseBeforeCommit(
            "every release after its commit, in a later block", str(error)
        ) from None
    before = [record for record in releases if record.revision < revision]
    expected = before[-1].bundle_cid if before else None
    if previous != expected:
        raise CorrectionUnlinked(f"the bundle before to be {expected}", str(previous))
    return [c.revision for c, release in pairs if c.day == day and release is None]


def verify_budget(evidence: ChainEvidence, policy: Policy, release: ReleaseRecord) -> str:
    """The spend is what the queries cost; the day stays within its cap, under one policy.

    Returns:
        the day's spend in words.
    Raises:
        SpendMismatch, PolicyChanged, BudgetExceeded.
    """
    cost, cap = policy.rho_nano_per_release, policy.rho_nano_per_day
    if release.spend_nano_rho != cost:
        raise SpendMismatch(f"{cost} nano-rho, the queries' sum", f"{release.spend_nano_rho}")
    commits, releases = records_of_day(evidence, release.day)
    for record in commits:
        if record.policy_hash != policy.policy_hash:
            raise PolicyChanged(
                f"policy {hash_text(policy.policy_hash)} for every revision of {release.day}",
                f"{hash_text(record.policy_hash)} for revision {record.revision}",
            )
    spent = sum(record.spend_nano_rho for record in releases)
    if spent > cap:
        raise BudgetExceeded(
            f"at most {cap} nano-rho a day", f"{spent} in {len(releases)} releases"
        )
    epsilon = f"epsilon {published_epsilon(spent)} at delta {DELTA:g}"
    return f"rho {spent / NANO:g} of {cap / NANO:g} ({epsilon})"


def records_of_day(
    evidence: ChainEvidence, day: datetime.date
) -> tuple[list[CommitRecord], list[ReleaseRecord]]:
    """The day's commits and releases, in chain order."""
    commits = [r for r in evidence.records if isinstance(r, CommitRecord) and r.day == day]
    releases = [r for r in evidence.records if isinstance(r, ReleaseRecord) and r.day == day]
    return commits, releases


def _revisions(word: str, records: list[CommitRecord] | list[ReleaseRecord]) -> str:
    numbers = ", ".join(str(record.revision) for record in records)
    return f"{word} of that day: revisions {numbers}" if numbers else f"no {word} of that day"
