"""The embedded store keeps what it promised, and notices whatever happened to its files."""

import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from analytics_pipeline.core import unixfs
from analytics_pipeline.core.errors import (
    ContentUnavailable,
    IntegrityError,
    InvalidInput,
    InvalidSettings,
)
from analytics_pipeline.storage.ipfs import EmbeddedStore, open_store
from tests.ipfs.conftest import keystream

FILES = {"report.json": b"{}", "bücher.csv": b"", "big": keystream("big", 2_500_000)}


def block_files(store: EmbeddedStore, folder: Path) -> list[Path]:
    """Every block file under a store's folder."""
    return sorted((folder / "blocks").glob("*/*.data"))


@settings(max_examples=15, deadline=None)
@given(size=st.integers(0, 5_000_000), seed=st.text(max_size=5))
def test_any_size_round_trips(
    tmp_path_factory: pytest.TempPathFactory, size: int, seed: str
) -> None:
    """What goes in comes out under the CID computed without the store."""
    store = EmbeddedStore(tmp_path_factory.mktemp("ipfs"))
    data = keystream("s" + seed, size)
    cid = store.add(data)
    assert cid == unixfs.cid_of_bytes(data)
    assert store.get(cid) == data
    assert store.has(cid)


@settings(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(draw=st.data())
def test_any_flipped_byte_in_any_file_is_named(
    store: EmbeddedStore, tmp_path: Path, draw: st.DataObject
) -> None:
    """Whichever byte of whichever block file changes, reading raises and names the block."""
    directory = store.add_directory({"a": keystream("a", 1_200_000), "b": b"small"})
    path = draw.draw(st.sampled_from(block_files(store, tmp_path / "ipfs")))
    right = path.read_bytes()
    wrong = bytearray(right)
    wrong[draw.draw(st.integers(0, len(right) - 1))] ^= draw.draw(st.integers(1, 255))
    path.write_bytes(wrong)
    with pytest.raises(IntegrityError) as caught:
        store.get_directory(directory)
    assert path == store._local.path_of(str(caught.value).split()[1].rstrip(":"))
    path.write_bytes(right)


def test_layout_is_flatfs(store: EmbeddedStore, tmp_path: Path) -> None:
    """The layout Kubo expects: sharding file and next-to-last folders."""
    store.add(b"hello world")
    blocks = tmp_path / "ipfs" / "blocks"
    assert (blocks / "SHARDING").read_text() == "/repo/flatfs/shard/v1/next-to-last/2\n"
    assert (blocks / "_README").exists()
    name = "CIQLSTJHPGJU3P3CUKS5TOWR7VCG76LLCLHF5DEIXQZGZ65X7UQF4PQ"
    (path,) = block_files(store, tmp_path / "ipfs")
    assert len(path.stem) == len(name)
    assert path.parent.name == path.stem[-3:-1]
    assert path.read_bytes() == b"hello world"


def test_another_sharding_is_refused(tmp_path: Path) -> None:
    """A folder laid out differently is not written into."""
    blocks = tmp_path / "blocks"
    blocks.mkdir()
    (blocks / "SHARDING").write_text("/repo/flatfs/shard/v1/prefix/5\n")
    with pytest.raises(InvalidSettings, match="sharding"):
        EmbeddedStore(tmp_path)


def test_pins_and_gc(store: EmbeddedStore) -> None:
    """gc removes exactly what no pin needs, blocks shared with a pin excepted."""
    kept = store.add_directory(FILES)
    shared = store.add(FILES["big"])
    loose = store.add(b"loose", pin=False)
    assert store.pins() == sorted([kept, shared])
    assert store.is_pinned(kept)
    assert not store.is_pinned(loose)
    store.unpin(shared)
    assert not store.is_pinned(shared)
    assert store.gc() == (1, len(b"loose"))
    assert not store.has(loose)
    assert store.get_directory(kept) == FILES
    assert store.get(shared) == FILES["big"]
    store.unpin(kept)
    store.unpin(kept)
    removed = store.gc()
    assert removed.blocks == 7
    assert not store.has(kept)
    with pytest.raises(ContentUnavailable, match=kept):
        store.get_directory(kept)


def test_gc_of_a_damaged_store_removes_nothing(store: EmbeddedStore, tmp_path: Path) -> None:
    """When a pinned tree is not whole, its remains stay for whoever repairs it."""
    cid, blocks = unixfs.import_bytes(FILES["big"])
    store.add(FILES["big"])
    loose = store.add(b"loose", pin=False)
    store._local.path_of(cid).unlink()
    with pytest.raises(ContentUnavailable):
        store.gc()
    assert store.has(loose)
    assert len(block_files(store, tmp_path / "ipfs")) == len(blocks)


def test_pin_needs_the_content(store: EmbeddedStore) -> None:
    """Pinning what nobody has fails and pins nothing."""
    cid = unixfs.cid_of_bytes(b"nowhere")
    with pytest.raises(ContentUnavailable, match=cid):
        store.pin(cid)
    assert store.pins() == []
    assert not store.has(cid)


def test_adding_again_mends(store: EmbeddedStore) -> None:
    """A damaged block is replaced when its content is added once more."""
    cid = store.add(b"content")
    store._local.path_of(cid).write_bytes(b"damaged")
    with pytest.raises(IntegrityError, match=cid):
        store.get(cid)
    store.add(b"content")
    assert store.get(cid) == b"content"


@pytest.mark.parametrize("cid", ["", "../../etc/passwd", "Qm" + "a" * 44, "b" + "a" * 58])
def test_only_cids_name_content(store: EmbeddedStore, cid: str) -> None:
    """No other string reaches the file system."""
    for ask in (store.get, store.get_directory, store.has, store.pin):
        with pytest.raises(InvalidInput):
            ask(cid)


def test_many_writers_in_one_process(store: EmbeddedStore) -> None:
    """Threads may add the same and different content while gc runs."""
    contents = [keystream(f"t{index % 5}", 1_100_000) for index in range(20)]
    with ThreadPoolExecutor(8) as pool:
        collecting = [pool.submit(store.gc) for _ in range(3)]
        cids = list(pool.map(store.add, contents))
        for collected in collecting:
            collected.result()
    assert [store.get(cid) for cid in cids] == contents


_WRITER = """
import sys
from pathlib import Path
from analytics_pipeline.storage.ipfs import EmbeddedStore
store = EmbeddedStore(Path(sys.argv[1]))
for number in range(int(sys.argv[3])):
    print(store.add(f"{sys.argv[2]} {number} ".encode() * 50_000), flush=True)
    if number % 7 == 3:
        store.gc()
"""


def writer(folder: Path, name: str, count: int) -> "subprocess.Popen[str]":
    """A process that adds content and collects garbage in between."""
    command = [sys.executable, "-c", _WRITER, str(folder), name, str(count)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def test_many_processes(tmp_path: Path) -> None:
    """Processes share a folder: everything acknowledged is there and pinned."""
    writers = [writer(tmp_path, name, 12) for name in "abc"]
    cids = {cid for process in writers for cid in process.communicate(timeout=60)[0].split()}
    store = EmbeddedStore(tmp_path)
    assert [process.returncode for process in writers] == [0, 0, 0]
    assert len(cids) == 36
    assert set(store.pins()) == cids
    for cid in cids:
        assert len(store.get(cid)) > 50_000


def test_kill_minus_nine(tmp_path: Path) -> None:
    """Whatever was acknowledged before a kill is whole after it; the rest is clean to collect."""
    acknowledged: list[str] = []
    for round_number in range(4):
        process = writer(tmp_path, f"round {round_number}", 10_000)
        assert process.stdout is not None
        first = process.stdout.readline().strip()
        time.sleep(0.02 * round_number)
        os.kill(process.pid, signal.SIGKILL)
        acknowledged += [first, *process.communicate(timeout=60)[0].split()]
    store = EmbeddedStore(tmp_path)
    assert set(acknowledged) <= set(store.pins())
    for cid in store.pins():
        store.get(cid)
    store.gc()
    assert list((tmp_path / "blocks" / ".temp").iterdir()) == []


def test_open_store_by_path(tmp_path: Path) -> None:
    """A path, as text or Path, opens the same embedded store."""
    with open_store(str(tmp_path)) as store:
        cid = store.add(b"x")
    with open_store(tmp_path) as store:
        assert store.get(cid) == b"x"


def test_the_documented_example(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The example at the top of docs/ipfs.md runs as written."""
    page = (Path(__file__).parents[2] / "docs" / "ipfs.md").read_text()
    monkeypatch.chdir(tmp_path)
    exec(page.split("```python\n")[1].split("```")[0], {})
    assert (tmp_path / ".analytics" / "ipfs" / "blocks").is_dir()
