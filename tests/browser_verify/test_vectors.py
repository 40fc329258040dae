"""The vectors for other languages are current, and Python refuses the same lies."""

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from analytics_pipeline.chain.abi import registry_abi
from analytics_pipeline.chain.interface import Call, Log
from analytics_pipeline.chain.registry import Registry
from analytics_pipeline.core.canonical import parse
from analytics_pipeline.core.errors import ChainError, IntegrityError, InvalidInput
from analytics_pipeline.core.record import Commit, build_evidence
from analytics_pipeline.core.verify import LATER, verify_bundle
from analytics_pipeline.core.verify_errors import VerificationFailed
from tests.browser_verify.lies import (
    HONEST,
    LATER_COMMITS,
    NODE_LIES,
    OPERATOR_LIES,
    with_later,
)
from tests.browser_verify.scenarios import Json, Scenario, honest_small_world, small_world
from tests.support import verify_vectors
from tests.support.world import PLATFORM

HISTORIES = [lie for lie in NODE_LIES if lie[3] in ("HistoryBroken", "HeadMismatch")]


def test_the_vectors_are_current() -> None:
    """`python -m tests.support.verify_vectors` writes them."""
    assert verify_vectors.FILE.read_text() == verify_vectors.text()


@pytest.mark.parametrize("text", verify_vectors.REFUSED)
def test_refused_spellings_are_refused(text: str) -> None:
    """What the browser must not read, Python does not read either."""
    with pytest.raises(InvalidInput):
        parse(text.encode("utf-8", "surrogatepass"))


@pytest.mark.parametrize(
    ("tell", "error"), [lie[1::2] for lie in OPERATOR_LIES], ids=[lie[0] for lie in OPERATOR_LIES]
)
def test_core_says_the_same_of_an_operators_lie(tell: Callable[[], Scenario], error: str) -> None:
    """The same error, under the same name, from the whole bundle of the same release."""
    scenario = tell()
    with pytest.raises(VerificationFailed) as caught:
        verify_bundle(scenario.folder, registry=scenario.facts, terms=small_world().terms)
    assert caught.value.name == error


@pytest.mark.parametrize("commits", LATER_COMMITS, ids=len)
def test_core_says_the_same_of_later_commits(commits: tuple[Commit, ...]) -> None:
    """A reservation that counts them, and nothing else that the honest release has not."""
    scenario = with_later(*commits)
    results = verify_bundle(scenario.folder, registry=scenario.facts, terms=small_world().terms)
    [reservation] = [each for each in results[8].reservations if each.name == LATER]
    assert reservation.count == len(commits)


class ScriptedChain:
    """A node's answers as a `Chain`, as far as reading a history asks."""

    instant = True

    def __init__(self, node: Json) -> None:
        self.chain_id = node["chainId"]
        self._node = node

    def block_number(self) -> int:
        return int(self._node["block"])

    def call(self, call: Call, block_number: int | None = None) -> bytes:
        del block_number
        if call.data == registry_abi().calldata("deployedAt"):
            return int(self._node["deployedAt"]).to_bytes(32, "big")
        return bytes.fromhex(self._node["head"][2:])

    def logs(self, address: str, topic1: bytes, blocks: Sequence[int]) -> list[Log]:
        logs = [
            Log(
                log["blockNumber"],
                log["logIndex"],
                tuple(bytes.fromhex(topic[2:]) for topic in log["topics"]),
                bytes.fromhex(log["data"][2:]),
            )
            for log in self._node["logs"].values()
            if blocks[0] <= log["blockNumber"] <= blocks[-1]
        ]
        return sorted(logs, key=lambda log: log.block_number)


def read_by_our_client(document: Json) -> bytes:
    """chain.json of what a node answers."""
    chain: Any = ScriptedChain(document["node"])
    registry = Registry(chain, document["place"]["registry"])
    return build_evidence(registry.read_evidence(document["place"]["platform"]))


def test_our_client_reads_what_the_scripted_node_says() -> None:
    """Or the refusals below would mean nothing."""
    world = honest_small_world()
    assert read_by_our_client(HONEST.document) == world.chain_file()
    assert HONEST.document["place"]["platform"] == PLATFORM


@pytest.mark.parametrize("tell", [lie[1] for lie in HISTORIES], ids=[lie[0] for lie in HISTORIES])
def test_our_client_refuses_a_nodes_lie(tell: Callable[[], Scenario]) -> None:
    """A history that does not lead to the contract's head is read by nobody."""
    with pytest.raises((IntegrityError, ChainError)):
        read_by_our_client(tell().document)
