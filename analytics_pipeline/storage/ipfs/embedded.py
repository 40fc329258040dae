"""The default backend: blocks in a folder of this machine, no daemon.

    <location>/blocks/         the block folder (`flatfs`); usable as a Kubo repository's `blocks`
    <location>/pins.sqlite     what is kept (`pins`)
    <location>/gc.lock         between writers and the garbage collector

What is not here may come from trustless gateways, verified block by block.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

from analytics_pipeline.core.errors import ContentUnavailable
from analytics_pipeline.core.unixfs import iter_blocks, iter_directory_blocks
from analytics_pipeline.core.unixfs_reader import iter_cids, iter_dag
from analytics_pipeline.storage.ipfs import car
from analytics_pipeline.storage.ipfs.contract import Collected
from analytics_pipeline.storage.ipfs.deadlines import Deadlines
from analytics_pipeline.storage.ipfs.fetch import BlockSource, Fetcher, VerifiedReads
from analytics_pipeline.storage.ipfs.flatfs import FlatfsBlocks
from analytics_pipeline.storage.ipfs.pins import PinTable, StoreLock


class EmbeddedStore(VerifiedReads):
    """A `ContentStore` in a folder. Threads and processes may share the folder freely."""

    def __init__(
        self, folder: Path, gateways: Sequence[BlockSource] = (), deadlines: Deadlines | None = None
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._local = FlatfsBlocks(folder / "blocks")
        self._pins = PinTable(folder / "pins.sqlite")
        self._lock = StoreLock(folder / "gc.lock")
        super().__init__(Fetcher([self._local, *gateways]), deadlines or Deadlines())
        self._local_only = Fetcher([self._local])

    def add(self, data: bytes, *, pin: bool = True) -> str:
        """See `ContentStore.add`."""
        with self._lock.shared():
            cid = self._local.put_all(iter_blocks(data))
            if pin:
                self._pins.add(cid)
        return cid

    def add_directory(self, files: Mapping[str, bytes], *, pin: bool = True) -> str:
        """See `ContentStore.add_directory`."""
        with self._lock.shared():
            cid = self._local.put_all(iter_directory_blocks(files))
            if pin:
                self._pins.add(cid)
        return cid

    def has(self, cid: str) -> bool:
        """See `ContentStore.has`."""
        get_blocks = self._local_only.blocks(self._deadlines.start())
        try:
            return all(self._local.has(name) for name in iter_cids(cid, get_blocks))
        except ContentUnavailable:
            return False

    def pin(self, cid: str) -> None:
        """See `ContentStore.pin`. Reads and verifies every block; mends damaged ones."""
        with self._lock.shared():
            self._local.put_all(iter_dag(cid, self._blocks_in_time()))
            self._pins.add(cid)

    def unpin(self, cid: str) -> None:
        """See `ContentStore.unpin`. The blocks stay until `gc`."""
        self._pins.remove(cid)

    def is_pinned(self, cid: str) -> bool:
        """See `ContentStore.is_pinned`."""
        return self._pins.contains(cid)

    def pins(self) -> list[str]:
        """See `ContentStore.pins`."""
        return self._pins.all()

    def import_car(self, path: Path) -> str:
        """See `ContentStore.import_car`."""
        with self._lock.shared(), path.open("rb") as file:
            root = car.read_root(file)
            self._local.put_all(car.read_blocks(file, root))
            self._pins.add(root)
        return root

    def gc(self) -> Collected:
        """See `ContentStore.gc`; writers wait meanwhile."""
        with self._lock.exclusive():
            get_blocks = self._local_only.blocks(self._deadlines.start())
            keep = {
                self._local.path_of(name)
                for cid in self._pins.all()
                for name in iter_cids(cid, get_blocks)
            }
            self._local.clear_temp()
            removed = [path for path in self._local.paths() if path not in keep]
            size_bytes = sum(path.stat().st_size for path in removed)
            for path in removed:
                path.unlink()
        return Collected(len(removed), size_bytes)
