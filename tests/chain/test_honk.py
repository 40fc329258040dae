"""The contract between the registry and bb's verifiers.

Generated verifiers are stood in for by contracts that accept one proof each, to see that the right
public inputs reach them; real proofs are checked in tests/proving.
"""

from dataclasses import replace

import pytest
from eth_abi.abi import encode
from eth_utils.crypto import keccak

from analytics_pipeline.chain.abi import honk_abi
from analytics_pipeline.chain.deploy import (
    NOBODY,
    HonkContracts,
    deploy,
    deploy_honk_verifier,
)
from analytics_pipeline.chain.embedded import EmbeddedChain, development_account
from analytics_pipeline.chain.interface import Call, CallReverted
from analytics_pipeline.chain.publisher import Publisher
from analytics_pipeline.chain.refusals import refusal
from analytics_pipeline.chain.registry import Registry
from analytics_pipeline.chain.verifiers import ensure_honk_verifier, read_honk_verifier
from analytics_pipeline.core.errors import RecordRefused
from analytics_pipeline.core.field import MODULUS
from analytics_pipeline.core.statement import Statement
from tests.chain.support import (
    PLATFORM,
    a_commit,
    a_release,
    commit_with_seeds,
    contract_for_tests,
    digest,
    element,
    statement_of,
    statement_words,
)

OWNER = development_account(0)
STRANGER = development_account(1)


def stand_in(number: int) -> bytes:
    return contract_for_tests("StandInHonk").deployment(["uint256"], [number])


CONTRACTS = HonkContracts(
    mains=[stand_in(0), stand_in(1)],
    row_shards=[0, 2],
    row_shard=stand_in(9),
    circuits=digest("circuits"),
    development_setup=True,
)
STATEMENT = Statement(*(int.from_bytes(element("input", i), "big") for i in range(6)))
SHARDS = [element("shard", i) for i in range(4)]


def stand_in_proof(number: int, inputs: list[bytes]) -> bytes:
    """The one proof that a StandInHonk accepts."""
    return bytes(keccak(encode(["uint256", "bytes32[]"], [number, inputs])))


def packed(shape: int, main: bytes, shard_inputs: list[bytes], shards: list[bytes]) -> bytes:
    """A proof as HonkReleaseVerifier takes it."""
    return encode(["uint8", "bytes", "bytes32[]", "bytes[]"], [shape, main, shard_inputs, shards])


def small_proof(statement: Statement) -> bytes:
    inputs = [number.to_bytes(32, "big") for number in statement.elements]
    return packed(0, stand_in_proof(0, inputs), [], [])


def sharded_proof(statement: Statement, shard_inputs: list[bytes] = SHARDS) -> bytes:
    inputs = [number.to_bytes(32, "big") for number in statement.elements]
    shared = [inputs[0], inputs[4]]  # x, catalogue root
    shards = [stand_in_proof(9, [*shared, *shard_inputs[i : i + 2]]) for i in (0, 2)]
    return packed(1, stand_in_proof(1, [*inputs, *shard_inputs]), shard_inputs, shards)


def asked(
    chain: EmbeddedChain,
    verifier: str,
    proof: bytes,
    statement: tuple[bytes, ...] = statement_words(STATEMENT),
) -> bool:
    data = honk_abi().calldata("verifyRelease", statement, proof)
    answer = chain.call(Call(NOBODY, verifier, data))
    return bool(honk_abi().result("verifyRelease", answer))


@pytest.fixture
def verifier(chain: EmbeddedChain) -> str:
    return deploy_honk_verifier(chain, OWNER, CONTRACTS)


def test_public_inputs_are_in_the_circuits_order(chain: EmbeddedChain, verifier: str) -> None:
    """A main proof alone, and one with two row shards; each shard's proof has x, its rows and its
    sum. Another order is another statement."""
    assert asked(chain, verifier, small_proof(STATEMENT))
    assert asked(chain, verifier, sharded_proof(STATEMENT))
    x, total, *rest = STATEMENT.elements
    assert not asked(chain, verifier, small_proof(Statement(total, x, *rest)))


def test_every_part_of_a_sharded_proof_counts(chain: EmbeddedChain, verifier: str) -> None:
    """Another shape, a missing, added, swapped or wrong shard: not proven."""
    inputs = [number.to_bytes(32, "big") for number in STATEMENT.elements]
    main = stand_in_proof(1, [*inputs, *SHARDS])
    shards = [stand_in_proof(9, [inputs[0], inputs[4], *SHARDS[i : i + 2]]) for i in (0, 2)]
    assert asked(chain, verifier, packed(1, main, SHARDS, shards))
    for wrong in (
        packed(0, main, SHARDS, shards),
        packed(2, main, SHARDS, shards),
        packed(1, digest("main"), SHARDS, shards),
        packed(1, main, SHARDS, shards[:1]),
        packed(1, main, SHARDS, [*shards, shards[0]]),
        packed(1, main, SHARDS, shards[::-1]),
        packed(1, main, SHARDS, [shards[0], digest("shard")]),
        packed(1, main, SHARDS[:2], shards),
        packed(1, main, [*SHARDS, *SHARDS[:2]], shards),
        packed(1, main, SHARDS[2:] + SHARDS[:2], shards),
    ):
        assert not asked(chain, verifier, wrong)


