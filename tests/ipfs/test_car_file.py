"""A CAR on disk as an archive of published days: read by CID, and hostile ones refused by name."""

import random
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from unittest.mock import patch

import aleph_cid
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from analytics_pipeline.core.bundle import BUNDLE_FILES, CHAIN_FILE, history_folder
from analytics_pipeline.core.cid import DAG_PB, RAW, Block, build_block, cid_to_bytes
from analytics_pipeline.core.dagpb import DIRECTORY_DATA, Link, encode_node, encode_varint
from analytics_pipeline.core.errors import (
    ContentUnavailable,
    IntegrityError,
    InvalidContent,
    InvalidInput,
)
from analytics_pipeline.core.unixfs import build_directory, iter_blocks
from analytics_pipeline.published import archive as archives
from analytics_pipeline.published.archive import create_archive, open_archive
from analytics_pipeline.storage.ipfs import EmbeddedStore, car, car_file
from analytics_pipeline.storage.ipfs.car_file import CarFile, CarSpool
from tests.ipfs.conftest import keystream
from tests.support.archives import save_history
from tests.support.world import DAYS, honest_world

#: All that a hostile file may end in.
NAMED = (ContentUnavailable, IntegrityError, InvalidContent)
FILES = {
    CHAIN_FILE: b"{}",
    **{f"{history_folder(DAYS[0], 1)}/{name}": name.encode() for name in BUNDLE_FILES},
}


def write(path: Path, files: dict[str, bytes]) -> bytes:
    """An archive of these files; the bytes of the CAR."""
    with create_archive(path) as archive:
        for name, data in files.items():
            folder, _, file = name.rpartition("/")
            archive.write(folder, {file: data})
    return path.read_bytes() if path.is_file() else b""


