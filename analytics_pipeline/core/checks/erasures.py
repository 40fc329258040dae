"""Whether erasure receipts hang together, in a bundle and across all bundles, and fit the records.

Belongs here: check 15, and the chain of which each bundle shows a stretch. Does not belong here:
the formats (`core.erasure`).
"""

from collections.abc import Mapping
from datetime import date
from typing import Final

from analytics_pipeline.core.canonical import hash_text
from analytics_pipeline.core.checks.history import records_of_day
from analytics_pipeline.core.day import moment_text
from analytics_pipeline.core.erasure import GENESIS, Erasures, Receipt, parse_erasures
from analytics_pipeline.core.errors import InvalidInput
from analytics_pipeline.core.record import ChainEvidence, ReleaseRecord
from analytics_pipeline.core.verify_errors import (
    ErasedDayReleased,
    ErasureChainBroken,
    ErasureFromFuture,
    ErasureMisstated,
    ErasureRepeated,
    ErasuresMalformed,
    ErasureUnreleased,
    WrongPlatform,
)

#: An operator's clock and the chain's may differ by this much.
CLOCK_ALLOWANCE_SECONDS: Final = 3600


def verify_erasures(document: bytes, evidence: ChainEvidence, release: ReleaseRecord) -> Erasures:
    """Check 15. The records have passed checks 1 and 8.

    Raises:
        ErasuresMalformed, WrongPlatform, ErasureChainBroken, ErasureRepeated, ErasureFromFuture,
        ErasureUnreleased, ErasedDayReleased, ErasureMisstated.
    """
    try:
        erasures = parse_erasures(document)
    except InvalidInput as error:
        raise ErasuresMalformed("an erasures.json of the documented format", str(error)) from None
    for platform in (erasures.platform, *(receipt.platform for receipt in erasures.receipts)):
        if platform != evidence.platform:
            raise WrongPlatform(f"erasures of {evidence.platform}", f"one of {platform}")
    _verify_stretch(erasures)
    first = next(record for record in evidence.records if isinstance(record, ReleaseRecord))
    if release == first and erasures.previous != GENESIS:
        raise ErasureChainBroken(
            f"a first release that begins at {hash_text(GENESIS)}", hash_text(erasures.previous)
        )
    days = [receipt.day for receipt in erasures.receipts]
    for receipt in erasures.receipts:
        if days.count(receipt.day) > 1:
            raise ErasureRepeated("every day erased once", f"{receipt.day} twice")
        if receipt.day == release.day:
            raise ErasedDayReleased("no receipt of the day that is released", f"{receipt.day}")
        if receipt.erased_at.timestamp() - CLOCK_ALLOWANCE_SECONDS > release.block_time:
            raise ErasureFromFuture(
                f"receipts from before the release, {_moment(release)}", f"{receipt.erased_at}"
            )
        _verify_receipt(receipt, evidence)
    return erasures


def _verify_receipt(receipt: Receipt, evidence: ChainEvidence) -> None:
    commits, releases, _ = records_of_day(evidence, receipt.day)
    latest = receipt.erased_at.timestamp() + CLOCK_ALLOWANCE_SECONDS
    before = [record for record in releases if record.block_time <= latest]
    if not before:
        raise ErasureUnreleased(
            f"a release of {receipt.day} before {receipt.erased_at}",
            f"the first one {_moment(releases[0])}" if releases else "none",
        )
    if len(before) < len(releases):
        later = releases[len(before)]
        raise ErasedDayReleased(
            f"no release of {receipt.day} after {receipt.erased_at}",
            f"revision {later.revision}, {_moment(later)}",
        )
    newest = max(releases, key=lambda record: record.revision)
    if receipt.revision != newest.revision:
        raise ErasureMisstated(
            f"{receipt.day} revision {newest.revision}", f"revision {receipt.revision}"
        )
    roots = [commit.manifest_root for commit in commits if commit.revision == newest.revision]
    if [receipt.manifest_root] != roots:
        raise ErasureMisstated(
            f"manifest root {' '.join(map(hash_text, roots))} of {receipt.day}",
            hash_text(receipt.manifest_root),
        )


def _moment(record: ReleaseRecord) -> str:
    return moment_text(record.block_time)


def _verify_stretch(erasures: Erasures) -> None:
    if erasures.broken_at:
        raise ErasureChainBroken("receipts that name each other's hashes", erasures.broken_at)


class ReceiptChain:
    """A platform's receipts over all of its bundles, in the order of their release records.

    Bundles that were made side by side repeat each other's receipts: a stretch of the chain may be
    told again, but neither skipped nor told differently.
    """

    def __init__(self) -> None:
        self._after: dict[bytes, bytes] = {}  # hash of a receipt -> that of the one after it
        self._known = {GENESIS}
        self._erased: dict[date, bytes] = {}
        self.skipped = 0
        self._newest = GENESIS

    @property
    def count(self) -> int:
        """How many receipts it has."""
        return len(self._after)

    @property
    def head(self) -> bytes:
        """Where the newest bundle ends."""
        return self._newest

    @property
    def is_behind(self) -> bool:
        """Whether the newest bundle ends before the last receipt that was published."""
        return self._newest in self._after

    def skip(self) -> None:
        """A bundle is not at hand: the next one may begin where nobody here can see."""
        self.skipped += 1

    def add(self, erasures: Erasures, label: str) -> None:
        """Take in the receipts of the next bundle.

        Args:
            label: whose they are, for the error.
        Raises:
            ErasureChainBroken, ErasureRepeated.
        """
        _verify_stretch(erasures)
        if erasures.previous not in self._known and not self.skipped:
            raise ErasureChainBroken(
                f"{label} to go on from a receipt that was published before",
                hash_text(erasures.previous),
            )
        self._known.add(erasures.previous)
        for receipt in erasures.receipts:
            digest = receipt.digest
            if self._after.setdefault(receipt.previous, digest) != digest:
                raise ErasureChainBroken(
                    f"the receipt after {hash_text(receipt.previous)} to stay the one published",
                    f"another one, of {receipt.day}, in {label}",
                )
            if self._erased.setdefault(receipt.day, digest) != digest:
                raise ErasureRepeated(
                    "every day erased once", f"another receipt of {receipt.day} in {label}"
                )
            self._known.add(digest)
        self._newest = erasures.head


def verify_receipts(
    evidence: ChainEvidence, erasures: Mapping[ReleaseRecord, Erasures]
) -> ReceiptChain:
    """The receipts of all bundles at hand. Raises ErasureChainBroken, ErasureRepeated."""
    receipts = ReceiptChain()
    for release in evidence.records:
        if not isinstance(release, ReleaseRecord):
            continue
        if release in erasures:
            receipts.add(erasures[release], f"{release.day} revision {release.revision}")
        else:
            receipts.skip()
    return receipts
