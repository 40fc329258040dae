"""What a registry and its chain are asked for a verification, on a real embedded chain."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import rlp  # type: ignore[import-untyped]
from eth_utils.crypto import keccak

from analytics_pipeline.chain.abi import ContractAbi
from analytics_pipeline.chain.deploy import (
    HonkContracts,
    RegistryRules,
    deploy,
    deploy_honk_verifier,
    deploy_registry,
)
from analytics_pipeline.chain.embedded import EmbeddedChain, development_account
from analytics_pipeline.chain.interface import Chain
from analytics_pipeline.chain.publisher import Publisher
from analytics_pipeline.chain.registry import Registry
from analytics_pipeline.chain.release_facts import read_facts
from analytics_pipeline.chain.verifiers import read_honk_verifier
from analytics_pipeline.core.circuits import published_circuits
from analytics_pipeline.core.proof_document import DEVELOPMENT
from analytics_pipeline.core.record import ReleaseRecord
from analytics_pipeline.proving.artifacts import shipped_artifact
from tests.chain.support import (
    PLATFORM,
    a_commit,
    a_release,
    commit_with_seeds,
    digest,
    publish,
    raw_call,
    seed_commitment,
)

OWNER = development_account()
_ARTIFACTS = Path(__file__).parent / "artifacts"


@pytest.fixture
def release(publisher: Publisher) -> ReleaseRecord:
    """A released day, before there is a verifier."""
    return publish(publisher, [a_commit()], [a_release()])[0]


def abi_of(contract: str) -> ContractAbi:
    return ContractAbi(json.loads((_ARTIFACTS / f"{contract}.json").read_text()))


def stand_in(number: int) -> bytes:
    """Creation code of a contract in place of a generated one."""
    return abi_of("StandInHonk").deployment(["uint256"], [number])


def forwarder(target: str) -> bytes:
    """Creation code of a contract that answers as another one does, and could do otherwise."""
    runtime = bytes.fromhex("365f5f375f5f365f73" + target[2:] + "5afa503d5f5f3e3d5ff3")
    return bytes.fromhex(f"60{len(runtime):02x}8060095f395ff3") + runtime


def contracts(shards: int = 0) -> HonkContracts:
    row_shard = stand_in(9) if shards else b""
    return HonkContracts([stand_in(0), stand_in(1)], [0, shards], row_shard, digest("c"), True)


def randomness_in(chain: Chain) -> Callable[[int], bytes]:
    """A block's randomness, by its number."""
    return lambda number: bytes(rlp.decode(chain.block_header(number))[13])


def mine_together(chain: EmbeddedChain, to: str, *data: bytes) -> int:
    """Calls of the owner in one block, in this order; all succeed. Gives the block's time."""
    number = chain.nonce(OWNER.address)
    fees = chain.fees()
    signed = [
        OWNER.sign_transaction(
            {
                "type": 2,
                "chainId": chain.chain_id,
                "to": to,
                "data": each,
                "value": 0,
                "nonce": number + place,
                "gas": 3_000_000,
                "maxFeePerGas": fees.max_fee,
                "maxPriorityFeePerGas": fees.tip,
            }
        )
        for place, each in enumerate(data)
    ]
    with chain._store.writing():
        head = chain._chain.get_canonical_head()
        builder = chain._chain.get_vm(head).get_transaction_builder()
        transactions = [builder.decode(bytes(each.raw_transaction)) for each in signed]
        mined, receipts, _ = chain._chain.mine_all(transactions, parent_header=head)
        for transaction, receipt in zip(transactions, receipts, strict=True):
            assert receipt.state_root == b"\x01"
            chain._index(mined.imported_block.number, transaction.hash, receipt)
    return int(mined.imported_block.header.timestamp)


@pytest.mark.parametrize("verifier_first", [True, False])
def test_a_verifier_added_in_the_releases_own_block(
    chain: EmbeddedChain, registry: Registry, publisher: Publisher, verifier_first: bool
) -> None:
    """It did not check the release, in whichever order the two came, and nobody says it did."""
    address = deploy_honk_verifier(chain, OWNER, contracts())
    committed = commit_with_seeds(publisher, a_commit())
    publisher.beacon_of(committed[0])
    calls = [
        raw_call("addVerifier", address),
        registry.release_call(PLATFORM, committed, [a_release()], []),
    ]
    time = mine_together(chain, registry.address, *(calls if verifier_first else calls[::-1]))
    assert registry.verifiers()[0].counts_from == time
    released = registry.read_evidence(PLATFORM).records[-1]
    assert isinstance(released, ReleaseRecord)
    assert released.block_time == time
    assert read_facts(registry, PLATFORM, released).verifier_codes == frozenset()
    assert registry.current_verifier() == address


