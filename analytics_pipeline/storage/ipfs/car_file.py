"""Blocks in one file that are looked up by CID: a CAR that is read, or what will become one.

Belongs here: random access to blocks on disk, with a few bytes of memory for each block. Does not
belong here: the format (`storage.ipfs.car`), what the blocks mean (`core.unixfs_reader`).
"""

import os
import tempfile
from collections.abc import Generator, Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Final, Self

from analytics_pipeline.core.cid import Block, verify_block
from analytics_pipeline.core.errors import ContentUnavailable, InvalidContent
from analytics_pipeline.core.unixfs import Entry
from analytics_pipeline.core.unixfs_reader import iter_dag
from analytics_pipeline.storage.ipfs import car

#: Some 200 MiB of memory; ten years of a platform are about 50,000.
MAX_BLOCKS: Final = 500_000


class IndexedBlocks:
    """Blocks at known places of an open file. `get` is a `core.unixfs_reader.GetBlocks`."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._places: dict[str, tuple[int, int]] = {}

    def get(self, cids: Sequence[str]) -> Iterator[Block]:
        """Blocks in the order asked for, each read and verified.

        Raises:
            ContentUnavailable: one is not here.
            IntegrityError: the file was altered meanwhile.
        """
        for cid in cids:
            if cid not in self._places:
                raise ContentUnavailable(f"block {cid} is not in the file")
            offset, size = self._places[cid]
            yield verify_block(cid, os.pread(self._file.fileno(), size, offset))

    def close(self) -> None:
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


class CarFile(IndexedBlocks):
    """A CAR v1, verified from its first byte to its last when it is opened.

    Raises:
        InvalidContent, IntegrityError: see `car.read_root` and `car.read_blocks`; or it has more
            blocks than anybody should keep track of.
        OSError: there is no such file.
    """

    def __init__(self, path: Path) -> None:
        super().__init__(path.open("rb"))
        try:
            self.root = car.read_root(self._file)
            for block in car.read_blocks(self._file, self.root):
                if len(self._places) == MAX_BLOCKS:
                    raise InvalidContent("car", f"has more than {MAX_BLOCKS} blocks")
                size = len(block.data)
                self._places[block.cid] = (self._file.tell() - size, size)
        except BaseException:
            self.close()
            raise


class CarSpool(IndexedBlocks):
    """Blocks in the order in which they are found, until the tree they belong to is complete.

    Args:
        folder: where the temporary file is made; it has no name and vanishes by itself.
    """

    def __init__(self, folder: Path) -> None:
        super().__init__(tempfile.TemporaryFile(dir=folder))  # noqa: SIM115  # closed by `close`
        self._end = 0

    def put(self, block: Block) -> None:
        """Keep a block; one that is here already is not kept twice."""
        if block.cid not in self._places:
            self._file.seek(self._end)
            self._file.write(block.data)
            self._file.flush()  # `get` reads past the buffer
            self._places[block.cid] = (self._end, len(block.data))
            self._end += len(block.data)

    def put_all(self, blocks: Generator[Block, None, Entry]) -> Entry:
        """Keep the blocks of a file or directory; returns what its generator says of it."""
        while True:
            try:
                self.put(next(blocks))
            except StopIteration as end:
                entry: Entry = end.value
                return entry

    def write(self, path: Path, root: str) -> int:
        """Write everything under `root` as a CAR, whole or not at all. Returns its size in bytes.

        Raises:
            ContentUnavailable: a block of the tree was never put here.
        """
        return car.write_car(path, root, iter_dag(root, self.get))
