"""CAR v1 files: one root and every block under it, in the order of a depth-first walk.

    file    = header section*           sections: varint length ‖ CID (36 bytes) ‖ block
    header  = varint length ‖ dag-cbor {"roots": [root], "version": 1}

Source: ipld.io/specs/transport/car/carv1. Reading is strict: exactly one root, each block verified
and met where the walk from the root expects it, none missing, none besides. Kubo's `dag export`
writes this order.
"""

import os
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO, Final

from analytics_pipeline.core.cid import (
    CID_BYTES,
    MAX_BLOCK_BYTES,
    Block,
    cid_from_bytes,
    cid_to_bytes,
    verify_block,
)
from analytics_pipeline.core.dagpb import decode_varint, encode_varint
from analytics_pipeline.core.errors import InvalidContent, InvalidInput
from analytics_pipeline.core.unixfs_reader import links_of

# dag-cbor: map(2), "roots", array(1), tag 42, bytes(37) starting with the identity multibase 0x00
_BEFORE_ROOT: Final = b"\xa2\x65roots\x81\xd8\x2a\x58\x25\x00"
_AFTER_ROOT: Final = b"\x67version\x01"
_HEADER_BYTES: Final = len(_BEFORE_ROOT) + CID_BYTES + len(_AFTER_ROOT)


def write_car(path: Path, root: str, blocks: Iterable[Block]) -> int:
    """Write a CAR atomically: `path` appears whole or not at all. Returns its size in bytes."""
    descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with open(descriptor, "wb") as file:
            file.write(_section(_BEFORE_ROOT + cid_to_bytes(root) + _AFTER_ROOT))
            for block in blocks:
                file.write(_section(cid_to_bytes(block.cid) + block.data))
            size = file.tell()
            file.flush()
            os.fsync(file.fileno())
        os.replace(name, path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    return size


def read_root(file: BinaryIO) -> str:
    """The root a CAR announces; the file then stands at its first block.

    Raises:
        InvalidContent: it is no CAR of this kind; the error's field is ``car header``.
    """
    start, end = len(_BEFORE_ROOT), len(_BEFORE_ROOT) + CID_BYTES
    try:
        header = _read_section(file, limit=_HEADER_BYTES) or b""
        if header[:start] == _BEFORE_ROOT and header[end:] == _AFTER_ROOT:
            return _parse_cid(header[start:end])
    except InvalidContent:
        pass
    raise InvalidContent("car header", "is not that of a CAR v1 with one CIDv1 root")


def read_blocks(file: BinaryIO, root: str) -> Iterator[Block]:
    """The blocks after the header, each verified and in its place.

    Raises:
        IntegrityError: a block does not hash to its CID.
        InvalidContent: truncated, out of order, incomplete, or more than the tree of `root`.
    """
    expected, seen = [root], set[str]()
    while (section := _read_section(file, limit=CID_BYTES + MAX_BLOCK_BYTES)) is not None:
        block = verify_block(_parse_cid(section[:CID_BYTES]), section[CID_BYTES:])
        while expected and expected[-1] in seen:
            expected.pop()
        if not expected or expected.pop() != block.cid:
            raise InvalidContent("car", f"block {block.cid} is not the one expected there")
        seen.add(block.cid)
        expected.extend(reversed(links_of(block)))
        yield block
    missing = [cid for cid in expected if cid not in seen]
    if missing:
        raise InvalidContent("car", f"ends before block {missing[-1]}")


def _section(content: bytes) -> bytes:
    return encode_varint(len(content)) + content


def _read_section(file: BinaryIO, limit: int) -> bytes | None:
    prefix = bytearray(file.read(1))
    if not prefix:
        return None
    while prefix[-1] & 0x80 and len(prefix) < 9 and (byte := file.read(1)):
        prefix += byte
    try:
        size, _ = decode_varint(bytes(prefix), 0)
    except ValueError as error:
        raise InvalidContent("car", f"section length: {error}") from None
    if not 0 < size <= limit:
        raise InvalidContent("car", f"a section of {size} bytes; the limit is {limit}")
    content = file.read(size)
    if len(content) != size:
        raise InvalidContent("car", "ends in the middle of a section")
    return content


def _parse_cid(raw: bytes) -> str:
    try:
        return cid_from_bytes(raw)
    except InvalidInput as error:
        raise InvalidContent("car", str(error)) from None
