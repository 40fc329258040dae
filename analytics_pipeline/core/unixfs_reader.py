"""UnixFS files and directories: blocks back to content.

Reading accepts exactly the trees `core.unixfs` makes. The size a root states fixes the shape of
everything below it, so depth bombs, repeated subtrees and sizes that do not add up are refused
before much is fetched, and no more than `max_bytes` of content is ever returned.

Belongs here: pure functions over blocks. Where blocks come from is the caller's affair: readers
ask a `GetBlocks`, which answers with verified blocks only (`core.cid.Block`).
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Final

from analytics_pipeline.core import dagpb
from analytics_pipeline.core.cid import DAG_PB, RAW, Block, codec_of, verify_block
from analytics_pipeline.core.errors import ContentUnavailable, InvalidContent, InvalidInput
from analytics_pipeline.core.unixfs import (
    CHUNK_BYTES,
    MAX_DIRECTORY_BYTES,
    child_sizes,
    depth_of,
    parse_name,
)

#: What readers accept unless told otherwise: 4 GiB, a tree two levels deep.
DEFAULT_MAX_BYTES: Final = 4 * 1024**3
#: Deeper than any tree of this profile below one exbibyte.
MAX_DAG_DEPTH: Final = 8

#: Verified blocks for CIDs, in the order asked for; lazily, so that a source may fetch ahead.
GetBlocks = Callable[[Sequence[str]], Iterator[Block]]


def blocks_from(blocks: Mapping[str, bytes]) -> GetBlocks:
    """Read from a mapping of untrusted blocks, verifying each.

    Raises (when called): ContentUnavailable for a CID it lacks, IntegrityError for a wrong one.
    """

    def get(cids: Sequence[str]) -> Iterator[Block]:
        for cid in cids:
            if cid not in blocks:
                raise ContentUnavailable(f"block {cid} is missing")
            yield verify_block(cid, blocks[cid])

    return get


def iter_file(
    cid: str, get_blocks: GetBlocks, max_bytes: int = DEFAULT_MAX_BYTES
) -> Iterator[bytes]:
    """The content of a file in order, chunk by chunk.

    Raises:
        InvalidContent: the tree is not a file of this profile, or larger than `max_bytes`.
        ContentUnavailable, IntegrityError: from `get_blocks`.
    """
    (root,) = get_blocks([cid])
    yield from _iter_tree(root, get_blocks, max_bytes)


def read_file(cid: str, get_blocks: GetBlocks, max_bytes: int = DEFAULT_MAX_BYTES) -> bytes:
    """The whole content of a file. Raises as `iter_file`."""
    return b"".join(iter_file(cid, get_blocks, max_bytes))


def read_directory(
    cid: str, get_blocks: GetBlocks, max_bytes: int = DEFAULT_MAX_BYTES
) -> dict[str, bytes]:
    """Content by name of a flat directory, at most `max_bytes` in all. Raises as `iter_file`."""
    (root,) = get_blocks([cid])
    links = _parse_directory(root)
    files, left = {}, max_bytes
    for link, child in zip(links, get_blocks([link.cid for link in links]), strict=True):
        if link.tsize_bytes != _tsize_of(child):
            raise InvalidContent(f"block {cid}", f"states a wrong size for {link.name!r}")
        content = b"".join(_iter_tree(child, get_blocks, left))
        files[link.name] = content
        left -= len(content)
    return files


def iter_tree(cid: str, get_blocks: GetBlocks, max_depth: int) -> Iterator[tuple[str, str]]:
    """Every file in a directory of directories: its path with ``/``, and its CID.

    The same directory may be linked to from many places: whoever asks must stop at some number.

    Args:
        max_depth: how many directories a path may have.
    Raises:
        InvalidContent: not directories of the profile, or deeper than that.
        ContentUnavailable, IntegrityError: from `get_blocks`.
    """
    known: dict[str, tuple[dagpb.Link, ...] | None] = {}

    def children_of(name: str) -> tuple[dagpb.Link, ...] | None:
        """None of a file. Read once, however many paths lead there."""
        if codec_of(name) == RAW:
            return None
        if name not in known:
            (block,) = get_blocks([name])
            is_directory = dagpb.parse_node(block).data == dagpb.DIRECTORY_DATA
            known[name] = _parse_directory(block) if is_directory else None
        return known[name]

    def walk(path: str, links: tuple[dagpb.Link, ...], depth: int) -> Iterator[tuple[str, str]]:
        for link in links:
            children = children_of(link.cid)
            if children is None:
                yield path + link.name, link.cid
            elif depth == max_depth:
                raise InvalidContent(f"block {cid}", f"has a directory too many: {link.name!r}")
            else:
                yield from walk(f"{path}{link.name}/", children, depth + 1)

    (root,) = get_blocks([cid])
    yield from walk("", _parse_directory(root), 0)


def links_of(block: Block) -> tuple[str, ...]:
    """CIDs of a block's children, in order. Raises InvalidContent."""
    if codec_of(block.cid) == RAW:
        return ()
    return tuple(link.cid for link in dagpb.parse_node(block).links)


