"""Verified blocks from several sources: the first that has the right bytes wins.

Order is the caller's: local store, node, gateways. A source that lies is passed over and named
only when nobody had the right bytes. Up to eight blocks are on their way at once, and never more
than `max_in_flight_bytes`, since a block is at most 2 MiB.
"""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from pathlib import Path
from types import TracebackType
from typing import Final, Protocol, Self

from analytics_pipeline.core import unixfs_reader
from analytics_pipeline.core.cid import MAX_BLOCK_BYTES, Block
from analytics_pipeline.core.errors import ContentUnavailable, IntegrityError
from analytics_pipeline.core.unixfs_reader import DEFAULT_MAX_BYTES, GetBlocks
from analytics_pipeline.storage.ipfs import car
from analytics_pipeline.storage.ipfs.deadlines import Deadlines, Timer

MAX_PARALLEL_FETCHES: Final = 8
DEFAULT_IN_FLIGHT_BYTES: Final = 16 * 1024 * 1024


class BlockSource(Protocol):
    """Somebody who may have blocks."""

    @property
    def name(self) -> str:
        """For messages; carries no credentials."""

    @property
    def remote(self) -> bool:
        """Whether asking takes a network round trip, so that asking ahead pays."""

    def fetch(self, cid: str, timer: Timer) -> Block:
        """One verified block. Raises ContentUnavailable or IntegrityError."""

    def close(self) -> None:
        """Release connections."""


class Fetcher:
    """Asks sources in order, several blocks at a time."""

    def __init__(
        self,
        sources: Sequence[BlockSource],
        max_in_flight_bytes: int = DEFAULT_IN_FLIGHT_BYTES,
    ) -> None:
        self.sources = tuple(sources)
        slots = max(1, min(MAX_PARALLEL_FETCHES, max_in_flight_bytes // MAX_BLOCK_BYTES))
        self._window = slots if any(source.remote for source in sources) else 1

    def fetch(self, cid: str, timer: Timer) -> Block:
        """One block from the first source that has it."""
        lie: IntegrityError | None = None
        reasons = []
        for source in self.sources:
            try:
                return source.fetch(cid, timer)
            except IntegrityError as error:
                lie = lie or error
            except ContentUnavailable as error:
                reasons.append(f"{source.name}: {error}")
        if lie is not None:
            raise lie
        raise ContentUnavailable(f"block {cid}: " + "; ".join(reasons))

    def blocks(self, timer: Timer) -> GetBlocks:
        """The function readers in `core` ask; all its work counts against `timer`."""

        def get(cids: Sequence[str]) -> Iterator[Block]:
            if self._window == 1 or len(cids) == 1:
                return (self.fetch(cid, timer) for cid in cids)
            return _ahead(lambda cid: self.fetch(cid, timer), cids, self._window)

        return get


def _ahead(fetch: Callable[[str], Block], cids: Sequence[str], window: int) -> Iterator[Block]:
    """Results in order while up to `window` are being fetched or wait to be taken."""
    waiting: deque[Future[Block]] = deque()
    rest = iter(cids)
    pool = ThreadPoolExecutor(max_workers=min(window, len(cids)), thread_name_prefix="ipfs-fetch")
    try:
        waiting.extend(pool.submit(fetch, cid) for cid in islice(rest, window))
        while waiting:
            block = waiting.popleft().result()
            yield block
            waiting.extend(pool.submit(fetch, cid) for cid in islice(rest, 1))
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


class VerifiedReads:
    """The reading half of a store; backends add the writing half."""

    def __init__(self, fetcher: Fetcher, deadlines: Deadlines) -> None:
        self._fetcher = fetcher
        self._deadlines = deadlines

    def get(self, cid: str, *, max_bytes: int = DEFAULT_MAX_BYTES) -> bytes:
        """See `ContentStore.get`."""
        return unixfs_reader.read_file(cid, self._blocks_in_time(), max_bytes)

    def get_directory(self, cid: str, *, max_bytes: int = DEFAULT_MAX_BYTES) -> dict[str, bytes]:
        """See `ContentStore.get_directory`."""
        return unixfs_reader.read_directory(cid, self._blocks_in_time(), max_bytes)

    def export_car(self, cid: str, path: Path) -> int:
        """See `ContentStore.export_car`."""
        return car.write_car(path, cid, unixfs_reader.iter_dag(cid, self._blocks_in_time()))

    def close(self) -> None:
        """See `ContentStore.close`."""
        for source in self._fetcher.sources:
            source.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _blocks_in_time(self) -> GetBlocks:
        return self._fetcher.blocks(self._deadlines.start())
