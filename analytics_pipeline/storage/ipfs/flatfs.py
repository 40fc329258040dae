"""Blocks as files, laid out as Kubo's flatfs datastore does, so that a Kubo opens the folder.

    SHARDING                       "/repo/flatfs/shard/v1/next-to-last/2"
    _README                        for people
    XX/<MULTIHASH>.data            multihash in upper-case base32; XX its next-to-last two letters
    .temp/                         files being written; whatever a crash left goes at the next gc

Source: github.com/ipfs/go-ds-flatfs. A block is written to `.temp`, fsynced, renamed into place,
and its folder fsynced before `put_all` returns: after a power cut it is there whole or not at all.
Any number of processes may write at once; the same block written twice is the same file.

Trust: whoever writes to this folder can remove blocks or break them, which every read notices.
"""

import base64
import os
import secrets
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from analytics_pipeline.core.cid import Block, multihash_of, verify_block
from analytics_pipeline.core.errors import ContentUnavailable, InvalidSettings
from analytics_pipeline.storage.durable import sync_folder
from analytics_pipeline.storage.ipfs.deadlines import Timer

SHARDING: Final = "/repo/flatfs/shard/v1/next-to-last/2\n"
_README: Final = """\
IPFS blocks, one per file. A file is named after the block's multihash (base32, upper case) and
lies in a folder named after the name's next-to-last two letters. Change nothing by hand.
"""


class FlatfsBlocks:
    """The block folder of one machine."""

    name = "local store"
    remote = False

    def __init__(self, folder: Path) -> None:
        """Open or create. Raises InvalidSettings when `folder` is laid out in another way."""
        self.folder = folder
        self._temp = folder / ".temp"
        self._temp.mkdir(parents=True, exist_ok=True)
        for name, content in (("SHARDING", SHARDING), ("_README", _README)):
            if not (folder / name).exists():
                self._write(folder / name, content.encode())
        if (folder / "SHARDING").read_text() != SHARDING:
            raise InvalidSettings("ipfs location", f"{folder} uses another sharding")
        sync_folder(folder)

    def path_of(self, cid: str) -> Path:
        """Where the block of a CID lies, whether it exists or not."""
        name = base64.b32encode(multihash_of(cid)).decode("ascii").rstrip("=")
        return self.folder / name[-3:-1] / f"{name}.data"

    def put_all(self, blocks: Iterable[Block]) -> str:
        """Store blocks durably and return the last one's CID. A damaged copy is replaced."""
        touched = {self.folder}
        cid = ""
        for cid, data in blocks:
            path = self.path_of(cid)
            if not path.parent.exists():
                path.parent.mkdir(exist_ok=True)
            if _read(path) != data:
                self._write(path, data)
            touched.add(path.parent)
        for folder in touched:
            sync_folder(folder)
        return cid

    def fetch(self, cid: str, timer: Timer) -> Block:
        """Read and verify one block. Raises ContentUnavailable or IntegrityError."""
        data = _read(self.path_of(cid))
        if data is None:
            raise ContentUnavailable("not here")
        return verify_block(cid, data)

    def has(self, cid: str) -> bool:
        """Whether the block's file exists; its bytes are checked when read."""
        return self.path_of(cid).exists()

    def paths(self) -> Iterator[Path]:
        """Every block file."""
        return self.folder.glob("??/*.data")

    def clear_temp(self) -> None:
        """Remove what interrupted writers left. Only while nobody writes."""
        for path in self._temp.iterdir():
            path.unlink(missing_ok=True)

    def close(self) -> None:
        """Nothing is held open."""

    def _write(self, path: Path, data: bytes) -> None:
        temporary = self._temp / f"put-{os.getpid()}-{secrets.token_hex(8)}"
        try:
            with open(temporary, "xb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            os.replace(temporary, path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise


def _read(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None
