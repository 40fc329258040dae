"""Gateways are trusted with nothing: each block is verified, and the next one is asked."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from analytics_pipeline.core.errors import ContentUnavailable, IntegrityError, InvalidSettings
from analytics_pipeline.core.unixfs import import_bytes, import_directory
from analytics_pipeline.storage.ipfs import open_store
from tests.ipfs.conftest import FAST, keystream
from tests.ipfs.hostile_node import HostileNode, hostile_node

DATA = keystream("gateway", 2_300_000)
FILES = {"a": DATA, "b": b"b"}


@pytest.fixture
def second() -> Iterator[HostileNode]:
    """An honest gateway that has everything."""
    with hostile_node() as node:
        fill(node)
        yield node


def fill(node: HostileNode) -> str:
    """Give a gateway all blocks of the test; returns the directory's CID."""
    cid, blocks = import_directory(FILES)
    node.blocks.update({block.cid: block.data for block in blocks})
    return cid


def test_reads_and_pins_through_a_gateway(node: HostileNode, tmp_path: Path) -> None:
    """What is not here comes from the gateway; a pin brings it here for good."""
    cid = fill(node)
    with open_store(tmp_path, [node.url], deadlines=FAST) as store:
        assert store.get_directory(cid) == FILES
        assert not store.has(cid)
        store.pin(cid)
        assert store.has(cid)
    node.blocks.clear()
    with open_store(tmp_path) as store:
        assert store.get_directory(cid) == FILES


@pytest.mark.parametrize("fault", ["flip", "500", "404", "302", "truncate", "abort", "endless"])
def test_the_next_gateway_is_asked(
    node: HostileNode, second: HostileNode, tmp_path: Path, fault: str
) -> None:
    """A gateway that lies, fails, redirects or truncates for ever is passed over."""
    cid = fill(node)
    node.faults["gateway"] = [fault + "!"]
    with open_store(tmp_path, [node.url, second.url], deadlines=FAST) as store:
        assert store.get_directory(cid) == FILES
    assert second.requests["gateway"] > 0


def test_a_lie_is_told_when_nobody_has_the_truth(
    node: HostileNode, second: HostileNode, tmp_path: Path
) -> None:
    """When the only bytes offered are wrong, the error is about the lie, not the absence."""
    cid = fill(node)
    node.faults["gateway"] = ["flip!"]
    second.blocks.clear()
    with (
        open_store(tmp_path, [second.url, node.url], deadlines=FAST) as store,
        pytest.raises(IntegrityError, match=cid),
    ):
        store.get_directory(cid)


def test_an_endless_answer_is_cut_off(node: HostileNode, tmp_path: Path) -> None:
    """More than any block holds is a lie, not a truncation: it is not asked for again."""
    cid = fill(node)
    node.faults["gateway"] = ["endless!"]
    with (
        open_store(tmp_path, [node.url], deadlines=FAST) as store,
        pytest.raises(IntegrityError, match="more than any block"),
    ):
        store.get_directory(cid)
    assert node.requests["gateway"] == 1


def test_a_damaged_local_block_comes_from_the_gateway(node: HostileNode, tmp_path: Path) -> None:
    """Local damage is overcome on reading and mended by pinning."""
    cid = fill(node)
    with open_store(tmp_path, [node.url], deadlines=FAST) as store:
        store.add_directory(FILES)
        for path in (tmp_path / "blocks").glob("*/*.data"):
            path.write_bytes(b"damaged")
        assert store.get_directory(cid) == FILES
        store.pin(cid)
    with open_store(tmp_path) as store:
        assert store.get_directory(cid) == FILES


def test_a_stalled_gateway_costs_one_idle_deadline(
    node: HostileNode, second: HostileNode, tmp_path: Path
) -> None:
    """Silence is not retried; the next gateway is asked."""
    cid, blocks = import_bytes(b"small")
    for gateway in (node, second):
        gateway.blocks[cid] = blocks[0].data
    node.faults["gateway"] = ["stall!"]
    with open_store(tmp_path, [node.url, second.url], deadlines=FAST) as store:
        assert store.get(cid) == b"small"
    assert node.requests["gateway"] == 1


def test_node_then_gateway(node: HostileNode, second: HostileNode, tmp_path: Path) -> None:
    """A node without the content is followed by the gateways."""
    cid = fill(second)
    with open_store(node.url, [second.url], deadlines=FAST) as store:
        assert store.get_directory(cid) == FILES
        assert not store.has(cid)
        with pytest.raises(ContentUnavailable):
            store.pin(cid)


@pytest.mark.parametrize("url", ["", "ipfs.example", "ftp://ipfs.example", "http://"])
def test_gateway_addresses(url: str, tmp_path: Path) -> None:
    """Anything but an http(s) URL is refused."""
    with pytest.raises(InvalidSettings, match="gateways"):
        open_store(tmp_path, [url])
