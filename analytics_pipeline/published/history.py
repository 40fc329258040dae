"""A platform's whole history from wherever it is published, bundle by bundle.

    LiveHistory       records from the chain, bundles from IPFS, what registry and chain say besides
    ArchivedHistory   a folder or CAR file, offline

Belongs here: fetching ahead of whoever checks, with bounded memory, and keeping a copy. Does not
belong here: judging (`core.verify_all`).
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Final, Protocol

from analytics_pipeline.core.bundle import CHAIN_FILE, history_folder
from analytics_pipeline.core.checks.documents import verify_usable_cid
from analytics_pipeline.core.errors import (
    ContentUnavailable,
    IntegrityError,
    InvalidContent,
    InvalidInput,
    PipelineError,
)
from analytics_pipeline.core.history import History, ReleaseResult
from analytics_pipeline.core.record import ReleaseRecord, build_evidence
from analytics_pipeline.core.registry_facts import RegistryFacts
from analytics_pipeline.core.verify_all import HistoryVerification
from analytics_pipeline.core.verify_errors import VerificationFailed
from analytics_pipeline.published.archive import MAX_FILE_BYTES, Archive, ArchiveWriter

if TYPE_CHECKING:  # a folder needs no chain library
    from analytics_pipeline.published.sources import PublicSources

#: Bundles on their way or waiting to be checked.
AHEAD: Final = 4
#: What one of those may hold. A larger one is fetched when its turn comes, alone.
AHEAD_BYTES: Final = 32 * 1024 * 1024
#: What is wrong with one bundle, and no reason to give up on the others.
_OF_ONE_BUNDLE: Final = (ContentUnavailable, IntegrityError, InvalidContent, VerificationFailed)


@dataclass(frozen=True)
class LoadedRelease:
    """A release's bundle, by name, and what registry and chain say of it if they were asked."""

    bundle: dict[str, bytes]
    facts: RegistryFacts | None = None


class HistorySource(Protocol):
    """Where a history comes from."""

    chain_file: bytes
    #: the platform's head by the registry's word; None: it was not asked
    registry_head: bytes | None
    #: of an archive, all its paths
    files: frozenset[str] | None
    #: in words without credentials
    records_from: str
    bundles_from: str

    def load(self, release: ReleaseRecord, max_bytes: int) -> LoadedRelease:
        """One release's bundle. Threads call this side by side.

        Raises:
            ContentUnavailable, IntegrityError: nobody had it.
            InvalidContent: what the record names is no bundle, or has more than `max_bytes`.
            CidUnusable: the record names nothing.
            ChainError: the chain did not answer.
        """
        ...


class LiveHistory:
    """From the registry and its chain, and a content store.

    Raises:
        InvalidInput: the registry has no records of the platform.
        ChainError, IntegrityError: its records could not be read.
    """

    def __init__(self, sources: "PublicSources", platform: str) -> None:
        from analytics_pipeline.chain.release_facts import FactsReader

        evidence = sources.registry.read_evidence(platform)
        if not evidence.records:
            raise InvalidInput(
                "platform", f"registry {evidence.registry} has no records of {platform!r}"
            )
        self.chain_file = build_evidence(evidence)
        # as of the block the records were read at: the operator may have appended since
        read_to = sources.registry.read_to(platform)
        self.registry_head: bytes | None = sources.registry.head(platform, read_to)
        self.files: frozenset[str] | None = None
        self.records_from = sources.records_from
        self.bundles_from = sources.bundle_from
        self._content = sources.content
        self._facts = FactsReader(sources.registry, platform)

    def load(self, release: ReleaseRecord, max_bytes: int) -> LoadedRelease:
        """See `HistorySource.load`."""
        verify_usable_cid(release)
        bundle = self._content.get_directory(release.bundle_cid, max_bytes=max_bytes)
        return LoadedRelease(bundle, self._facts.read(release))


class ArchivedHistory:
    """From a folder or CAR file. Raises InvalidInput if that is one of a single day."""

    registry_head: bytes | None = None

    def __init__(self, archive: Archive) -> None:
        if not archive.is_history:
            raise InvalidInput(
                "target", f"{archive.name} holds a single day, not a history: leave out --all"
            )
        self.chain_file = archive.read(CHAIN_FILE)
        self.files: frozenset[str] | None = archive.paths
        self.records_from = self.bundles_from = archive.name
        self._archive = archive

    def load(self, release: ReleaseRecord, max_bytes: int) -> LoadedRelease:
        """See `HistorySource.load`."""
        folder = history_folder(release.day, release.revision)
        bundle = self._archive.read_bundle(folder, max_bytes)
        if not bundle:
            raise ContentUnavailable(f"{self._archive.name} has no {folder}")
        return LoadedRelease(bundle)


def check_history(
    source: HistorySource,
    verification: HistoryVerification,
    *,
    first: date | None = None,
    last: date | None = None,
    copy_to: ArchiveWriter | None = None,
    on_result: Callable[[ReleaseResult, int], None] = lambda result, total: None,
) -> History:
    """Fetch and judge every release of the days asked for, then what holds across all days.

    Args:
        first, last: days whose bundles are fetched; None: without end. The rules of the records
            hold for all days, and one bundle of every policy is fetched besides.
        copy_to: gets chain.json and every bundle that was fetched, whatever is in it.
        on_result: is told of every result, and how many there will be.
    Raises:
        ChainError: the chain did not answer.
        InvalidInput: the copy could not be written.
    """
    if copy_to is not None:
        copy_to.write("", {CHAIN_FILE: source.chain_file})

    def judge(release: ReleaseRecord, loaded: LoadedRelease | PipelineError) -> ReleaseResult:
        if isinstance(loaded, PipelineError):
            return verification.miss(release, loaded)
        if copy_to is not None:
            copy_to.write(history_folder(release.day, release.revision), loaded.bundle)
        return verification.judge(release, loaded.bundle, loaded.facts)

    wanted = verification.wanted(first, last)
    for release, loaded in load_ahead(source, wanted):
        on_result(judge(release, loaded), len(wanted))
    while (release_of_policy := verification.wanted_for_policy()) is not None:
        for release, loaded in load_ahead(source, [release_of_policy]):
            judge(release, loaded)
    return verification.conclude()


def load_ahead(
    source: HistorySource, releases: Iterable[ReleaseRecord]
) -> Iterator[tuple[ReleaseRecord, LoadedRelease | PipelineError]]:
    """Releases in order, each with its bundle or why there is none, while the next ones are being
    fetched: `AHEAD` at most, of `AHEAD_BYTES` each."""
    rest = iter(releases)
    waiting: deque[tuple[ReleaseRecord, Future[LoadedRelease]]] = deque()
    pool = ThreadPoolExecutor(max_workers=AHEAD, thread_name_prefix="history")

    def submit(count: int) -> None:
        for release in islice(rest, count):
            waiting.append((release, pool.submit(source.load, release, AHEAD_BYTES)))

    try:
        submit(AHEAD)
        while waiting:
            release, future = waiting.popleft()
            yield release, _result_of(future, partial(source.load, release, MAX_FILE_BYTES))
            submit(1)
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _result_of(
    future: "Future[LoadedRelease]", load_alone: Callable[[], LoadedRelease]
) -> LoadedRelease | PipelineError:
    try:
        try:
            return future.result()
        except InvalidContent:  # it may only be too large to be one of several
            return load_alone()
    except _OF_ONE_BUNDLE as error:
        return error
