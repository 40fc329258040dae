"""What the platform's records say about one release, and about its day.

Belongs here: checks 1 and 8. Does not belong here: hashing the records (`core.record`, when
chain.json is parsed), what they spent (`core.checks.budget`), the files of the bundle.
"""

import datetime
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from analytics_pipeline.core.bundle import BundleInfo
from analytics_pipeline.core.canonical import hash_text
from analytics_pipeline.core.errors import InvalidInput
from analytics_pipeline.core.record import (
    ChainEvidence,
    CommitRecord,
    DayRecords,
    ReleaseRecord,
    parse_evidence,
)
from analytics_pipeline.core.verify_errors import (
    ChainFileMalformed,
    CorrectionUnexplained,
    CorrectionUnlinked,
    HeadMismatch,
    HistoryBroken,
    RecordNotOnChain,
    ReleaseBeforeCommit,
    ReleaseReplayed,
    RevisionGap,
    Superseded,
    TooManyWithheld,
)

#: Commits of a day that accidents may leave without a release: overtaken by another release, a
#: beacon not recorded in time, a word of noise out of range. Each may have been drawn. The largest
#: of eleven draws of one figure's noise is 1.6 σ on average, within the published error of 1.96 σ.
MAX_WITHHELD: Final = 10


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
    records = records_of_day(evidence, day)
    commits, releases = (*records.commits, *records.later_commits), records.releases
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
    releases = records_of_day(evidence, day).releases
    if not releases:
        missing = RecordNotOnChain(f"a release of {evidence.platform} {day}", "none")
        missing.number = 1
        raise missing
    return max(releases, key=lambda record: record.revision)


@dataclass(frozen=True)
class Unreleased:
    """Revisions of a day that were committed to and have no release: before its last release, where
    their figures may have been drawn and left out, and after it, where nothing was published."""

    withheld: list[int]
    later: list[int]


def verify_order(evidence: ChainEvidence, day: datetime.date) -> Unreleased:
    """The day's revisions are in order and without gaps, each released at most once and after its
    commit. Commits after the day's last release are counted, and judged once one is released.

    Raises:
        ReleaseReplayed, RevisionGap, ReleaseBeforeCommit, TooManyWithheld.
    """
    records = records_of_day(evidence, day)
    committed = [record.revision for record in records.commits]
    released = [record.revision for record in records.releases]
    for word, numbers in (("committed", committed), ("released", released)):
        twice = sorted({number for number in numbers if numbers.count(number) > 1})
        if twice:
            raise ReleaseReplayed(f"every revision {word} once", f"revision {twice[0]} twice")
    if committed != list(range(1, len(committed) + 1)):
        raise RevisionGap(f"commits of revisions 1 to {max(committed)} in order", str(committed))
    try:
        pairs = evidence.pairs
    except InvalidInput as error:
        raise ReleaseBeforeCommit(
            "every release after its commit, in a later block", str(error)
        ) from None
    unreleased = [c.revision for c, release in pairs if c.day == day and release is None]
    later = [commit.revision for commit in records.later_commits]
    withheld = unreleased[: len(unreleased) - len(later)]
    if len(withheld) > MAX_WITHHELD:
        raise TooManyWithheld(
            f"at most {MAX_WITHHELD} commits of {day} without a release", str(len(withheld))
        )
    return Unreleased(withheld, later)


def verify_revisions(evidence: ChainEvidence, info: BundleInfo) -> Unreleased:
    """Check 8: the day's revisions as in `verify_order`; a correction names what it corrects, and
    every revision but the first says why it was made.

    Raises:
        ReleaseReplayed, RevisionGap, ReleaseBeforeCommit, TooManyWithheld, CorrectionUnlinked,
        CorrectionUnexplained.
    """
    unreleased = verify_order(evidence, info.day)
    releases = records_of_day(evidence, info.day).releases
    before = [record for record in releases if record.revision < info.revision]
    expected = before[-1].bundle_cid if before else None
    if info.previous != expected:
        raise CorrectionUnlinked(f"the bundle before to be {expected}", str(info.previous))
    if info.revision > 1 and not info.reason.strip():
        raise CorrectionUnexplained(f"a reason for revision {info.revision}", "none")
    return unreleased


def records_of_day(evidence: ChainEvidence, day: datetime.date) -> DayRecords:
    """The day's commits and releases, in chain order; empty if there are none."""
    return evidence.by_day.get(day, DayRecords())


def _revisions(word: str, records: Sequence[CommitRecord | ReleaseRecord]) -> str:
    numbers = ", ".join(str(record.revision) for record in records)
    return f"{word} of that day: revisions {numbers}" if numbers else f"no {word} of that day"
