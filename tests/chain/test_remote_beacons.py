"""Headers and randomness of a real node: every fork's header, the long memory, a chain at rest."""

import threading
from pathlib import Path
from typing import Any

import pytest
import rlp

from analytics_pipeline.chain.client import open_chain
from analytics_pipeline.chain.deploy import (
    DEVELOPMENT_RULES,
    RegistryRules,
    deploy_registry,
    deploy_report_checker,
)
from analytics_pipeline.chain.interface import BlockNotReached
from analytics_pipeline.chain.outbox import Outbox
from analytics_pipeline.chain.publisher import Publisher
from analytics_pipeline.chain.registry import Registry
from analytics_pipeline.chain.verifiers import ensure_honk_verifier
from analytics_pipeline.core.errors import BeaconExpired, RecordRefused
from tests.chain.anvil import OWNER, rpc, running_anvil
from tests.chain.support import (
    PLATFORM,
    a_commit,
    a_release,
    commit_with_seeds,
    publish,
    statement_of,
)
from tests.chain.test_honk import CONTRACTS, small_proof

pytestmark = pytest.mark.node

_MIX_HASH = 13
#: EIP-2935 serves the last 8,191 blocks, from Prague on.
_LONG_MEMORY = 8_191
_SHORT_MEMORY = 256


def publishing(registry: Registry, outbox: Outbox, **options: Any) -> Publisher:
    return Publisher(registry, OWNER, outbox, **{"poll_seconds": 0.05, **options})


def ready(url: str, rules: RegistryRules = DEVELOPMENT_RULES) -> Registry:
    """A registry on a node, with the publisher's role."""
    registry = deploy_registry(open_chain(url), OWNER, rules)
    registry.grant_publisher(PLATFORM, OWNER.address, OWNER)
    return registry


@pytest.mark.parametrize("fork", ["paris", "shanghai", "cancun", "prague", "osaka"])
def test_headers_of_every_fork(installed_contracts: Path, tmp_path: Path, fork: str) -> None:
    """The bytes hash to the block's hash (checked when reading) and have its prevrandao."""
    log = tmp_path / "anvil.log"
    with running_anvil(installed_contracts, log, "--hardfork", fork) as url:
        chain = open_chain(url)
        rpc(url, "anvil_mine", hex(3))
        for number in range(4):
            mix_hash = rpc(url, "eth_getBlockByNumber", hex(number), False)["mixHash"]
            assert rlp.decode(chain.block_header(number))[_MIX_HASH].hex() == mix_hash[2:]
        chain.close()


def test_the_beacon_is_waited_for(anvil: str, remote: Registry, outbox: Outbox) -> None:
    """The publisher returns when the block is there and its randomness on chain."""
    (record,) = publishing(remote, outbox).commit(PLATFORM, [a_commit()])
    found: list[Any] = []
    waiting = threading.Thread(
        target=lambda: found.append(publishing(remote, outbox).beacon_of(record))
    )
    waiting.start()
    waiting.join(1.5)
    assert waiting.is_alive()
    rpc(anvil, "anvil_mine", hex(1))
    waiting.join(30)
    ((number, randomness),) = found
    assert number == record.block_number + 1
    block = rpc(anvil, "eth_getBlockByNumber", hex(number), False)
    assert "0x" + randomness.hex() == block["mixHash"]
    assert remote.randomness_of(number) == randomness


def test_a_chain_at_rest_is_reported(remote: Registry, outbox: Outbox) -> None:
    """A node that mines on demand only would be waited for without end."""
    publisher = publishing(remote, outbox, timeout_seconds=1.5)
    (record,) = publisher.commit(PLATFORM, [a_commit()])
    with pytest.raises(BlockNotReached, match="block time"):
        publisher.beacon_of(record)


def test_beacons_outlive_256_blocks_from_prague_on(
    anvil: str, remote: Registry, outbox: Outbox
) -> None:
    """The history contract of EIP-2935 still knows the hash."""
    publisher = publishing(remote, outbox)
    (record,) = publisher.commit(PLATFORM, [a_commit()])
    rpc(anvil, "anvil_mine", hex(_SHORT_MEMORY + 10))
    assert publisher.beacon_of(record).block_number == record.block_number + 1


@pytest.mark.slow
def test_the_long_memory_ends_too(anvil: str, remote: Registry, outbox: Outbox) -> None:
    """After 8,191 blocks the beacon has expired."""
    publisher = publishing(remote, outbox)
    (record,) = publisher.commit(PLATFORM, [a_commit()])
    for _ in range(0, _LONG_MEMORY + 1, 512):
        rpc(anvil, "anvil_mine", hex(512))
    with pytest.raises(BeaconExpired):
        publisher.beacon_of(record)


def test_beacons_expire_after_256_blocks_before_prague(
    installed_contracts: Path, tmp_path: Path, outbox: Outbox
) -> None:
    """A chain without the history contract forgets sooner."""
    log = tmp_path / "anvil.log"
    with running_anvil(installed_contracts, log, "--hardfork", "cancun") as url:
        registry = ready(url)
        publisher = publishing(registry, outbox)
        (record,) = commit_with_seeds(publisher, a_commit())
        rpc(url, "anvil_mine", hex(_SHORT_MEMORY + 2))
        with pytest.raises(BeaconExpired):
            publisher.beacon_of(record)
        registry.chain.close()


def test_a_reorganisation_takes_seeds_and_beacons_along(
    anvil: str, remote: Registry, outbox: Outbox
) -> None:
    """What vanished with its block is sent again; with confirmations nothing is reported before it
    is deep enough."""
    publisher = publishing(remote, outbox, confirmations=3)
    start = rpc(anvil, "evm_snapshot")
    work = threading.Thread(
        target=lambda: publisher.commit_seeds(PLATFORM, {a_commit(9).day: a_commit(9).tally_root})
    )
    work.start()
    while remote.seed_of(PLATFORM, a_commit(9).day) is None:
        assert work.is_alive()
    assert rpc(anvil, "evm_revert", start)
    while work.is_alive():
        rpc(anvil, "anvil_mine", hex(1))
        work.join(0.2)
    settled = remote.chain.block_number() - 2
    assert remote.seed_of(PLATFORM, a_commit(9).day, settled) == a_commit(9).tally_root


def test_a_production_registry_on_a_node(anvil: str, tmp_path: Path, outbox: Outbox) -> None:
    """A verifier counts when its time has come, and none of a development set-up is taken."""
    rules = RegistryRules(2, verifier_delay_seconds=3_600, accepts_development_setup=False)
    registry = ready(anvil, rules)
    with pytest.raises(RecordRefused, match="DevelopmentSetup"):
        ensure_honk_verifier(registry, OWNER, CONTRACTS)
    assert registry.verifiers() == []
    honest = CONTRACTS.__class__(**{**vars(CONTRACTS), "development_setup": False})
    added = ensure_honk_verifier(registry, OWNER, honest)
    assert registry.current_verifier() is None
    rpc(anvil, "evm_increaseTime", 3_601)
    rpc(anvil, "anvil_mine", hex(1))
    assert registry.current_verifier() == added.address
    publisher = publishing(registry, outbox)
    (record,) = commit_with_seeds(publisher, a_commit())
    rpc(anvil, "anvil_mine", hex(2))
    beacon = publisher.beacon_of(record)
    proof = small_proof(statement_of(registry, a_commit(), beacon, a_release()))
    with pytest.raises(RecordRefused, match="ProofMissing"):
        publish(publisher, [a_commit()], [a_release()])
    publisher.release(PLATFORM, [a_release()], [proof])
    assert deploy_report_checker(registry.chain, OWNER, registry)
