"""The verifier contract follows from the key, accepts true proofs only, and fits on a chain."""

from dataclasses import replace
from pathlib import Path

import pytest
from eth_utils.crypto import keccak

from analytics_pipeline.chain.sandbox import run_code
from analytics_pipeline.core.errors import InvalidInput, ProofNotCheckable, ProverFailed
from analytics_pipeline.core.field import MODULUS
from analytics_pipeline.core.proof_document import DEVELOPMENT, IGNITION
from analytics_pipeline.proving.artifacts import Artifact, build_document, parse_document
from analytics_pipeline.proving.bb import Bb
from analytics_pipeline.proving.prover import Made
from analytics_pipeline.proving.setup import TRAPDOORS, IgnitionSetup
from analytics_pipeline.proving.verifier_contract import (
    MAX_CODE_BYTES,
    build_verifier,
    exchange_setup,
)
from analytics_pipeline.proving.verifiers import BbVerifier, EvmVerifier, verify_in_evm
from tests.proving.tools import EVM, SETUP, TINY, TOOLS, Chain, prover, secret_of

_SECRET = secret_of("verifier")
_IGNITION = IgnitionSetup("/nowhere", "00" * 32, Path("/nowhere"))


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    """A true proof."""
    return prover(tmp_path_factory.mktemp("work")).prove(
        TINY.circuit(), lambda: TINY.witness(_SECRET), (TINY.result(_SECRET),)
    )


def test_the_code_is_that_of_the_key() -> None:
    """Built again it is the same; creating it leaves exactly the runtime code; it fits."""
    artifact = TINY.circuit().artifact
    code = build_verifier(TOOLS, artifact.verification_key, SETUP)
    assert code.creation == artifact.verifier
    assert run_code(code.creation, b"") == artifact.runtime == code.runtime
    assert code.code_hash == artifact.verifier_code == keccak(artifact.runtime)
    assert 10_000 < len(code.runtime) <= MAX_CODE_BYTES
    assert code.compiler.startswith("0.8.37+")


