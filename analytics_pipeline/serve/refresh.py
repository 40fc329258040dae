"""Reading what is new on chain and IPFS: one snapshot from the one before.

Belongs here: the I/O of the index, and which releases have to be looked at (again). It blocks, and
runs in a thread of its own. Does not belong here: judging a release (`serve.verifying`).
"""

import logging
import threading
from collections import Counter
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack, suppress
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Final

from analytics_pipeline.core.checks.proof import ProofTerms
from analytics_pipeline.core.errors import (
    ChainError,
    InvalidContent,
    PipelineError,
    StoreError,
    describe_error,
)
from analytics_pipeline.core.record import ChainEvidence, ReleaseRecord
from analytics_pipeline.core.verify_errors import VerificationFailed
from analytics_pipeline.published.sources import PublicSources
from analytics_pipeline.serve.released import Failure, Released, Standing
from analytics_pipeline.serve.snapshot import Content, Snapshot, Stale
from analytics_pipeline.serve.verifying import (
    commit_of,
    failed,
    unavailable,
    verify_again,
    verify_published,
)

OpenSources = Callable[[], AbstractContextManager[PublicSources]]
Name = tuple[date, int]

#: After so many bundles that could not be had, each of which may take its time-out, the records are
#: read again first.
MOST_FAILURES: Final = 3
_NOT_READ_YET: Final = ("NotReadYet", "its bundle is about to be read")

_log = logging.getLogger(__name__)


class NothingPublished(PipelineError):
    """There is no chain yet: a deployment that has not released a day."""


class Refresher:
    """Keeps chain and content store open, and reads what is new.

    Args:
        open_sources: opens them; called again after a failure.
        terms: on which proofs are believed.
        on_progress: is handed a snapshot whenever another release was read.
        clock: aware time of now.
    """

    def __init__(
        self,
        platform: str,
        open_sources: OpenSources,
        terms: ProofTerms,
        on_progress: Callable[[Snapshot], None] = lambda snapshot: None,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._platform = platform
        self._open = open_sources
        self._terms = terms
        self._on_progress = on_progress
        self._stack = ExitStack()
        self._sources: PublicSources | None = None
        self._clock = clock
        self._failures: Counter[Name] = Counter()
        self._read_at = clock()
        self._stopped = threading.Event()

    def stop(self) -> None:
        """From any thread: read no further release. What was read is kept."""
        self._stopped.set()

    def close(self) -> None:
        """Close what is open, as far as it can be."""
        self._sources = None
        with suppress(Exception):
            self._stack.close()

    def refresh(self, before: Snapshot) -> Snapshot:
        """What is published now. Whatever keeps chain or store from answering, what was read before
        goes on, and says since when. Raises nothing."""
        self._latest = before
        try:
            after = self._read(before)
        except NothingPublished:
            return before
        except Exception as error:  # of SQLite or a library, too: the next round tries again
            self.close()
            return self._stale(self._latest, error)
        self._read_at = self._clock()
        return after

    def _stale(self, snapshot: Snapshot, error: BaseException) -> Snapshot:
        name = type(error).__name__
        if snapshot.stale is not None and snapshot.stale.error == name:
            return snapshot
        _log.warning("%s; what was read before is served on", describe_error(error))
        return replace(snapshot, stale=Stale(self._read_at, name, _public_words(error)))

    def _read(self, before: Snapshot) -> Snapshot:
        if self._sources is None:
            self._sources = self._stack.enter_context(self._open())
        registry, known = self._sources.registry, before.content
        evidence = registry.read_evidence(self._platform)
        block_number = registry.read_to(self._platform)
        if known.evidence is None or known.evidence.head != evidence.head:
            releases = _first_look(evidence, known)
            known = Content(self._platform, evidence, releases)
            self._publish(Snapshot(known, block_number))
        missing = 0
        for name in self._unread(known):
            if missing == MOST_FAILURES or self._stopped.is_set():
                break
            release = known.releases[name]
            try:
                found = self._load_surely(self._sources, evidence, release.record)
            except StoreError as error:
                missing += 1
                self._failures[name] += 1
                found = _without_bundle(release, error)
                if found.standing != release.standing:
                    _log.warning("%s, revision %d: %s", *name, describe_error(error))
            if found.standing != release.standing:
                known = Content(self._platform, evidence, {**known.releases, name: found})
                self._publish(Snapshot(known, block_number))
        if (known, block_number, None) == (before.content, before.block_number, before.stale):
            return before
        return Snapshot(known, block_number)

    def _unread(self, known: Content) -> list[Name]:
        """Releases to be read: those that could not be had wait for the others, else the newest
        first."""
        unread = [n for n, r in known.releases.items() if r.standing.state == "unavailable"]
        return sorted(unread, key=lambda name: (self._failures[name], -name[0].toordinal()))

    def _load_surely(
        self, sources: PublicSources, evidence: ChainEvidence, record: ReleaseRecord
    ) -> Released:
        """As `_load`. A failure stands until there are new records, so everything is fetched once
        more before it counts: a node that answered wrongly once made nobody a liar."""
        found = self._load(sources, evidence, record)
        if found.standing.state == "failed" and not self._stopped.is_set():
            found = self._load(sources, evidence, record)
        return found

    def _load(
        self, sources: PublicSources, evidence: ChainEvidence, record: ReleaseRecord
    ) -> Released:
        """One release, fetched and verified. Raises StoreError if its bundle cannot be had."""
        latest = self._latest.content.latest_contents
        names = latest.figures.names if latest else None
        try:
            published = sources.load_release(evidence, record)
        except VerificationFailed as error:
            return Released(record, commit_of(evidence, record), failed(error))
        except InvalidContent as error:
            failure = Failure(2, type(error).__name__, str(error))
            standing = Standing("failed", 3, (), failure)
            return Released(record, commit_of(evidence, record), standing)
        return verify_published(published, evidence, record, self._terms, names)

    def _publish(self, snapshot: Snapshot) -> None:
        self._latest = snapshot
        self._on_progress(snapshot)


def _first_look(evidence: ChainEvidence, known: Content) -> dict[Name, Released]:
    """Every release on record: as later records leave it, or still to be read (again)."""
    releases: dict[Name, Released] = {}
    for record in evidence.records:
        if not isinstance(record, ReleaseRecord) or (record.day, record.revision) in releases:
            continue
        name = (record.day, record.revision)
        before = known.releases.get(name)
        if before is not None and before.record == record and before.standing.state == "verified":
            releases[name] = verify_again(before, evidence)
        else:
            standing = unavailable(*_NOT_READ_YET)
            releases[name] = Released(record, commit_of(evidence, record), standing)
    return releases


def _without_bundle(release: Released, error: StoreError) -> Released:
    return replace(release, standing=unavailable(type(error).__name__, _public_words(error)))


def _public_words(error: BaseException) -> str:
    """What everybody may know of a failure: no address, no path. The log has the rest."""
    if isinstance(error, ChainError):
        return "the chain does not answer as it should"
    if isinstance(error, StoreError):
        return "IPFS does not have every bundle now"
    return "chain or IPFS cannot be opened; the operator's log says why"
