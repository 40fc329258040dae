"""A node can refuse, stall and lie; the store says which, and never returns wrong bytes."""

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from analytics_pipeline.core.errors import ContentUnavailable, IntegrityError, InvalidSettings
from analytics_pipeline.core.unixfs import cid_of_bytes, cid_of_directory, import_bytes
from analytics_pipeline.storage.ipfs import ContentStore, open_store
from tests.ipfs.conftest import FAST, keystream
from tests.ipfs.hostile_node import OTHER_CID, HostileNode

BIG = keystream("kubo", 2_500_000)
FILES = {"a": BIG, "b": b"b", "c": b""}
HURRIED = replace(FAST, total_seconds=1.5)


@pytest.fixture
def kubo(node: HostileNode) -> ContentStore:
    """A store on the node of the test."""
    return open_store(node.url, deadlines=FAST)


def test_files(kubo: ContentStore, node: HostileNode) -> None:
    """Add, pin, read, unpin; the profile is spelt out in every add."""
    cid = kubo.add(BIG)
    assert cid == cid_of_bytes(BIG)
    assert kubo.get(cid) == BIG
    assert kubo.is_pinned(cid)
    assert kubo.has(cid)
    assert kubo.pins() == [cid]
    kubo.unpin(cid)
    kubo.unpin(cid)
    assert not kubo.is_pinned(cid)
    sent = dict(node.queries)["add"]
    assert sent["cid-version"] == ["1"]
    assert sent["raw-leaves"] == ["True"]
    assert sent["chunker"] == ["size-1048576"]
    assert sent["max-file-links"] == ["1024"]


def test_directories(kubo: ContentStore) -> None:
    """A directory is its files and one node, pinned as a whole."""
    cid = kubo.add_directory(FILES)
    assert cid == cid_of_directory(FILES)
    assert kubo.get_directory(cid) == FILES
    assert kubo.pins() == [cid]
    assert kubo.has(cid)


def test_what_the_node_does_not_have(kubo: ContentStore) -> None:
    """Absence is said at once, without asking again."""
    cid = cid_of_bytes(b"nowhere")
    assert not kubo.has(cid)
    assert not kubo.is_pinned(cid)
    with pytest.raises(ContentUnavailable, match=cid):
        kubo.get(cid)


def test_cids_of_other_forms_are_left_out(kubo: ContentStore, node: HostileNode) -> None:
    """A shared node's CIDv0 pins are not ours."""
    node.pins.add("QmUNLLsPACCz1vLxQVkXqqLX5R1X345qqfHbsf67hvA3Nn")
    assert kubo.pins() == []


@pytest.mark.parametrize("fault", ["500", "truncate", "abort"])
def test_passing_faults_are_asked_again(kubo: ContentStore, node: HostileNode, fault: str) -> None:
    """Server errors, truncation (a clean end too) and aborts are retried, and overcome."""
    cid = kubo.add(b"content" * 100)
    node.faults["block/get"] = [fault, fault]
    assert kubo.get(cid) == b"content" * 100
    assert node.requests["block/get"] == 3


@pytest.mark.parametrize("fault", ["500", "truncate", "abort"])
def test_lasting_faults_end_as_unavailable(
    kubo: ContentStore, node: HostileNode, fault: str
) -> None:
    """After the attempts allowed the content is unavailable."""
    cid = kubo.add(b"content" * 100)
    node.faults["block/get"] = [fault + "!"]
    with pytest.raises(ContentUnavailable, match=cid):
        kubo.get(cid)
    assert node.requests["block/get"] == FAST.attempts


@pytest.mark.parametrize("fault", ["flip", "endless"])
def test_lies_are_never_asked_again(kubo: ContentStore, node: HostileNode, fault: str) -> None:
    """Wrong or endless bytes raise at once, naming the block."""
    cid = kubo.add(b"content" * 100)
    node.faults["block/get"] = [fault]
    with pytest.raises(IntegrityError, match=cid):
        kubo.get(cid)
    assert node.requests["block/get"] == 1


def test_a_lie_about_one_leaf(kubo: ContentStore, node: HostileNode) -> None:
    """Among many blocks the wrong one is named."""
    cid = kubo.add(BIG)
    leaf = import_bytes(BIG)[1][1]
    node.blocks[leaf.cid] = bytes(len(leaf.data))
    with pytest.raises(IntegrityError, match=leaf.cid):
        kubo.get(cid)


@pytest.mark.parametrize("fault", ["stall", "drip"])
def test_silence_ends_at_the_deadline(node: HostileNode, fault: str) -> None:
    """Silence hits the idle deadline, a trickle the total one; neither is retried."""
    store = open_store(node.url, deadlines=HURRIED)
    cid = store.add(b"content" * 100)
    node.faults["block/get"] = [fault + "!"]
    started = time.monotonic()
    with pytest.raises(ContentUnavailable, match="deadline"):
        store.get(cid)
    assert time.monotonic() - started < HURRIED.total_seconds + 2
    assert node.requests["block/get"] == 1