def test_it_accepts_the_proof_and_no_other(made: Made) -> None:
    """One bit anywhere, another length, another input: no."""
    code, proof = TINY.circuit().artifact.runtime, made.proof.proof
    inputs = made.proof.public_inputs
    assert verify_in_evm(run_code, code, inputs, proof)
    for place in range(0, len(proof), len(proof) // 7):
        flipped = bytearray(proof)
        flipped[place] ^= 1
        assert not verify_in_evm(run_code, code, inputs, bytes(flipped)), place
    for other in (proof[:-32], proof + bytes(32), b""):
        assert not verify_in_evm(run_code, code, inputs, other)
    for others in ((), (*inputs, 0), (inputs[0] - 1,), (MODULUS - inputs[0],)):
        assert not verify_in_evm(run_code, code, others, proof)


def test_another_circuits_contract_refuses(made: Made) -> None:
    """A proof names its key; whoever swaps the key gets a no."""
    other = Chain(2).circuit().artifact
    assert other.verifier_code != TINY.circuit().artifact.verifier_code
    assert not verify_in_evm(run_code, other.runtime, made.proof.public_inputs, made.proof.proof)


def test_set_ups_differ_in_four_numbers_and_exclude_each_other(made: Made) -> None:
    """A proof under the development set-up fails at the contract for Ignition's."""
    key = TINY.circuit().artifact.verification_key
    source = Bb(TOOLS.bb).write_verifier(key)
    assert exchange_setup(source, _IGNITION) == source
    exchanged = exchange_setup(source, SETUP)
    changed = [
        (old, new)
        for old, new in zip(source.splitlines(), exchanged.splitlines(), strict=True)
        if old != new
    ]
    assert len(changed) == 4
    for place in range(0, 128, 32):
        old, new = (
            TRAPDOORS[kind].g2[place : place + 32].hex() for kind in (IGNITION, DEVELOPMENT)
        )
        assert [(a, b) for a, b in changed if old in a and new in b]
    production = build_verifier(TOOLS, key, _IGNITION)
    inputs, proof = made.proof.public_inputs, made.proof.proof
    assert not verify_in_evm(run_code, production.runtime, inputs, proof)


def test_a_contract_without_ignitions_numbers_is_not_exchanged() -> None:
    """Should bb ever write it differently, that is an error and no silent production verifier."""
    source = Bb(TOOLS.bb).write_verifier(TINY.circuit().artifact.verification_key)
    word = TRAPDOORS[IGNITION].g2[:32].hex()
    for broken in (source.replace(word, "1"), source + f"// 0x{word}"):
        with pytest.raises(ProverFailed, match="does not hold Ignition's"):
            exchange_setup(broken, SETUP)


def test_verifiers_take_keys_by_their_hash(made: Made) -> None:
    """An unknown key is not checkable; a wrong proof is false."""
    proof, artifact = made.proof, TINY.circuit().artifact
    known = (proof.shape, proof.verification_key, DEVELOPMENT)
    assert EVM.verify(*known, proof.public_inputs, proof.proof)
    assert not EVM.verify(*known, (1,), proof.proof)
    unknown = EvmVerifier(run_code, lambda *_: None)
    with pytest.raises(ProofNotCheckable, match="not installed here"):
        unknown.verify(*known, proof.public_inputs, proof.proof)
    lying = EvmVerifier(run_code, lambda *_: artifact)
    with pytest.raises(ProofNotCheckable, match="not installed here"):
        lying.verify(proof.shape, bytes(32), DEVELOPMENT, proof.public_inputs, proof.proof)


def test_bb_checks_ignitions_proofs_only(made: Made) -> None:
    """It would say no to any other, which would not mean that the proof is false."""
    proof, artifact = made.proof, TINY.circuit().artifact
    bb = BbVerifier(TOOLS, lambda *_: replace(artifact, setup=IGNITION))
    with pytest.raises(ProofNotCheckable, match="development set-up"):
        bb.verify(proof.shape, artifact.key_hash, DEVELOPMENT, proof.public_inputs, proof.proof)
    passed_off = (proof.shape, artifact.key_hash, IGNITION, proof.public_inputs)
    assert not bb.verify(*passed_off, proof.proof)
    assert not bb.verify(*passed_off, proof.proof[:-32])


def test_a_bb_that_fails_says_nothing_about_the_proof(made: Made) -> None:
    """It ends with the same code as for a proof that it refuses, whatever is wrong with that."""
    bb, key, trapdoor = Bb(TOOLS.bb), TINY.circuit().artifact.verification_key, TRAPDOORS[IGNITION]
    inputs, proof = made.proof.public_inputs, made.proof.proof
    for word in (0, 8, 40, len(proof) // 32 - 1):
        for value in (bytes(32), b"\xff" * 32, (5).to_bytes(32, "big")):
            altered = proof[: 32 * word] + value + proof[32 * (word + 1) :]
            assert not bb.verify(key, inputs, altered, trapdoor)
    for wrong in ((), (0,), (1, 2)):
        assert not bb.verify(key, wrong, proof, trapdoor)
    for broken in (b"", b"\xff" * len(key)):
        with pytest.raises(ProverFailed, match="bb verify: "):
            bb.verify(broken, inputs, proof, trapdoor)


def test_artifact_documents_are_strict() -> None:
    """What is written is read back; a change of any member's kind is named."""
    artifact = TINY.circuit().artifact
    data = build_document(artifact)
    assert parse_document(data) == artifact
    for old, new, field in (
        (b'"gates":', b'"gates":-', "gates"),
        (b'"setup":"development"', b'"setup":"other"', "setup"),
        (b'"verification_key":"0x', b'"verification_key":"0x00', "verification_key"),
        (b'"verifier":"0x', b'"verifier":"', "verifier"),
        (b'"format":"viewership-circuit/1"', b'"format":"viewership-circuit/2"', "format"),
        (b'"name":"test', b'"name":"Test', "name"),
    ):
        assert old in data
        with pytest.raises(InvalidInput) as caught:
            parse_document(data.replace(old, new))
        assert field in caught.value.field


def test_artifacts_hold_nothing_of_this_machine() -> None:
    """Whoever builds one gets the same bytes."""
    document = build_document(TINY.circuit().artifact)
    assert str(Path.home()).encode() not in document
    assert isinstance(parse_document(document), Artifact)