def read(path: Path) -> dict[str, bytes]:
    """Every file, read from end to end."""
    with open_archive(path) as archive:
        return archive.read_all()


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A small history as a CAR."""
    return write(tmp_path_factory.mktemp("small") / "small.car", FILES)


def test_what_is_written_is_read(tmp_path: Path) -> None:
    """Folder and CAR hold the same paths and bytes, large files included."""
    files = {**FILES, f"{history_folder(DAYS[0], 2)}/report.json": keystream("car", 3_000_000)}
    for name in ("x.car", "x"):
        write(tmp_path / name, files)
        assert read(tmp_path / name) == files


def test_the_root_is_what_any_ipfs_tool_makes_of_the_folder(tmp_path: Path) -> None:
    """Importing the CAR elsewhere gives the tree; bundles have the CIDs on record."""
    world = honest_world()
    path = save_history(world, tmp_path / "history.car")
    store = EmbeddedStore(tmp_path / "elsewhere")
    root = store.import_car(path)
    assert root == aleph_cid.read_carv1_root(str(path))
    with CarFile(path) as file:
        assert file.root == root
    for record in world.records:
        if hasattr(record, "bundle_cid"):
            bundle = world.bundles[record.day, record.revision]
            assert store.get_directory(record.bundle_cid) == bundle
    exported = tmp_path / "again.car"
    store.export_car(root, exported)
    assert exported.read_bytes() == path.read_bytes()


def test_the_same_bytes_travel_once(tmp_path: Path) -> None:
    """Policies and catalogues repeat from day to day; their blocks do not."""
    once = write(tmp_path / "a.car", {CHAIN_FILE: b"", f"{history_folder(DAYS[0], 1)}/x": b"same"})
    files = {f"{history_folder(day, 1)}/x": b"same" for day in DAYS}
    assert write(tmp_path / "b.car", {CHAIN_FILE: b"", **files}).count(b"same") == 1
    assert once.count(b"same") == 1


def test_every_truncation_is_refused(small: bytes, tmp_path: Path) -> None:
    """Wherever the file ends too early."""
    path = tmp_path / "x.car"
    for length in range(len(small)):
        path.write_bytes(small[:length])
        with pytest.raises(NAMED):
            read(path)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=300)
@given(seed=st.integers(0, 2**32))
def test_any_damage_is_refused_by_name(small: bytes, tmp_path: Path, seed: int) -> None:
    """Bits flipped, pieces cut out, doubled, moved or added: a named error, or the same files."""
    source = random.Random(seed)
    data = bytearray(small)
    for _ in range(source.randint(1, 4)):
        start = source.randrange(len(data))
        piece = data[start : start + source.randint(1, 200)]
        match source.randrange(5):
            case 0:
                data[start] ^= 1 << source.randrange(8)
            case 1:
                del data[start : start + len(piece)]
            case 2:
                data[start:start] = piece
            case 3:
                at = source.randrange(len(data))
                data[at:at] = piece
            case 4:
                data[start:start] = source.randbytes(source.randint(1, 50))
    path = tmp_path / "x.car"
    path.write_bytes(data)
    with suppress(*NAMED):
        assert read(path) == FILES


@given(data=st.binary(max_size=200))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_bytes_are_no_crash(small: bytes, tmp_path: Path, data: bytes) -> None:
    """Alone, and after a header."""
    path = tmp_path / "x.car"
    for content in (data, small[:59] + data):
        path.write_bytes(content)
        with pytest.raises(NAMED):
            read(path)


def section(block: Block) -> bytes:
    content = cid_to_bytes(block.cid) + block.data
    return encode_varint(len(content)) + content


def directory(*links: tuple[str, Block]) -> Block:
    """A directory node of these children, whatever they are."""
    return build_block(
        DAG_PB,
        encode_node([Link(b.cid, name, len(b.data)) for name, b in links], DIRECTORY_DATA),
    )


CHAIN = build_block(RAW, b"{}")
FILE = build_block(RAW, b"file")


def duplicated() -> list[Block]:
    return [directory(("chain.json", CHAIN)), CHAIN, CHAIN]


def of_another_tree() -> list[Block]:
    return [directory(("chain.json", CHAIN)), CHAIN, FILE]


def in_another_order() -> list[Block]:
    return [directory(("a", FILE), ("chain.json", CHAIN)), CHAIN, FILE]


def wrong_cid() -> list[Block]:
    return [directory(("chain.json", CHAIN)), Block(CHAIN.cid, b"[]")]


def circle() -> list[Block]:
    """A directory that has itself in it: possible only under a CID that is not its own."""
    inner = directory(("chain.json", CHAIN))
    claimed = Block(inner.cid, directory(("chain.json", CHAIN), ("self", inner)).data)
    return [claimed, CHAIN]


def too_deep() -> list[Block]:
    blocks = [directory(("x", FILE))]
    for _ in range(5):
        blocks.append(directory(("d", blocks[-1])))
    return [directory(("bundles", blocks[-1]), ("chain.json", CHAIN)), *blocks[::-1], FILE, CHAIN]


def without_records() -> list[Block]:
    return [directory(("x", FILE)), FILE]


def a_file_alone() -> list[Block]:
    return [FILE]


def records_in_a_directory() -> list[Block]:
    inner = directory(("x", FILE))
    return [directory(("chain.json", inner)), inner, FILE]


def many_names(count: int = 30) -> list[Block]:
    """Three blocks that name as many files as one likes."""
    day = directory(*((f"{number:03d}", FILE) for number in range(count)))
    bundles = directory(*((f"{number:03d}", day) for number in range(count)))
    root = directory(*((f"{number:03d}", bundles) for number in range(count)))
    return [root, bundles, day, FILE]


def oversize() -> list[Block]:
    return [directory(("chain.json", CHAIN)), build_block(RAW, bytes(3 * 1024 * 1024))]


@pytest.mark.parametrize(
    ("make", "error"),
    [
        (duplicated, InvalidContent),
        (of_another_tree, InvalidContent),
        (in_another_order, InvalidContent),
        (wrong_cid, IntegrityError),
        (circle, IntegrityError),
        (too_deep, InvalidContent),
        (without_records, ContentUnavailable),
        (a_file_alone, InvalidContent),
        (records_in_a_directory, ContentUnavailable),
        (many_names, ContentUnavailable),
        (oversize, InvalidContent),
    ],
)
def test_hostile_files_are_refused(
    make: Callable[[], list[Block]], error: type[Exception], tmp_path: Path
) -> None:
    """Each by its name, and before it costs much."""
    blocks, path = make(), tmp_path / "x.car"
    car.write_car(path, blocks[0].cid, blocks)
    with patch.object(archives, "MAX_FILES", 1000), pytest.raises(error):
        read(path)


@pytest.mark.parametrize("suffix", ["", ".car"])
def test_many_names_of_one_file_are_bounded_together(tmp_path: Path, suffix: str) -> None:
    """Each is small enough; what is read of a bundle or of a day at once is not."""
    path, folder = tmp_path / f"many{suffix}", history_folder(DAYS[0], 1)
    write(path, {CHAIN_FILE: b"{}", **{f"{folder}/{n}": bytes(1000) for n in range(10)}})
    with open_archive(path) as archive:
        assert len(archive.read_bundle(folder, max_bytes=10_000)) == 10
        with pytest.raises(InvalidContent, match="more than 999"):
            archive.read_bundle(folder, max_bytes=9_999)
        with pytest.raises(InvalidContent, match="more than 1"):
            archive.read_all(max_bytes=10_001)


def test_a_file_with_very_many_blocks_is_not_indexed(tmp_path: Path, small: bytes) -> None:
    """What is remembered of a file does not grow without end."""
    path = tmp_path / "x.car"
    path.write_bytes(small)
    with (
        patch.object(car_file, "MAX_BLOCKS", 5),
        pytest.raises(InvalidContent, match="more than 5"),
    ):
        CarFile(path)
    with patch.object(archives, "MAX_FILES", 5), pytest.raises(ContentUnavailable):
        read(path)


def test_a_file_that_changes_meanwhile(tmp_path: Path, small: bytes) -> None:
    """Blocks are verified each time they are read, not once."""
    path = tmp_path / "x.car"
    path.write_bytes(small)
    with open_archive(path) as archive:
        path.write_bytes(small.replace(b"report.json", b"rep0rt.json"))
        with pytest.raises(IntegrityError):
            archive.read_bundle(history_folder(DAYS[0], 1))


def test_a_spool_writes_whole_trees_only(tmp_path: Path) -> None:
    """A directory whose file was never put there makes no file."""
    with CarSpool(tmp_path) as spool:
        entry = spool.put_all(iter_blocks(b"content"))
        block, there = build_directory({"a": entry})
        spool.put(block)
        lost, _ = build_directory({"b": there._replace(cid=FILE.cid)})
        spool.put(lost)
        with pytest.raises(ContentUnavailable):
            spool.write(tmp_path / "x.car", lost.cid)
        assert list(tmp_path.iterdir()) == []
        assert spool.write(tmp_path / "x.car", there.cid) == (tmp_path / "x.car").stat().st_size
    with CarFile(tmp_path / "x.car") as file:
        assert file.root == there.cid
        with pytest.raises(ContentUnavailable):
            list(file.get([FILE.cid]))


def test_a_failed_archive_is_no_archive(tmp_path: Path) -> None:
    """Nothing is left of a CAR whose making ended with an error."""
    with pytest.raises(InvalidInput), create_archive(tmp_path / "x.car") as archive:
        archive.write("", {"no/name": b"{}"})
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(InvalidInput, match="--save"), create_archive(tmp_path / "no" / "x.car"):
        pass