def iter_cids(cid: str, get_blocks: GetBlocks) -> Iterator[str]:
    """Every CID under a root once, the root included; raw blocks are named but not read."""
    waiting, seen = [cid], {cid}
    while waiting:
        name = waiting.pop()
        yield name
        if codec_of(name) == DAG_PB:
            (block,) = get_blocks([name])
            fresh = [child for child in dict.fromkeys(links_of(block)) if child not in seen]
            seen.update(fresh)
            waiting.extend(fresh)


def iter_dag(cid: str, get_blocks: GetBlocks) -> Iterator[Block]:
    """Every block under a root once, depth first, parents before children: CAR order."""
    seen: set[str] = set()

    def visit(block: Block, depth: int) -> Iterator[Block]:
        if depth > MAX_DAG_DEPTH:
            raise InvalidContent(f"block {cid}", f"lies above a tree deeper than {MAX_DAG_DEPTH}")
        seen.add(block.cid)
        yield block
        fresh = [child for child in dict.fromkeys(links_of(block)) if child not in seen]
        for child in get_blocks(fresh) if fresh else ():
            if child.cid not in seen:
                yield from visit(child, depth + 1)

    (root,) = get_blocks([cid])
    yield from visit(root, 0)


def _iter_tree(root: Block, get_blocks: GetBlocks, max_bytes: int) -> Iterator[bytes]:
    """A file from its root block; the size it states fixes the shape of everything below."""
    if codec_of(root.cid) == RAW:
        _check_size(root.cid, len(root.data), min(max_bytes, CHUNK_BYTES))
        yield root.data
        return
    size = sum(dagpb.parse_file_node(root).block_sizes)
    _check_size(root.cid, size, max_bytes)
    depth = depth_of(size)
    if depth == 0:
        raise InvalidContent(f"block {root.cid}", "splits content that fits one chunk")
    yield from _iter_node(root, size, depth, get_blocks)


def _iter_node(block: Block, size: int, depth: int, get_blocks: GetBlocks) -> Iterator[bytes]:
    links, block_sizes = dagpb.parse_file_node(block)
    expected = child_sizes(size, depth)
    if list(block_sizes) != expected:
        raise InvalidContent(f"block {block.cid}", "does not split its content as the profile does")
    codec = RAW if depth == 1 else DAG_PB
    if any(codec_of(link.cid) != codec for link in links):
        raise InvalidContent(f"block {block.cid}", "has leaves at a depth the profile does not")
    children = get_blocks([link.cid for link in links])
    for link, child_size, child in zip(links, expected, children, strict=True):
        if link.tsize_bytes != _tsize_of(child):
            raise InvalidContent(f"block {block.cid}", f"states a wrong size for {link.cid}")
        if depth > 1:
            yield from _iter_node(child, child_size, depth - 1, get_blocks)
        elif len(child.data) != child_size:
            raise InvalidContent(f"block {block.cid}", f"states a wrong size for {link.cid}")
        else:
            yield child.data


def _tsize_of(block: Block) -> int:
    if codec_of(block.cid) == RAW:
        return len(block.data)
    return len(block.data) + sum(link.tsize_bytes for link in dagpb.parse_node(block).links)


def _parse_directory(root: Block) -> tuple[dagpb.Link, ...]:
    links, data = dagpb.parse_node(root)
    if data != dagpb.DIRECTORY_DATA or len(root.data) > MAX_DIRECTORY_BYTES:
        raise InvalidContent(f"block {root.cid}", "is not a plain UnixFS directory")
    try:
        names = [parse_name(link.name) for link in links]
    except InvalidInput as error:
        raise InvalidContent(f"block {root.cid}", f"lists {error}") from None
    if any(left >= right for left, right in pairwise(names)):
        raise InvalidContent(f"block {root.cid}", "lists names twice or out of order")
    return links


def _check_size(cid: str, size_bytes: int, max_bytes: int) -> None:
    if size_bytes > max_bytes:
        raise InvalidContent(f"block {cid}", f"holds {size_bytes} bytes, more than {max_bytes}")
