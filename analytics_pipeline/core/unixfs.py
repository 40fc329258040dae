"""UnixFS files and directories in the profile `unixfs-v1-2025` (IPIP-0499): content to blocks.

    file       chunks of 1 MiB as raw blocks; a balanced tree of dag-pb nodes with at most 1024
               children above them, every leaf at the same depth; one chunk alone is the file
    directory  one dag-pb node of at most 256 KiB, children sorted by the bytes of their names

The profile leaves no choice, so content and CID determine each other. A directory above 256 KiB
would be sharded (HAMT) by Kubo and so get another CID; it is refused. Directories of content are
flat; directories of such directories are put together with `build_directory`.

Belongs here: pure functions from content to blocks. The way back is `core.unixfs_reader`; names
and single blocks are `core.cid`; keeping blocks is `storage.ipfs`.
"""

from collections.abc import Generator, Mapping
from typing import Final, NamedTuple

from analytics_pipeline.core import dagpb
from analytics_pipeline.core.cid import DAG_PB, RAW, Block, build_block, cid_of_block
from analytics_pipeline.core.errors import InvalidInput

CHUNK_BYTES: Final = 1024 * 1024
MAX_LINKS: Final = 1024
#: Above this Kubo shards a directory (HAMT), which changes its CID.
MAX_DIRECTORY_BYTES: Final = 256 * 1024
MAX_NAME_BYTES: Final = 255


class Entry(NamedTuple):
    """A finished subtree: its CID, content bytes, and serialised bytes of all its blocks."""

    cid: str
    size_bytes: int
    tsize_bytes: int


def iter_blocks(data: bytes | memoryview) -> Generator[Block, None, Entry]:
    """The blocks of a file, children before parents; the last one is the root, and what the
    generator returns is about it."""
    view = memoryview(data)
    return (yield from _emit(view, depth_of(len(view))))


def import_bytes(data: bytes | memoryview) -> tuple[str, list[Block]]:
    """(CID, blocks) of a file; the root is last."""
    blocks = list(iter_blocks(data))
    return blocks[-1].cid, blocks


def cid_of_bytes(data: bytes | memoryview) -> str:
    """The CID of a file, without keeping its blocks."""
    if len(data) <= CHUNK_BYTES:
        return cid_of_block(RAW, data)
    root = ""
    for block in iter_blocks(data):
        root = block.cid
    return root


def iter_directory_blocks(files: Mapping[str, bytes]) -> Generator[Block, None, Entry]:
    """The blocks of a flat directory, children before parents; the last one is the root, and what
    the generator returns is about it.

    Args:
        files: content by name; a name is one path component.
    Raises:
        InvalidInput: a name that is no path component, or so many files that Kubo would shard.
    """
    entries = {}
    for _, name in sorted((parse_name(name), name) for name in files):
        entries[name] = yield from iter_blocks(files[name])
    block, entry = build_directory(entries)
    yield block
    return entry


def build_directory(entries: Mapping[str, Entry]) -> tuple[Block, Entry]:
    """The one block of a directory whose children exist, files or directories.

    Args:
        entries: children by name.
    Raises:
        InvalidInput: as `iter_directory_blocks`.
    """
    ordered = sorted((parse_name(name), entry) for name, entry in entries.items())
    links = [
        dagpb.Link(entry.cid, encoded.decode("utf-8"), entry.tsize_bytes)
        for encoded, entry in ordered
    ]
    data = dagpb.encode_node(links, dagpb.DIRECTORY_DATA)
    if len(data) > MAX_DIRECTORY_BYTES:
        raise InvalidInput("files", f"{len(entries)} names need more than {MAX_DIRECTORY_BYTES} B")
    block = build_block(DAG_PB, data)
    size = sum(entry.size_bytes for entry in entries.values())
    tsize = len(data) + sum(entry.tsize_bytes for entry in entries.values())
    return block, Entry(block.cid, size, tsize)


def import_directory(files: Mapping[str, bytes]) -> tuple[str, list[Block]]:
    """(CID, blocks) of a flat directory; the root is last. Raises as `iter_directory_blocks`."""
    blocks = list(iter_directory_blocks(files))
    return blocks[-1].cid, blocks


def cid_of_directory(files: Mapping[str, bytes]) -> str:
    """The CID of a flat directory. Raises as `iter_directory_blocks`."""
    root = ""
    for block in iter_directory_blocks(files):
        root = block.cid
    return root


def depth_of(size_bytes: int) -> int:
    """Levels of dag-pb nodes above the chunks of a file."""
    depth = 0
    while size_bytes > CHUNK_BYTES * MAX_LINKS**depth:
        depth += 1
    return depth


def child_sizes(size_bytes: int, depth: int) -> list[int]:
    """Content bytes under each child of a node `depth` levels above the chunks."""
    span = CHUNK_BYTES * MAX_LINKS ** (depth - 1)
    full, rest = divmod(size_bytes, span)
    return [span] * full + ([rest] if rest else [])


def parse_name(name: str) -> bytes:
    """UTF-8 bytes of a name that is exactly one path component. Raises InvalidInput."""
    try:
        encoded = name.encode("utf-8")
    except UnicodeEncodeError:
        raise InvalidInput("name", f"{name!r} is not Unicode text") from None
    if name in ("", ".", "..") or "/" in name or "\0" in name or len(encoded) > MAX_NAME_BYTES:
        raise InvalidInput("name", f"{name[:80]!r} is not one path component")
    return encoded


def _emit(view: memoryview, depth: int) -> Generator[Block, None, Entry]:
    if depth == 0:
        leaf = build_block(RAW, bytes(view))
        yield leaf
        return Entry(leaf.cid, len(view), len(view))
    children, start = [], 0
    for size in child_sizes(len(view), depth):
        children.append((yield from _emit(view[start : start + size], depth - 1)))
        start += size
    links = [dagpb.Link(child.cid, "", child.tsize_bytes) for child in children]
    data = dagpb.encode_node(links, dagpb.encode_file_data([c.size_bytes for c in children]))
    node = build_block(DAG_PB, data)
    yield node
    return Entry(node.cid, len(view), len(data) + sum(child.tsize_bytes for child in children))
