"""Files and directories get Kubo's CIDs, and only trees of the profile can be read."""

import mmap
from collections.abc import Iterator, Sequence
from pathlib import Path

import aleph_cid
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from analytics_pipeline.core import unixfs, unixfs_reader
from analytics_pipeline.core.cid import DAG_PB, RAW, Block, build_block
from analytics_pipeline.core.dagpb import DIRECTORY_DATA, Link, encode_file_data, encode_node
from analytics_pipeline.core.errors import (
    ContentUnavailable,
    IntegrityError,
    InvalidContent,
    InvalidInput,
)
from tests.ipfs.conftest import keystream

NAMES = st.text(
    st.characters(blacklist_categories=["Cs"], blacklist_characters="/\0"), min_size=1, max_size=20
).filter(lambda name: name not in (".", ".."))
MINIATURE = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])


def from_blocks(blocks: Sequence[Block]) -> unixfs_reader.GetBlocks:
    """A reader's source of exactly these blocks."""
    return unixfs_reader.blocks_from({block.cid: block.data for block in blocks})


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        (0, "bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku"),
        (1_048_576, "bafkreiacndfy443ter6qr2tmbbdhadvxxheowwf75s6zehscklu6ezxmta"),
        (1_048_577, "bafybeigmix7t42i6jacydtquhet7srwvgpizfg7gjbq7627d35mjomtu64"),
    ],
)
def test_kubo_file_fixtures(size: int, expected: str) -> None:
    """The profile's official fixtures around one chunk."""
    assert unixfs.cid_of_bytes(keystream("chunk-v1-seed", size)) == expected


@pytest.mark.slow
@pytest.mark.parametrize(
    ("extra", "expected"),
    [
        (0, "bafybeihmf37wcuvtx4hpu7he5zl5qaf2ineo2lqlfrapokkm5zzw7zyhvm"),
        (1, "bafybeibdsi225ugbkmpbdohnxioyab6jsqrmkts3twhpvfnzp77xtzpyhe"),
    ],
)
def test_kubo_width_fixtures(tmp_path: Path, extra: int, expected: str) -> None:
    """1024 chunks fill one node; one byte more makes two levels (official fixtures)."""
    path = tmp_path / "content"
    path.write_bytes(keystream("v1-2025-seed", 1024**3 + extra))
    with (
        path.open("rb") as file,
        mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content,
        memoryview(content) as view,
    ):
        assert unixfs.cid_of_bytes(view) == expected


def test_kubo_directory_fixture() -> None:
    """4766 files fill a directory of exactly 256 KiB (official fixture)."""
    letters = "abcdefghijklmnopqrstuvwxyz01234567890-_"
    stream = iter(keystream("hamt-unixfs-v1-2025", 1 << 20))

    def name(length: int) -> str:
        return "".join(letters[next(stream) % len(letters)] for _ in range(length))

    files = {name(11): b"x" for _ in range(4765)} | {name(21): b"x"}
    cid, blocks = unixfs.import_directory(files)
    assert cid == "bafybeic3h7rwruealwxkacabdy45jivq2crwz6bufb5ljwupn36gicplx4"
    assert len(blocks[-1].data) == unixfs.MAX_DIRECTORY_BYTES
    with pytest.raises(InvalidInput, match="files"):
        unixfs.cid_of_directory(files | {"one more": b"x"})


def test_empty_directory() -> None:
    """The empty directory has its well-known CID and reads as nothing."""
    cid, blocks = unixfs.import_directory({})
    assert cid == "bafybeiczsscdsbs7ffqz55asqdf3smv6klcw3gofszvwlyarci47bgf354"
    assert unixfs_reader.read_directory(cid, from_blocks(blocks)) == {}


