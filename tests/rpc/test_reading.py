"""Over HTTP: our own client reads and verifies through the endpoint; pages of any origin may."""

import asyncio
import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import httpx
import pytest

from analytics_pipeline.chain.embedded import EmbeddedChain
from analytics_pipeline.chain.interface import CallReverted
from analytics_pipeline.chain.registry import Registry
from analytics_pipeline.chain.rpc import RpcChain
from analytics_pipeline.core.record import DEVELOPMENT_CHAIN_ID, build_evidence
from analytics_pipeline.core.unixfs import iter_directory_blocks
from analytics_pipeline.serve.rpc.route import MAX_BODY_BYTES, MAX_WAITING, RpcRoute
from tests.cli.test_verify import run
from tests.ingest.support import assert_problem
from tests.ipfs.hostile_node import HostileNode, hostile_node
from tests.rpc.conftest import Deployment
from tests.support.world import DAYS, PLATFORM


@pytest.fixture(scope="module")
def remote(url: str) -> Iterator[RpcChain]:
    """The endpoint as a `Chain`."""
    with closing(RpcChain(url)) as chain:
        yield chain


@pytest.fixture
def gateway(deployment: Deployment) -> Iterator[HostileNode]:
    """A gateway that has the bundles."""
    with hostile_node() as node:
        for bundle in deployment.world.bundles.values():
            node.blocks.update({block.cid: block.data for block in iter_directory_blocks(bundle)})
        yield node


def test_our_client_reads_the_same_history(
    remote: RpcChain, deployment: Deployment, chain: EmbeddedChain
) -> None:
    """Records, rules, headers and code are those of the file."""
    there, here = (Registry(each, deployment.world.registry) for each in (remote, chain))
    assert remote.chain_id == chain.chain_id
    assert build_evidence(there.read_evidence(PLATFORM)) == deployment.world.chain_file()
    assert there.rules == here.rules
    assert there.verifiers() == here.verifiers() == []
    newest = chain.block_number()
    assert remote.block_header(newest) == chain.block_header(newest)
    with pytest.raises(CallReverted) as caught:
        there._view("verifierAt", 5)
    assert caught.value.data[:4] == bytes.fromhex("4e487b71")  # Panic(uint256): no such element


def test_verify_works_against_it(
    url: str, deployment: Deployment, gateway: HostileNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`verify demo DAY --chain http://…/rpc`: every check, from a machine without the chain."""
    monkeypatch.setenv("ANALYTICS_HOME", str(deployment.home / "elsewhere"))
    registry = ("--chain", url, "--registry", deployment.world.registry)
    believed = ("--circuits", str(deployment.circuits), "--verifier", "none")
    where = ("--gateway", gateway.url, *registry, *believed)
    code, output = run("verify", PLATFORM, str(DAYS[0]), "--json", *where)
    assert code == 0, output
    document = json.loads(output)
    assert document["verified"] is True
    states = {check["state"] for check in document["checks"]}
    assert states == {"passed", "trusted, not checked"}
    assert "head is the registry's" in document["checks"][1]["detail"]
    assert "the chain's randomness" in document["checks"][12]["detail"]
    assert [each["name"] for each in document["reservations"]] == ["DevelopmentChain"]
    code, output = run("verify", PLATFORM, "2020-01-01", *where)
    assert code == 2, output


def test_pages_of_any_origin_may_ask(url: str) -> None:
    """The preflight allows JSON, and every answer names every origin."""
    origin = {"Origin": "https://blog.example", "Access-Control-Request-Method": "POST"}
    preflight = httpx.options(url, headers=origin)
    assert preflight.status_code == 204
    assert preflight.headers["access-control-allow-origin"] == "*"
    assert "content-type" in preflight.headers["access-control-allow-headers"]
    asked = {"jsonrpc": "2.0", "id": 7, "method": "eth_chainId"}
    given = httpx.post(url, json=asked, headers=origin)
    assert given.headers["access-control-allow-origin"] == "*"
    assert given.headers["cache-control"] == "no-store"
    assert given.json() == {"jsonrpc": "2.0", "id": 7, "result": hex(DEVELOPMENT_CHAIN_ID)}
    assert httpx.post(url, json=[asked, asked]).json() == [given.json()] * 2
    notification = {key: value for key, value in asked.items() if key != "id"}
    assert httpx.post(url, json=notification).status_code == 204


def test_the_page_says_whose_word_it_is(url: str) -> None:
    page = httpx.get(url)
    assert page.headers["content-type"] == "text/plain; charset=utf-8"
    assert "Whose word this is: the operator's" in page.text
    assert "eth_getLogs" in page.text


def test_http_refusals(url: str) -> None:
    """Other methods, encodings, paths and long bodies are problems of HTTP."""
    assert httpx.put(url, content=b"{}").status_code == 405
    assert httpx.post(url, content=b"x" * (MAX_BODY_BYTES + 1)).status_code == 413
    encoded = httpx.post(url, content=b"{}", headers={"Content-Encoding": "gzip"})
    assert encoded.status_code == 400
    assert encoded.headers["access-control-allow-origin"] == "*"
    elsewhere = httpx.get(url.replace("/rpc", "/"))
    assert elsewhere.status_code == 404
    assert elsewhere.headers["content-type"] == "application/problem+json"
    assert httpx.post(url, content=b"{").json()["error"]["code"] == -32700


def ask_directly(route: RpcRoute) -> httpx.Response:
    """One request without a socket."""

    async def send() -> httpx.Response:
        transport = httpx.ASGITransport(route)
        async with httpx.AsyncClient(transport=transport, base_url="http://api") as client:
            asked = {"jsonrpc": "2.0", "id": 1, "method": "eth_blockNumber"}
            return await client.post("/rpc", json=asked)

    return asyncio.run(send())


def test_a_chain_that_comes_later_is_served_then(deployment: Deployment, tmp_path: Path) -> None:
    """Before the first release there is none, and asking makes none."""
    later = tmp_path / "chain.sqlite"
    with closing(RpcRoute(later)) as route:
        assert_problem(ask_directly(route), 503)
        assert not later.exists()
        later.write_bytes(deployment.chain_file.read_bytes())
        assert int(ask_directly(route).json()["result"], 16) > 0


def test_so_many_may_wait_and_no_more(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A crowd is told to come back, instead of being kept waiting without end."""
    with closing(RpcRoute(deployment.chain_file)) as route:
        monkeypatch.setattr(route, "_waiting", MAX_WAITING)
        refused = ask_directly(route)
        assert_problem(refused, 503)
        assert refused.headers["retry-after"] == "1"
        monkeypatch.setattr(route, "_waiting", MAX_WAITING - 1)
        assert ask_directly(route).status_code == 200
