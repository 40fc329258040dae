"""JSON-RPC against a real anvil node: rising fees, vanishing blocks, refused ranges."""

import json
import subprocess
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import requests
from eth_account import Account

from analytics_pipeline.chain.client import open_chain, open_publisher
from analytics_pipeline.chain.interface import Chain
from analytics_pipeline.chain.outbox import Outbox
from analytics_pipeline.chain.publisher import Publisher
from analytics_pipeline.chain.registry import Registry, deploy_registry
from analytics_pipeline.chain.rpc import RpcChain
from analytics_pipeline.core.errors import ChainError, NotPublisher, PublishFailed
from tests.chain.support import PLATFORM, a_commit, a_release

pytestmark = pytest.mark.node

# anvil's first two accounts; their keys are in its manual
OWNER = Account.from_key("0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80")
STRANGER = Account.from_key("0x59c6995e998f97a5a0044966f0945389dc9e86dae88c7a8412f4603b6b78690d")


def rpc(url: str, method: str, *params: Any) -> Any:
    """One raw JSON-RPC request."""
    body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": list(params)}
    answer = requests.post(url, json=body, timeout=10).json()
    assert "error" not in answer, answer
    return answer["result"]


@pytest.fixture
def anvil(installed_contracts: Path, tmp_path: Path) -> Iterator[str]:
    """URL of a fresh node that mines each transaction at once."""
    (binary,) = (installed_contracts / "node_modules/@foundry-rs").glob("anvil-*/bin/anvil")
    log = tmp_path / "anvil.log"
    with log.open("w") as output:
        node = subprocess.Popen(
            [str(binary), "--port", "0", "--host", "127.0.0.1"], stdout=output, stderr=output
        )
    try:
        yield _address_in(log)
    finally:
        node.kill()
        node.wait()


def _address_in(log: Path) -> str:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        for line in log.read_text().splitlines():
            if line.startswith("Listening on "):
                return f"http://{line.removeprefix('Listening on ').strip()}"
        time.sleep(0.05)
    raise AssertionError(log.read_text())


@pytest.fixture
def node(anvil: str) -> Iterator[Chain]:
    """The node as a `Chain`."""
    chain = open_chain(anvil)
    yield chain
    chain.close()


@pytest.fixture
def remote(node: Chain) -> Registry:
    """A registry on the node."""
    registry = deploy_registry(node, OWNER)
    registry.grant_publisher(PLATFORM, OWNER.address, OWNER)
    return registry


@pytest.fixture
def outbox(tmp_path: Path) -> Iterator[Outbox]:
    opened = Outbox(tmp_path / "outbox.sqlite")
    yield opened
    opened.close()


def test_publishing_over_json_rpc(
    anvil: str, remote: Registry, tmp_path: Path, outbox: Outbox
) -> None:
    """Commit and release through `open_publisher` with a key file; a rerun sends nothing."""
    key_file = tmp_path / "key"
    key_file.write_text(OWNER.key.hex())
    publisher = open_publisher(
        anvil, PLATFORM, tmp_path / "outbox.sqlite", registry=remote.address, key_file=key_file
    )
    publisher.commit(PLATFORM, [a_commit(0), a_commit(1)])
    publisher.release(PLATFORM, [a_release(0), a_release(1)])
    block = remote.chain.block_number()
    publisher.commit(PLATFORM, [a_commit(0), a_commit(1)])
    publisher.release(PLATFORM, [a_release(0), a_release(1)])
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
