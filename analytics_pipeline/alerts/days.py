"""Released days as a stranger gets them: records from the chain, bundles by their CID, verified.

Belongs here: reading, and telling a lie from silence. A day that could not be fetched has not
failed to verify: nothing is decided about it, and the next round asks again. A check that fails is
looked at twice, everything fetched anew, before it counts.
"""

import logging
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Final, Protocol

import rlp  # type: ignore[import-untyped]

from analytics_pipeline.core.alerts import Failure
from analytics_pipeline.core.bundle import BUNDLE_DIRECTORY
from analytics_pipeline.core.checks.proof import ProofTerms
from analytics_pipeline.core.errors import ChainError, InvalidContent, StoreError
from analytics_pipeline.core.listing import Listing, parse_listing
from analytics_pipeline.core.record import ChainEvidence, ReleaseRecord
from analytics_pipeline.core.report import Report
from analytics_pipeline.core.verify import CHECK_NAMES, verify_bundle
from analytics_pipeline.core.verify_errors import VerificationFailed
from analytics_pipeline.published.sources import PublicSources

_LISTING_FILE: Final = f"{BUNDLE_DIRECTORY}/catalogue.json"
_BUNDLE_CHECK: Final = 2
_TIMESTAMP: Final = 11
#: Verified reports kept in memory: more than the longest comparison has.
_KEPT: Final = 64
_LONGEST_DETAIL: Final = 500

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Checked:
    """A day's newest release: its figures and whose videos they are of if it verifies, else what
    failed."""

    record: ReleaseRecord
    report: Report | None = None
    failure: Failure | None = None
    listing: Listing | None = None


@dataclass(frozen=True)
class History:
    """The records of a platform.

    Args:
        releases: of each day the newest release that is as deep on chain as it should be.
        released: every day with a release, however deep.
        as_of: aware time up to which nothing is missing from it.
    """

    evidence: ChainEvidence
    releases: Mapping[date, ReleaseRecord]
    released: frozenset[date]
    as_of: datetime


class Published(Protocol):
    """Where released days come from."""

    def load_history(self) -> History:
        """All records as they are now. Raises ChainError, StoreError."""
        ...

    def load_checked(self, record: ReleaseRecord) -> Checked | None:
        """A day by its newest release; None: it cannot be had now. Asked again in the next round,
        and of a failure when there are new records."""
        ...


class PublishedDays:
    """`Published` from a chain and a content store."""

    def __init__(
        self, sources: PublicSources, platform: str, terms: ProofTerms, confirmations: int
    ) -> None:
        """`confirmations`: how deep a record must be, 1 being the newest block."""
        self._sources = sources
        self._platform = platform
        self._terms = terms
        chain = sources.registry.chain
        self._depth = 1 if chain.instant else confirmations
        self._verified: OrderedDict[ReleaseRecord, Checked] = OrderedDict()
        self._head = b""
        #: days that failed under this head, and (None) such as could not be had in this round
        self._others: dict[ReleaseRecord, Checked | None] = {}

    def load_history(self) -> History:
        """See `Published.load_history`."""
        registry = self._sources.registry
        evidence = registry.read_evidence(self._platform)
        tip = registry.read_to(self._platform)
        same_head = evidence.head == self._head
        self._others = {r: c for r, c in self._others.items() if same_head and c is not None}
        self._head = evidence.head
        releases = [each for each in evidence.records if isinstance(each, ReleaseRecord)]
        newest: dict[date, ReleaseRecord] = {}
        for record in releases:
            # a correction that is not deep yet must not hide what it corrects
            if record.block_number > tip - self._depth + 1:
                continue
            known = newest.get(record.day)
            if known is None or record.revision > known.revision:
                newest[record.day] = record
        released = frozenset(record.day for record in releases)
        return History(evidence, newest, released, self._time_of(tip))

    def _time_of(self, tip: int) -> datetime:
        """A node that lags behind shows no day missing: what counts is the time of its newest
        block. The embedded chain has blocks only where something happens, and is never behind."""
        chain = self._sources.registry.chain
        if chain.instant:
            return datetime.now(UTC)
        header = rlp.decode(chain.block_header(tip))
        return datetime.fromtimestamp(int.from_bytes(header[_TIMESTAMP], "big"), UTC)

    def load_checked(self, record: ReleaseRecord) -> Checked | None:
        """See `Published.load_checked`."""
        if record in self._verified:
            self._verified.move_to_end(record)
            return self._verified[record]
        if record not in self._others:
            checked = self._check(record)
            if checked is not None and checked.report is not None:
                self._verified[record] = checked
                if len(self._verified) > _KEPT:
                    self._verified.popitem(last=False)
                return checked
            again = self._check(record) if checked else None
            self._others[record] = checked if again == checked else None
        return self._others[record]

    def _check(self, record: ReleaseRecord) -> Checked | None:
        try:
            published = self._sources.load_day(self._platform, record.day, record.revision)
            verify_bundle(
                published.files,
                platform=self._platform,
                day=record.day,
                revision=record.revision,
                registry_head=published.registry_head,
                registry=published.registry,
                terms=self._terms,
            )
        except VerificationFailed as error:
            return Checked(record, failure=_failure(error.number, error))
        except InvalidContent as error:
            return Checked(record, failure=_failure(_BUNDLE_CHECK, error))
        except (ChainError, StoreError, OSError) as error:
            # its message may name a node by its address, with what is secret in it
            _log.warning("%s cannot be verified now: %s", record.day, type(error).__name__)
            return None
        listing = parse_listing(published.files[_LISTING_FILE])
        return Checked(record, published.report, listing=listing)


def _failure(number: int, error: Exception) -> Failure:
    detail = str(error)[:_LONGEST_DETAIL]
    return Failure(number, CHECK_NAMES[number], type(error).__name__, detail)