def test_inputs_have_one_spelling(chain: EmbeddedChain, verifier: str) -> None:
    """n and n + order are the same element to a generated verifier: the second is refused."""
    order = MODULUS
    honest = statement_words(STATEMENT)
    assert asked(chain, verifier, small_proof(STATEMENT), honest)
    for place in range(6):
        value = int.from_bytes(honest[place], "big") + order
        changed = (*honest[:place], value.to_bytes(32, "big"), *honest[place + 1 :])
        elements = [int.from_bytes(word, "big") for word in changed]
        n, x, total, *roots = elements
        twin = Statement(x, total, n, *roots)
        assert not asked(chain, verifier, small_proof(twin), changed)
    twins = [(int.from_bytes(word, "big") + order).to_bytes(32, "big") for word in SHARDS]
    assert not asked(chain, verifier, sharded_proof(STATEMENT, twins))


def test_whatever_a_verifier_does_with_a_bad_proof_is_a_no(
    chain: EmbeddedChain, verifier: str
) -> None:
    """It may revert or use up its gas; the answer is false and costs a bounded amount."""
    for bad in (b"", b"\x01", b"\x01\x02"):
        assert not asked(chain, verifier, packed(0, bad, [], []))


def test_the_answer_does_not_depend_on_the_gas_left(chain: EmbeddedChain, verifier: str) -> None:
    """With too little gas there is an error and no answer, so nobody can make a proof look bad."""
    data = honk_abi().calldata("verifyRelease", statement_words(STATEMENT), small_proof(STATEMENT))
    call = Call(STRANGER.address, verifier, data)
    for gas in (100_000, 1_000_000, 2_000_000):
        with pytest.raises(CallReverted) as caught:
            chain.call(call, gas=gas)
        assert str(refusal(caught.value)).startswith("the registry refused: NotEnoughGas")
    enough = chain.estimate_gas(call)
    assert chain.call(call, gas=enough) == (1).to_bytes(32, "big")


def test_releases_are_proven_through_it(registry: Registry, publisher: Publisher) -> None:
    """From the registry to a generated verifier and back, a whole batch in one transaction."""
    added = ensure_honk_verifier(registry, OWNER, CONTRACTS)
    commits, releases = [a_commit(0), a_commit(1)], [a_release(0), a_release(1)]
    beacon = publisher.beacon_of(commit_with_seeds(publisher, *commits)[0])
    first, second = (
        statement_of(registry, commit, beacon, release)
        for commit, release in zip(commits, releases, strict=True)
    )
    for proofs in ([b"", b""], [small_proof(first), small_proof(first)]):
        with pytest.raises(RecordRefused, match="ProofRejected"):
            publisher.release(PLATFORM, releases, proofs)
    publisher.release(PLATFORM, releases, [small_proof(first), sharded_proof(second)])
    assert registry.current_verifier() == added.address


def test_a_verifier_says_what_it_is_made_of(registry: Registry) -> None:
    """Whoever verifies can compare every contract's code with the published circuits'."""
    made = ensure_honk_verifier(registry, OWNER, CONTRACTS)
    chain = registry.chain
    assert made == read_honk_verifier(chain, made.address)
    assert made.circuits == CONTRACTS.circuits
    assert made.development_setup
    assert [main.row_shards for main in made.mains] == [0, 2]
    assert made.row_shard is not None
    codes = [*made.mains, made.row_shard]
    assert made.code_hashes == {keccak(chain.code(each.address)) for each in codes}
    assert len(made.code_hashes) == 3
    again = ensure_honk_verifier(registry, OWNER, CONTRACTS)
    assert again == made
    ensure_honk_verifier(registry, OWNER, replace(CONTRACTS, circuits=digest("newer")))
    assert len(registry.verifiers()) == 2


def test_impossible_sets_of_verifiers_are_refused(chain: EmbeddedChain) -> None:
    """No shape, a number missing, shards without their verifier or the other way round."""
    for wrong in (
        replace(CONTRACTS, mains=[], row_shards=[]),
        replace(CONTRACTS, row_shards=[0]),
        replace(CONTRACTS, row_shard=b""),
        replace(CONTRACTS, row_shards=[0, 0]),
    ):
        with pytest.raises(RecordRefused, match="MalformedShapes"):
            deploy_honk_verifier(chain, OWNER, wrong)
    types = ["address[]", "uint8[]", "address", "bool", "bytes32"]
    nowhere = [[STRANGER.address], [0], NOBODY, True, bytes(32)]
    with pytest.raises(RecordRefused, match="NotAContract"):
        deploy(chain, OWNER, honk_abi().deployment(types, nowhere))
