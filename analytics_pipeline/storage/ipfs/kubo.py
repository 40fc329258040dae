"""The backend for a Kubo node (or another speaker of its RPC API).

Writing: the CID is computed here first; the node must arrive at the same. Pinning is believed only
after the node lists the pin. Reading: block by block, each verified; a local block folder, if one
is kept, is asked before the node, gateways after it.

Trust: the node can lose or withhold content and learns what is stored; it cannot change it.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

from analytics_pipeline.core.cid import cid_to_bytes
from analytics_pipeline.core.errors import ContentUnavailable, IntegrityError, InvalidInput
from analytics_pipeline.core.unixfs import (
    cid_of_bytes,
    import_directory,
    iter_blocks,
    iter_directory_blocks,
)
from analytics_pipeline.core.unixfs_reader import iter_cids
from analytics_pipeline.storage.ipfs import car
from analytics_pipeline.storage.ipfs.deadlines import Deadlines, Timer
from analytics_pipeline.storage.ipfs.fetch import BlockSource, Fetcher, VerifiedReads
from analytics_pipeline.storage.ipfs.flatfs import FlatfsBlocks
from analytics_pipeline.storage.ipfs.node import Node, NodeRefused


class KuboStore(VerifiedReads):
    """A `ContentStore` on a node.

    Args:
        node: where content is added and pinned.
        gateways: asked for blocks the node does not have.
        local: a block folder that also keeps what is added here and is read first.
    """

    def __init__(
        self,
        node: Node,
        gateways: Sequence[BlockSource] = (),
        local: FlatfsBlocks | None = None,
        deadlines: Deadlines | None = None,
    ) -> None:
        self._node = node
        self._local = local
        sources = [node, *gateways] if local is None else [local, node, *gateways]
        super().__init__(Fetcher(sources), deadlines or Deadlines())

    def add(self, data: bytes, *, pin: bool = True) -> str:
        """See `ContentStore.add`."""
        timer = self._deadlines.start()
        if self._local is not None:
            self._local.put_all(iter_blocks(data))
        cid = self._add_file(data, timer, pin=pin)
        if pin:
            self._check_pinned(cid, timer)
        return cid

    def add_directory(self, files: Mapping[str, bytes], *, pin: bool = True) -> str:
        """See `ContentStore.add_directory`. Files first, then the node that names them."""
        timer = self._deadlines.start()
        cid, blocks = import_directory(files)
        if self._local is not None:
            self._local.put_all(iter_directory_blocks(files))
        for content in files.values():
            self._add_file(content, timer, pin=False)
        self._check_name(cid, self._node.put_dag_pb(blocks[-1].data, timer))
        if pin:
            self._pin(cid, timer)
        return cid

    def has(self, cid: str) -> bool:
        """See `ContentStore.has`: asks the node only, and the node asks nobody."""
        timer = self._deadlines.start()
        try:
            names = iter_cids(
                cid, lambda cids: (self._node.fetch(name, timer, offline=True) for name in cids)
            )
            return all(self._node.has_block(name, timer) for name in names)
        except NodeRefused:
            return False

    def pin(self, cid: str) -> None:
        """See `ContentStore.pin`."""
        cid_to_bytes(cid)
        self._pin(cid, self._deadlines.start())

    def unpin(self, cid: str) -> None:
        """See `ContentStore.unpin`."""
        cid_to_bytes(cid)
        self._node.unpin(cid, self._deadlines.start())

    def gc(self) -> None:
        """See `ContentStore.gc`: the daemon collects, if it was started with ``--enable-gc``."""

    def is_pinned(self, cid: str) -> bool:
        """See `ContentStore.is_pinned`."""
        cid_to_bytes(cid)
        return self._node.is_pinned(cid, self._deadlines.start())

    def pins(self) -> list[str]:
        """See `ContentStore.pins`."""
        return sorted(cid for cid in self._node.pins(self._deadlines.start()) if _is_ours(cid))

    def import_car(self, path: Path) -> str:
        """See `ContentStore.import_car`. Nothing is sent unless the whole file is sound."""
        timer = self._deadlines.start()
        with path.open("rb") as file:
            root = car.read_root(file)
            for block in car.read_blocks(file, root):
                if self._local is not None:
                    self._local.put_all([block])
        self._node.import_car(path, timer)
        self._pin(root, timer)
        return root

    def _add_file(self, data: bytes, timer: Timer, *, pin: bool) -> str:
        expected = cid_of_bytes(data)
        self._check_name(expected, self._node.add(data, timer, pin=pin))
        return expected

    def _pin(self, cid: str, timer: Timer) -> None:
        self._node.pin(cid, timer)
        self._check_pinned(cid, timer)

    def _check_pinned(self, cid: str, timer: Timer) -> None:
        if not self._node.is_pinned(cid, timer):
            raise ContentUnavailable(f"{cid}: {self._node.name} did not keep it pinned")

    def _check_name(self, expected: str, given: str) -> None:
        if given != expected:
            raise IntegrityError(f"{expected}: {self._node.name} named the same bytes {given!r}")


def _is_ours(cid: str) -> bool:
    try:
        cid_to_bytes(cid)
    except InvalidInput:
        return False
    return True
