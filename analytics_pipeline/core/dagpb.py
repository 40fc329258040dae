"""dag-pb nodes and the UnixFS messages inside them, in their one canonical encoding.

    PBNode   = (0x12 len PBLink)* 0x0a len Data             links first, then data
    PBLink   = 0x0a len Hash ‖ 0x12 len Name ‖ 0x18 Tsize   all three always present
    Data     = 0x08 Type ‖ 0x18 filesize ‖ (0x20 blocksize)*   Type 2 = file
             = 0x08 0x01                                       Type 1 = directory

Sources: ipld.io/specs/codecs/dag-pb, specs.ipfs.tech/unixfs. Parsing decodes, encodes again and
compares, so every other spelling (field order, padded numbers, unknown fields) is refused.
Does not belong here: which tree of nodes a file is (`core.unixfs`).
"""

from collections.abc import Iterator
from typing import Final, NamedTuple

from analytics_pipeline.core.cid import DAG_PB, Block, cid_from_bytes, cid_to_bytes, codec_of
from analytics_pipeline.core.errors import InvalidContent, InvalidInput

DIRECTORY_DATA: Final = b"\x08\x01"
_FILE_TYPE: Final = b"\x08\x02"
_MAX_VARINT_BYTES: Final = 9  # 63 bits, as unsigned-varint limits it


class Link(NamedTuple):
    """One child: `tsize_bytes` is the serialised size of the whole tree below it."""

    cid: str
    name: str
    tsize_bytes: int


class Node(NamedTuple):
    """A dag-pb node, its UnixFS message still encoded."""

    links: tuple[Link, ...]
    data: bytes


class FileNode(NamedTuple):
    """An inner node of a file: what each child holds, in bytes of content."""

    links: tuple[Link, ...]
    block_sizes: tuple[int, ...]


def encode_varint(value: int) -> bytes:
    """Unsigned LEB128, shortest form."""
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def decode_varint(data: bytes, start: int) -> tuple[int, int]:
    """(value, position after it). Raises ValueError when truncated, padded or above 63 bits."""
    value = 0
    for index, byte in enumerate(data[start : start + _MAX_VARINT_BYTES]):
        value |= (byte & 0x7F) << (7 * index)
        if byte < 0x80:
            if byte == 0 and index:
                raise ValueError("a number is padded")
            return value, start + index + 1
    raise ValueError("a number is truncated or too large")


def encode_node(links: list[Link], data: bytes) -> bytes:
    """The canonical bytes of a node."""
    parts = [_field(0x12, _encode_link(link)) for link in links]
    return b"".join(parts) + _field(0x0A, data)


def encode_file_data(block_sizes: list[int]) -> bytes:
    """The UnixFS message of an inner file node."""
    sizes = b"".join(b"\x20" + encode_varint(size) for size in block_sizes)
    return _FILE_TYPE + b"\x18" + encode_varint(sum(block_sizes)) + sizes


def parse_node(block: Block) -> Node:
    """Decode a dag-pb block.

    Raises:
        InvalidContent: not dag-pb, not canonical, or links to a CID this project does not use.
    """
    if codec_of(block.cid) != DAG_PB:
        raise InvalidContent(f"block {block.cid}", "is raw bytes where a dag-pb node was expected")
    try:
        fields = list(_fields(block.data))
        links = [_decode_link(value) for number, value in fields if number == 2]
        data = _as_bytes(next((value for number, value in fields if number == 1), b""))
    except (InvalidInput, TypeError, ValueError) as error:
        raise InvalidContent(f"block {block.cid}", f"is not dag-pb: {error}") from None
    if encode_node(links, data) != block.data:
        raise InvalidContent(f"block {block.cid}", "is not in canonical dag-pb form")
    return Node(tuple(links), data)


def parse_file_node(block: Block) -> FileNode:
    """Decode an inner node of a file. Raises InvalidContent."""
    links, data = parse_node(block)
    try:
        fields = list(_fields(data))
    except ValueError as error:
        raise InvalidContent(f"block {block.cid}", f"is not UnixFS: {error}") from None
    sizes = [value for number, value in fields if number == 4 and isinstance(value, int)]
    if encode_file_data(sizes) != data:
        raise InvalidContent(f"block {block.cid}", "is not an inner node of a UnixFS file")
    if len(sizes) != len(links) or any(link.name for link in links):
        raise InvalidContent(f"block {block.cid}", "does not state one size for each unnamed link")
    return FileNode(links, tuple(sizes))


def _field(tag: int, value: bytes) -> bytes:
    return bytes((tag,)) + encode_varint(len(value)) + value


def _encode_link(link: Link) -> bytes:
    name = link.name.encode("utf-8")
    tsize = b"\x18" + encode_varint(link.tsize_bytes)
    return _field(0x0A, cid_to_bytes(link.cid)) + _field(0x12, name) + tsize


def _decode_link(raw: int | bytes) -> Link:
    fields = dict(_fields(_as_bytes(raw)))
    if sorted(fields) != [1, 2, 3] or not isinstance(fields[3], int):
        raise ValueError("a link lacks its hash, name or size")
    cid = cid_from_bytes(_as_bytes(fields[1]))
    return Link(cid, _as_bytes(fields[2]).decode("utf-8"), fields[3])


def _as_bytes(value: int | bytes) -> bytes:
    if not isinstance(value, bytes):
        raise TypeError("a number stands where bytes belong")
    return value


def _fields(message: bytes) -> Iterator[tuple[int, int | bytes]]:
    """(field number, value) of a protobuf message that uses wire types 0 and 2 only."""
    position = 0
    while position < len(message):
        tag, position = decode_varint(message, position)
        value, position = decode_varint(message, position)
        if tag & 7 == 0:
            yield tag >> 3, value
        elif tag & 7 == 2:
            if position + value > len(message):
                raise ValueError("a field is truncated")
            yield tag >> 3, message[position : position + value]
            position += value
        else:
            raise ValueError("an unknown wire type")