def test_a_flag_does_not_make_a_set_up(chain: EmbeddedChain, release: ReleaseRecord) -> None:
    """A registry that takes no development set-up takes a verifier that denies being of one; the
    code of its contracts says what it is."""
    rules = RegistryRules(1, 3_600, accepts_development_setup=False)
    registry = deploy_registry(chain, OWNER, rules)
    circuit = published_circuits().entries[0]
    artifact = shipped_artifact(DEVELOPMENT, circuit.shape)
    assert artifact is not None
    denied = HonkContracts([artifact.verifier], [0], b"", digest("c"), development_setup=False)
    registry.add_verifier(OWNER, deploy_honk_verifier(chain, OWNER, denied))
    counting = replace(release, block_time=registry.verifiers()[0].counts_from + 1)
    assert read_facts(registry, PLATFORM, counting).verifier_codes == {circuit.verifier_code}
    assert circuit.setup == DEVELOPMENT


def test_rules_seed_and_randomness(registry: Registry, release: ReleaseRecord) -> None:
    """The randomness is that of the block itself, not what the registry noted of it."""
    facts = read_facts(registry, PLATFORM, release)
    assert facts.beacon_delay == registry.rules.beacon_delay
    assert facts.beacon == release.beacon == registry.randomness_of(release.beacon_block)
    around = (release.beacon_block - 1, release.beacon_block + 1)
    assert facts.beside_beacon == tuple(map(randomness_in(registry.chain), around))
    assert facts.beacon == randomness_in(registry.chain)(release.beacon_block)
    assert facts.seed_commitment == seed_commitment(release.day)
    assert facts.verifier_codes == frozenset(), "nothing is demanded yet"
    block = registry.chain.block_number()
    other = read_facts(registry, "other", replace(release, beacon_block=block))
    assert other.seed_commitment == bytes(32), "no seed of that platform"
    assert other.beacon not in (facts.beacon, bytes(32))


@pytest.mark.parametrize("shards", [0, 3])
def test_codes_of_the_verifiers_that_count(
    chain: EmbeddedChain, registry: Registry, release: ReleaseRecord, shards: int
) -> None:
    """Those of the generated contracts behind our own, once it counts."""
    address = deploy_honk_verifier(chain, OWNER, contracts(shards))
    registry.add_verifier(OWNER, address)
    expected = read_honk_verifier(chain, address).code_hashes
    assert len(expected) == 2 + bool(shards)
    before = replace(release, block_time=registry.verifiers()[0].counts_from)
    now = replace(release, block_time=before.block_time + 1)
    assert read_facts(registry, PLATFORM, before).verifier_codes == frozenset()
    assert read_facts(registry, PLATFORM, now).verifier_codes == expected


def test_a_verifier_that_only_answers_like_ours(
    chain: EmbeddedChain, registry: Registry, release: ReleaseRecord
) -> None:
    """It names genuine contracts when asked; what accepts proofs is its own code."""
    genuine = deploy_honk_verifier(chain, OWNER, contracts())
    imitation = deploy(chain, OWNER, forwarder(genuine))
    asked = read_honk_verifier(chain, imitation)
    assert asked.code_hashes == read_honk_verifier(chain, genuine).code_hashes
    registry.add_verifier(OWNER, imitation)
    now = replace(release, block_time=registry.verifiers()[0].counts_from + 1)
    codes = read_facts(registry, PLATFORM, now).verifier_codes
    assert codes == {bytes(keccak(chain.code(imitation)))}


def test_a_verifier_of_another_kind(
    chain: EmbeddedChain, registry: Registry, release: ReleaseRecord
) -> None:
    """It cannot be asked what it holds."""
    address = deploy(chain, OWNER, abi_of("BindingVerifier").deployment(["bool"], [True]))
    registry.add_verifier(OWNER, address)
    now = replace(release, block_time=registry.verifiers()[0].counts_from + 1)
    codes = read_facts(registry, PLATFORM, now).verifier_codes
    assert codes == {bytes(keccak(chain.code(address)))}
