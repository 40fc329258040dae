"""CAR files travel whole or not at all."""

import io
from pathlib import Path

import aleph_cid
import pytest

from analytics_pipeline.core.cid import RAW, Block, build_block, cid_to_bytes
from analytics_pipeline.core.dagpb import encode_varint
from analytics_pipeline.core.errors import ContentUnavailable, IntegrityError, InvalidContent
from analytics_pipeline.storage.ipfs import EmbeddedStore, car
from tests.ipfs.conftest import keystream

BIG = keystream("car", 1_300_000)
FILES = {"a": BIG, "b": b"b", "same as b": b"b"}


@pytest.fixture
def exported(store: EmbeddedStore, tmp_path: Path) -> tuple[str, bytes]:
    """(root, bytes) of an exported directory."""
    root = store.add_directory(FILES)
    path = tmp_path / "x.car"
    size = store.export_car(root, path)
    data = path.read_bytes()
    assert len(data) == size
    return root, data


def load(folder: Path, data: bytes) -> str:
    """Import bytes into a new store and check that the whole tree arrived."""
    path = folder / "in.car"
    path.write_bytes(data)
    store = EmbeddedStore(folder / "second")
    root = store.import_car(path)
    assert store.is_pinned(root)
    assert store.has(root)
    return root


def test_round_trip(exported: tuple[str, bytes], tmp_path: Path) -> None:
    """An exported tree imports elsewhere, pinned and complete; shared blocks travel once."""
    root, data = exported
    assert load(tmp_path, data) == root
    assert EmbeddedStore(tmp_path / "second").get_directory(root) == FILES
    assert data.count(BIG[:1000]) == 1


def test_another_reader_agrees_on_the_root(exported: tuple[str, bytes], tmp_path: Path) -> None:
    """An independent implementation reads the same root from the header."""
    assert aleph_cid.read_carv1_root(str(tmp_path / "x.car")) == exported[0]


def small_car(folder: Path) -> bytes:
    """A CAR small enough to try every byte."""
    store = EmbeddedStore(folder / "first")
    store.export_car(store.add_directory({"a": b"a" * 40, "b": b"b" * 40}), folder / "small.car")
    return (folder / "small.car").read_bytes()


def read(data: bytes) -> list[Block]:
    """All blocks of a CAR, checked."""
    file = io.BytesIO(data)
    return list(car.read_blocks(file, car.read_root(file)))


def test_every_flipped_byte_is_refused(tmp_path: Path) -> None:
    """Header, lengths, CIDs, blocks: whichever byte changes, reading raises."""
    data = small_car(tmp_path)
    assert len(read(data)) == 3
    for position in range(len(data)):
        for bit in (1, 16, 128):
            wrong = bytearray(data)
            wrong[position] ^= bit
            with pytest.raises((IntegrityError, InvalidContent)):
                read(bytes(wrong))


def test_every_truncation_is_refused(tmp_path: Path) -> None:
    """A file cut anywhere is refused, between sections too."""
    data = small_car(tmp_path)
    for length in range(len(data)):
        with pytest.raises(InvalidContent, match="car"):
            read(data[:length])


def test_a_refused_file_pins_nothing(exported: tuple[str, bytes], tmp_path: Path) -> None:
    """Blocks met before the fault are left to the garbage collector."""
    with pytest.raises(InvalidContent):
        load(tmp_path, exported[1][:-1])
    second = EmbeddedStore(tmp_path / "second")
    assert second.pins() == []
    assert second.gc().blocks > 0


def section(content: bytes) -> bytes:
    """One CAR section."""
    return encode_varint(len(content)) + content


@pytest.mark.parametrize(
    "extra",
    [
        section(cid_to_bytes(build_block(RAW, b"stranger").cid) + b"stranger"),
        section(cid_to_bytes(build_block(RAW, b"b").cid) + b"b"),
        section(b""),
        encode_varint(2**40),
        b"\x80\x80",
    ],
)
def test_anything_after_the_tree_is_refused(
    exported: tuple[str, bytes], tmp_path: Path, extra: bytes
) -> None:
    """Strangers, repetitions, empty and oversized sections are refused."""
    with pytest.raises(InvalidContent, match="car"):
        load(tmp_path, exported[1] + extra)


def test_export_of_what_is_not_there(store: EmbeddedStore, tmp_path: Path) -> None:
    """A failed export leaves no file behind."""
    cid = store.add(BIG)
    block = next(iter((tmp_path / "ipfs" / "blocks").glob("*/*.data")))
    block.unlink()
    target = tmp_path / "out"
    target.mkdir()
    with pytest.raises(ContentUnavailable):
        store.export_car(cid, target / "x.car")
    assert list(target.iterdir()) == []