@pytest.mark.parametrize("size", [0, 1, 262_144, 262_145, 1_000_000, 174 * 262_144 + 1])
def test_the_same_code_with_kubos_older_numbers(monkeypatch: pytest.MonkeyPatch, size: int) -> None:
    """With 256 KiB chunks and 174 links an independent implementation gives the same CIDs."""
    monkeypatch.setattr(unixfs, "CHUNK_BYTES", 262_144)
    monkeypatch.setattr(unixfs, "MAX_LINKS", 174)
    data = keystream("oracle", size)
    oracle = aleph_cid.CidHasher.for_ipfs_v1_raw_leaves()
    oracle.update(data)
    assert unixfs.cid_of_bytes(data) == oracle.finalize()


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    files=st.dictionaries(
        NAMES.filter(lambda name: len(name.encode()) < 100), st.binary(max_size=50), min_size=1
    )
)
def test_directories_against_an_independent_implementation(
    tmp_path_factory: pytest.TempPathFactory, files: dict[str, bytes]
) -> None:
    """Any flat directory on disk has the CID computed here."""
    folder = tmp_path_factory.mktemp("files")
    for name, content in files.items():
        (folder / name).write_bytes(content)
    assert unixfs.cid_of_directory(files) == aleph_cid.hash_folder(str(folder))


@MINIATURE
@given(data=st.binary(max_size=2000))
def test_file_round_trip(small_chunks: None, data: bytes) -> None:
    """Deep trees read back as they went in, and CID and content determine each other."""
    cid, blocks = unixfs.import_bytes(data)
    assert unixfs_reader.read_file(cid, from_blocks(blocks)) == data
    assert unixfs.cid_of_bytes(data) == cid
    names = [block.cid for block in unixfs_reader.iter_dag(cid, from_blocks(blocks))]
    assert set(names) == {block.cid for block in blocks}
    assert len(names) == len(set(names))
    assert sorted(unixfs_reader.iter_cids(cid, from_blocks(blocks))) == sorted(names)


@MINIATURE
@given(files=st.dictionaries(NAMES, st.binary(max_size=300), max_size=8))
def test_directory_round_trip(small_chunks: None, files: dict[str, bytes]) -> None:
    """Directories read back as they went in, whatever order the names came in."""
    cid, blocks = unixfs.import_directory(files)
    assert unixfs_reader.read_directory(cid, from_blocks(blocks)) == files
    assert unixfs.cid_of_directory(dict(reversed(files.items()))) == cid


@MINIATURE
@given(data=st.binary(min_size=1, max_size=600), draw=st.data())
def test_any_flipped_byte_names_its_block(
    small_chunks: None, data: bytes, draw: st.DataObject
) -> None:
    """Whichever byte of whichever block is wrong, the error names that block."""
    cid, blocks = unixfs.import_bytes(data)
    broken = draw.draw(st.sampled_from(blocks))
    position = draw.draw(st.integers(0, len(broken.data) - 1))
    wrong = bytearray(broken.data)
    wrong[position] ^= draw.draw(st.integers(1, 255))
    have = {block.cid: block.data for block in blocks} | {broken.cid: bytes(wrong)}
    with pytest.raises(IntegrityError, match=broken.cid):
        unixfs_reader.read_file(cid, unixfs_reader.blocks_from(have))


def test_a_missing_block_is_named() -> None:
    """Content with a hole is unavailable, not wrong."""
    cid, blocks = unixfs.import_bytes(keystream("hole", 3_000_000))
    with pytest.raises(ContentUnavailable, match=blocks[0].cid):
        unixfs_reader.read_file(cid, from_blocks(blocks[1:]))


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "a\0", "x" * 256, "\ud800"])
def test_names_that_are_no_path_component(name: str) -> None:
    """Such names are refused before anything is built."""
    with pytest.raises(InvalidInput, match="name"):
        unixfs.import_directory({name: b""})


def test_size_limits(small_chunks: None) -> None:
    """A file or directory above the reader's limit is refused before its leaves are fetched."""
    cid, blocks = unixfs.import_bytes(bytes(range(100)))
    asked: list[str] = []

    def watching(cids: Sequence[str]) -> Iterator[Block]:
        asked.extend(cids)
        return from_blocks(blocks)(cids)

    with pytest.raises(InvalidContent, match=cid):
        unixfs_reader.read_file(cid, watching, max_bytes=99)
    assert asked == [cid]
    directory, blocks = unixfs.import_directory({"a": bytes(60), "b": bytes(60)})
    with pytest.raises(InvalidContent, match="more than"):
        unixfs_reader.read_directory(directory, from_blocks(blocks), max_bytes=100)


def _leaf(data: bytes) -> Block:
    return build_block(RAW, data)