def test_pinning_does_not_wait_for_ever(node: HostileNode) -> None:
    """A pin without a provider ends with the total deadline."""
    store = open_store(node.url, deadlines=HURRIED)
    node.stall_seconds = HURRIED.total_seconds + 2
    node.faults["pin/add"] = ["stall!"]
    cid = store.add(b"x", pin=False)
    with pytest.raises(ContentUnavailable, match="deadline"):
        store.pin(cid)


@pytest.mark.parametrize("endpoint", ["add", "block/put"])
def test_another_name_for_our_bytes(kubo: ContentStore, node: HostileNode, endpoint: str) -> None:
    """A node that arrives at another CID is not believed; both names are given."""
    node.faults[endpoint] = ["wrong_cid!"]
    with pytest.raises(IntegrityError, match=OTHER_CID) as caught:
        kubo.add_directory(FILES)
    assert str(caught.value).startswith("ba")


def test_a_pin_that_did_not_take(kubo: ContentStore, node: HostileNode) -> None:
    """Pinned means listed: an acknowledged pin that the node does not list is an error."""
    cid = kubo.add(b"x", pin=False)
    node.faults["pin/add"] = ["forget"]
    with pytest.raises(ContentUnavailable, match="did not keep"):
        kubo.pin(cid)
    kubo.pin(cid)
    assert kubo.is_pinned(cid)


def test_interrupted_adds_are_repeated(kubo: ContentStore, node: HostileNode) -> None:
    """Adding is idempotent, so a server error is asked again."""
    node.faults["add"] = ["500", "500"]
    assert kubo.get(kubo.add(b"x")) == b"x"


@pytest.mark.parametrize("fault", ["garbage", "empty", "403"])
@pytest.mark.parametrize(
    ("endpoint", "ask"),
    [
        ("add", lambda store: store.add(b"x")),
        ("pin/ls", lambda store: store.pins()),
        ("pin/add", lambda store: store.pin(cid_of_bytes(b"x"))),
        ("pin/rm", lambda store: store.unpin(cid_of_bytes(b"x"))),
        ("block/stat", lambda store: store.has(cid_of_bytes(b"x"))),
    ],
)
def test_whatever_else_answers(
    kubo: ContentStore,
    node: HostileNode,
    endpoint: str,
    ask: Callable[[ContentStore], object],
    fault: str,
) -> None:
    """HTML, empty objects and refusals end as ContentUnavailable, whatever was asked."""
    node.faults[endpoint] = [fault + "!"]
    with pytest.raises(ContentUnavailable):
        ask(kubo)


def test_nobody_there() -> None:
    """A closed port is unavailable, and the message carries no password."""
    store = open_store("http://operator:hunter2@127.0.0.1:9", deadlines=FAST)
    with pytest.raises(ContentUnavailable) as caught:
        store.add(b"x")
    assert "hunter2" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_reads_are_parallel_and_bounded(kubo: ContentStore, node: HostileNode) -> None:
    """Several blocks are on their way at once, eight at most, and come back in order."""
    data = keystream("parallel", 14 * 1024 * 1024)
    cid = kubo.add(data)
    node.delay_seconds = 0.03
    assert kubo.get(cid) == data
    assert 4 <= node.most_in_flight <= 8


def test_local_copies_come_first(node: HostileNode, tmp_path: Path) -> None:
    """With a local folder the node is not asked for what was added here, and mends what broke."""
    store = open_store(node.url, local=tmp_path, deadlines=FAST)
    cid = store.add(b"content")
    directory = store.add_directory(FILES)
    assert store.get(cid) == b"content"
    assert store.get_directory(directory) == FILES
    assert node.requests["block/get"] == 0
    for path in (tmp_path / "blocks").glob("*/*.data"):
        path.write_bytes(b"damaged")
    assert store.get_directory(directory) == FILES
    assert node.requests["block/get"] > 0


def test_addresses() -> None:
    """URLs with prefixes, IPv6 and multiaddrs open; anything else is refused."""
    for location in (
        "http://127.0.0.1:5001",
        "https://ipfs.example/prefix",
        "http://[::1]:5001/",
        "/ip4/127.0.0.1/tcp/5001/http",
        "/dns/ipfs.example/tcp/443/https",
    ):
        open_store(location).close()
    for location in ("http://host:port", "/ip4/127.0.0.1/tcp/5001/ws"):
        with pytest.raises(InvalidSettings):
            open_store(location)
