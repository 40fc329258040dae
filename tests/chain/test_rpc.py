"""JSON-RPC against a real anvil node: rising fees, vanishing blocks, refused ranges."""

import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import requests

from analytics_pipeline.chain.client import open_publisher
from analytics_pipeline.chain.outbox import Outbox
from analytics_pipeline.chain.publisher import Publisher
from analytics_pipeline.chain.registry import Registry
from analytics_pipeline.chain.rpc import RpcChain
from analytics_pipeline.core.errors import ChainError, NotPublisher, PublishFailed
from tests.chain.anvil import OWNER, STRANGER, rpc
from tests.chain.support import PLATFORM, a_commit, a_release, publish

pytestmark = pytest.mark.node


def test_publishing_over_json_rpc(
    anvil: str, remote: Registry, tmp_path: Path, outbox: Outbox
) -> None:
    """Commit and release through `open_publisher` with a key file; a rerun sends nothing."""
    key_file = tmp_path / "key"
    key_file.write_text(OWNER.key.hex())
    publisher = open_publisher(
        anvil, PLATFORM, tmp_path / "outbox.sqlite", registry=remote.address, key_file=key_file
    )
    records = publisher.commit(PLATFORM, [a_commit(0), a_commit(1)])
    rpc(anvil, "anvil_mine", hex(1))
    publisher.beacon_of(records[0])
    publisher.release(PLATFORM, [a_release(0), a_release(1)])
    block = remote.chain.block_number()
    publish(publisher, [a_commit(0), a_commit(1)], [a_release(0), a_release(1)])
    assert remote.chain.block_number() == block
    assert len(remote.read_evidence(PLATFORM).records) == 4
    with pytest.raises(NotPublisher):
        Publisher(remote, STRANGER, outbox).commit(PLATFORM, [a_commit(2)])


def test_a_fee_spike_is_outbid_on_the_same_nonce(
    anvil: str, remote: Registry, outbox: Outbox
) -> None:
    """A transaction too cheap for the next block is replaced, not joined, by a dearer one."""
    publisher = Publisher(
        remote, OWNER, outbox, poll_seconds=0.1, bump_after_seconds=0.3, timeout_seconds=60
    )
    nonce = remote.chain.nonce(OWNER.address)
    rpc(anvil, "evm_setAutomine", False)
    failed: list[BaseException] = []
    publishing = _start(lambda: publisher.commit(PLATFORM, [a_commit()]), failed)
    _wait_until(lambda: len(outbox.in_flight(remote.chain.chain_id, OWNER.address)) >= 1)
    rpc(anvil, "anvil_setNextBlockBaseFeePerGas", hex(20 * 10**9))
    rpc(anvil, "anvil_mine")
    assert remote.chain.nonce(OWNER.address) == nonce  # too cheap: not included
    _wait_until(lambda: len(outbox.in_flight(remote.chain.chain_id, OWNER.address)) >= 2)
    rpc(anvil, "evm_setAutomine", True)
    while publishing.is_alive():
        rpc(anvil, "anvil_mine")
        publishing.join(0.2)
    assert not failed
    assert remote.chain.nonce(OWNER.address) == nonce + 1
    assert len(remote.read_evidence(PLATFORM).records) == 1


def test_a_reorganisation_is_survived(anvil: str, remote: Registry, outbox: Outbox) -> None:
    """A record whose block vanishes before it is deep enough is included again, once."""
    publisher = Publisher(
        remote, OWNER, outbox, confirmations=3, poll_seconds=0.1, timeout_seconds=60
    )
    start = rpc(anvil, "evm_snapshot")
    failed: list[BaseException] = []
    publishing = _start(lambda: publisher.commit(PLATFORM, [a_commit()]), failed)
    reader = Registry(remote.chain, remote.address)
    _wait_until(lambda: len(reader.read_evidence(PLATFORM).records) == 1)
    assert rpc(anvil, "evm_revert", start)
    rpc(anvil, "anvil_mine", hex(1))
    _wait_until(lambda: len(reader.read_evidence(PLATFORM).records) == 1)
    while publishing.is_alive():
        rpc(anvil, "anvil_mine", hex(1))
        publishing.join(0.2)
    assert not failed
    (record,) = reader.read_evidence(PLATFORM).records
    assert record.head == remote.head(PLATFORM)
    assert remote.chain.block_number() - record.block_number >= 2
    assert outbox.in_flight(remote.chain.chain_id, OWNER.address) == []