def _file(children: list[tuple[Block, int, int]]) -> Block:
    links = [Link(child.cid, "", tsize) for child, _, tsize in children]
    return build_block(
        DAG_PB, encode_node(links, encode_file_data([size for _, size, _ in children]))
    )


FULL, REST = _leaf(b"x" * 16), _leaf(b"y" * 4)
NODE_16 = build_block(DAG_PB, encode_node([], b"n" * 14))
GOOD = _file([(FULL, 16, 16), (REST, 4, 4)])
BAD_TREES = {
    "content that fits one chunk": _file([(REST, 4, 4)]),
    "no children at all": _file([]),
    "short chunk first": _file([(REST, 4, 4), (FULL, 16, 16)]),
    "wrong size of content": _file([(FULL, 16, 16), (REST, 5, 4)]),
    "wrong size of the tree": _file([(FULL, 16, 16), (REST, 4, 5)]),
    "sizes stated of one another": _file([(FULL, 4, 16), (REST, 16, 4)]),
    "an empty child": _file([(FULL, 16, 16), (_leaf(b""), 0, 0)]),
    "a node where a leaf belongs": _file([(FULL, 16, 16), (GOOD, 4, 4)]),
    "a node that is as long as the leaf": _file([(NODE_16, 16, 16), (REST, 4, 4)]),
    "too many children": _file([(FULL, 16, 16)] * 4),
    "a chunk above the limit": _leaf(b"z" * 17),
    "a directory": build_block(DAG_PB, encode_node([], DIRECTORY_DATA)),
}


def test_the_honest_tree_beside_the_bad_ones(small_chunks: None) -> None:
    """The hand-made tree that breaks no rule is the one importing makes."""
    assert unixfs_reader.read_file(GOOD.cid, from_blocks([GOOD, FULL, REST])) == b"x" * 16 + b"yyyy"
    assert unixfs.cid_of_bytes(b"x" * 16 + b"yyyy") == GOOD.cid


@pytest.mark.parametrize("lie", BAD_TREES)
def test_trees_outside_the_profile(small_chunks: None, lie: str) -> None:
    """Every other tree is refused although all its hashes are right."""
    root = BAD_TREES[lie]
    source = from_blocks([root, GOOD, FULL, REST, NODE_16, _leaf(b"")])
    with pytest.raises(InvalidContent, match=root.cid):
        unixfs_reader.read_file(root.cid, source)


def _directory(links: list[Link]) -> Block:
    return build_block(DAG_PB, encode_node(links, DIRECTORY_DATA))


BAD_DIRECTORIES = {
    "out of order": _directory([Link(REST.cid, "b", 4), Link(REST.cid, "a", 4)]),
    "a name twice": _directory([Link(REST.cid, "a", 4), Link(REST.cid, "a", 4)]),
    "a path": _directory([Link(REST.cid, "a/b", 4)]),
    "no name": _directory([Link(REST.cid, "", 4)]),
    "wrong size": _directory([Link(REST.cid, "a", 3)]),
    "a file": GOOD,
    "raw bytes": REST,
}


@pytest.mark.parametrize("lie", BAD_DIRECTORIES)
def test_bad_directories(small_chunks: None, lie: str) -> None:
    """Directories must list plain names once, in order, with true sizes."""
    root = BAD_DIRECTORIES[lie]
    with pytest.raises(InvalidContent, match=root.cid):
        unixfs_reader.read_directory(root.cid, from_blocks([root, FULL, REST]))


def test_nested_directories_are_refused(small_chunks: None) -> None:
    """A directory inside a directory is not read as a file."""
    inner = _directory([])
    outer = _directory([Link(inner.cid, "inner", len(inner.data))])
    with pytest.raises(InvalidContent, match=inner.cid):
        unixfs_reader.read_directory(outer.cid, from_blocks([outer, inner]))


def test_depth_bomb() -> None:
    """A chain of nodes is refused after a few levels, by readers and walkers."""
    blocks = [_leaf(b"x")]
    for _ in range(50):
        blocks.append(_directory([Link(blocks[-1].cid, "a", 1)]))
    root, source = blocks[-1], from_blocks(blocks)
    with pytest.raises(InvalidContent):
        unixfs_reader.read_directory(root.cid, source)
    with pytest.raises(InvalidContent, match="deeper"):
        list(unixfs_reader.iter_dag(root.cid, source))
