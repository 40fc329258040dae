"""proof.json and the table of circuits: what their parsers take, and what they refuse."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analytics_pipeline.core import canonical
from analytics_pipeline.core.circuits import (
    Circuits,
    build_circuits,
    parse_circuits,
    published_circuits,
)
from analytics_pipeline.core.errors import InvalidInput
from analytics_pipeline.core.field import MODULUS
from analytics_pipeline.core.proof_document import (
    MAX_DOCUMENT_BYTES,
    MAX_PROOF_BYTES,
    MAX_PROOFS,
    MAX_PUBLIC_INPUTS,
    SETUPS,
    Proof,
    ProofDocument,
    build_proof_document,
    parse_proof_document,
)
from tests.support.stand_in_proofs import stand_in_circuits
from tests.support.world import SMALL_POLICY, edit_json

proofs = st.builds(
    Proof,
    st.from_regex(r"[a-z0-9-]{1,96}", fullmatch=True),
    st.binary(min_size=32, max_size=32),
    st.lists(st.integers(0, MODULUS - 1), min_size=1, max_size=9).map(tuple),
    st.binary(min_size=1, max_size=200),
)
documents = st.builds(
    ProofDocument, st.sampled_from(SETUPS), proofs, st.lists(proofs, max_size=3).map(tuple)
)
DATA = build_proof_document(
    ProofDocument("ignition", Proof("small", bytes(32), (1, MODULUS - 1), b"\1\2"))
)


@given(documents)
def test_round_trip(document: ProofDocument) -> None:
    assert parse_proof_document(build_proof_document(document)) == document


def set_proof(name: str, value: Any) -> Callable[[Any], None]:
    return lambda document: document["proofs"][0].update({name: value})


@pytest.mark.parametrize(
    ("change", "field"),
    [
        (lambda d: d.update(format="viewership-proof/2"), "proof.format"),
        (lambda d: d.update(setup="other"), "proof.setup"),
        (lambda d: d.update(setup=["ignition"]), "proof.setup"),
        (lambda d: d.update(note="x"), "proof.note"),
        (lambda d: d.update(proofs=[]), "proof.proofs"),
        (lambda d: d.update(proofs={}), "proof.proofs"),
        (lambda d: d.update(proofs=d["proofs"] * (MAX_PROOFS + 1)), "proof.proofs"),
        (lambda d: d.update(proofs=[1]), "proofs[0]"),
        (set_proof("note", "x"), "proofs[0].note"),
        (set_proof("shape", "Small"), "proofs[0].shape"),
        (set_proof("shape", "s" * 97), "proofs[0].shape"),
        (set_proof("shape", 1), "proofs[0].shape"),
        (set_proof("verification_key", "0x" + "AB" * 32), "proofs[0].verification_key"),
        (set_proof("public_inputs", []), "proofs[0].public_inputs"),
        (set_proof("public_inputs", "0x00"), "proofs[0].public_inputs"),
        (
            set_proof("public_inputs", ["0x" + "00" * 32] * (MAX_PUBLIC_INPUTS + 1)),
            "proofs[0].public_inputs",
        ),
        (set_proof("public_inputs", ["0x1"]), "proofs[0].public_inputs[0]"),
        (set_proof("public_inputs", [1]), "proofs[0].public_inputs[0]"),
        (set_proof("public_inputs", [f"0x{MODULUS:064x}"]), "proofs[0].public_inputs[0]"),
        (set_proof("proof", "0x"), "proofs[0].proof"),
        (set_proof("proof", "0xabc"), "proofs[0].proof"),
        (set_proof("proof", "0xAB"), "proofs[0].proof"),
        (set_proof("proof", "ab"), "proofs[0].proof"),
        (set_proof("proof", "0xab\n"), "proofs[0].proof"),
        (set_proof("proof", "0x" + "00" * (MAX_PROOF_BYTES + 1)), "proofs[0].proof"),
        (set_proof("proof", None), "proofs[0].proof"),
    ],
)
def test_what_is_refused(change: Callable[[Any], None], field: str) -> None:
    """Every rule of the format, by the field that broke it."""
    with pytest.raises(InvalidInput) as caught:
        parse_proof_document(edit_json(DATA, change))
    assert caught.value.field == field


def test_size_is_looked_at_first() -> None:
    with pytest.raises(InvalidInput, match="larger"):
        parse_proof_document(b" " * (MAX_DOCUMENT_BYTES + 1))


def test_one_spelling_only() -> None:
    with pytest.raises(InvalidInput, match="canonical"):
        parse_proof_document(json.dumps(canonical.parse(DATA)).encode())


def test_nothing_unreadable_is_built() -> None:
    """What the parser would refuse is refused to whoever makes it."""
    with pytest.raises(InvalidInput):
        build_proof_document(ProofDocument("other", Proof("s", bytes(32), (1,), b"\1")))


CIRCUITS = stand_in_circuits(SMALL_POLICY)


def test_circuits_round_trip_and_are_found_by_key() -> None:
    assert parse_circuits(build_circuits(CIRCUITS.entries)) == CIRCUITS
    for entry in CIRCUITS.entries:
        assert CIRCUITS.find(entry.verification_key) is entry
    assert CIRCUITS.find(bytes(32)) is None


def test_a_key_is_of_one_circuit() -> None:
    with pytest.raises(InvalidInput, match="two circuits"):
        Circuits(CIRCUITS.entries[:1] * 2)


@pytest.mark.parametrize(
    "change",
    [
        lambda c: c.update(role="other"),
        lambda c: c.update(setup="other"),
        lambda c: c.update(shape="Small"),
        lambda c: c.update(videos=-1),
        lambda c: c.update(rows="1"),
        lambda c: c.update(verification_key="0x00"),
        lambda c: c.update(shards=1),
        lambda c: c.update(shard_shape="rows"),
        lambda c: c.pop("creators"),
        lambda c: c.update(note=1),
    ],
)
def test_circuits_that_are_refused(change: Callable[[Any], None]) -> None:
    document = json.loads(build_circuits(CIRCUITS.entries[:1]))
    change(document["circuits"][0])
    with pytest.raises(InvalidInput):
        parse_circuits(json.dumps(document).encode())


@pytest.mark.parametrize("data", [b"", b"[]", b"{}", b"\xff", b"[" * 200_000])
def test_what_is_no_table_of_circuits(data: bytes) -> None:
    with pytest.raises(InvalidInput):
        parse_circuits(data)


def test_the_published_table_is_well_formed() -> None:
    """A main circuit's row shards are in the table too, under its policy and set-up."""
    entries = published_circuits().entries
    known = {(entry.shape, entry.setup, entry.policy_hash) for entry in entries}
    for entry in entries:
        if entry.shard_shape is not None:
            assert (entry.shard_shape, entry.setup, entry.policy_hash) in known