def test_evidence_read_before_a_reorganisation_is_dropped(
    anvil: str, remote: Registry, outbox: Outbox
) -> None:
    """A reader that knows vanished records reads everything anew."""
    publisher = Publisher(remote, OWNER, outbox, poll_seconds=0.1)
    start = rpc(anvil, "evm_snapshot")
    publisher.commit(PLATFORM, [a_commit(0)])
    reader = Registry(remote.chain, remote.address)
    assert [r.body for r in reader.read_evidence(PLATFORM).records] == [a_commit(0)]
    assert rpc(anvil, "evm_revert", start)
    publisher.commit(PLATFORM, [a_commit(1)])
    rpc(anvil, "anvil_mine", hex(2))
    assert [r.body for r in reader.read_evidence(PLATFORM).records] == [a_commit(1)]


class Gateway(BaseHTTPRequestHandler):
    """A provider in front of the node that allows `eth_getLogs` over 7 blocks only."""

    upstream = ""
    refused = 0
    busy = 0

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        request = json.loads(body)
        status = 200
        if request["method"] == "eth_getLogs" and _span(request["params"][0]) > 7:
            type(self).refused += 1
            error = {"code": -32005, "message": "query exceeds max block range 7"}
            answer = {"jsonrpc": "2.0", "id": request["id"], "error": error}
            data = json.dumps(answer).encode()
        elif request["method"] == "eth_blockNumber" and type(self).busy:
            type(self).busy -= 1
            status, data = 429, b"slow down"
        else:
            data = requests.post(self.upstream, data=body, headers=_JSON, timeout=10).content
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *arguments: Any) -> None:
        """Quiet."""


_JSON = {"Content-Type": "application/json"}


def _span(query: dict[str, str]) -> int:
    return int(query["toBlock"], 16) - int(query["fromBlock"], 16) + 1


def test_log_ranges_adapt_to_the_provider(anvil: str, remote: Registry, outbox: Outbox) -> None:
    """A provider with a small range limit and a busy moment still gives the whole history."""
    publisher = Publisher(remote, OWNER, outbox, poll_seconds=0.05)
    for offset in range(3):
        publisher.commit(PLATFORM, [a_commit(offset)])
        rpc(anvil, "anvil_mine", hex(40))
    handler = type("LimitedGateway", (Gateway,), {"upstream": anvil, "busy": 1})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        chain = RpcChain(f"http://127.0.0.1:{server.server_port}")
        records = Registry(chain, remote.address).read_evidence(PLATFORM).records
        chain.close()
    finally:
        server.shutdown()
        server.server_close()
    assert [record.body for record in records] == [a_commit(offset) for offset in range(3)]
    assert handler.refused > 0  # type: ignore[attr-defined]


def test_a_node_that_dies_is_a_named_error(remote: Registry, outbox: Outbox) -> None:
    """Requests have a deadline, and a broken connection is an error of the chain."""
    mute = ThreadingHTTPServer(("127.0.0.1", 0), Gateway)  # accepts, never answers
    started = time.monotonic()
    with pytest.raises(ChainError):
        RpcChain(f"http://127.0.0.1:{mute.server_port}", timeout_seconds=0.2)
    assert time.monotonic() - started < 5
    mute.server_close()


def test_an_unmined_transaction_times_out_and_resumes(
    anvil: str, remote: Registry, outbox: Outbox
) -> None:
    """PublishFailed while nothing is mined; the next call finds the transaction and adds none."""
    nonce = remote.chain.nonce(OWNER.address)
    rpc(anvil, "evm_setAutomine", False)
    hasty = Publisher(remote, OWNER, outbox, poll_seconds=0.1, timeout_seconds=0.5)
    with pytest.raises(PublishFailed):
        hasty.commit(PLATFORM, [a_commit()])
    rpc(anvil, "anvil_mine")
    rpc(anvil, "evm_setAutomine", True)
    Publisher(remote, OWNER, outbox, poll_seconds=0.1).commit(PLATFORM, [a_commit()])
    assert remote.chain.nonce(OWNER.address) == nonce + 1


def _start(work: Any, failed: list[BaseException]) -> threading.Thread:
    def run() -> None:
        try:
            work()
        except BaseException as error:
            failed.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    return thread


def _wait_until(condition: Any) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.05)
