"""A stand-in for proofs, for tests of everything around them. **It proves nothing.**

The "proof" is a hash of key and public inputs: whoever alters either breaks it, and that is all the
tests of the table of lies need. Real proofs have tests of their own (tests/proving).
"""

import hashlib
from collections.abc import Sequence

from analytics_pipeline.core.circuits import MAIN, SHARD, Circuit, Circuits
from analytics_pipeline.core.field import MODULUS, to_bytes32
from analytics_pipeline.core.policy import Policy
from analytics_pipeline.core.proof_document import DEVELOPMENT, IGNITION, Proof, ProofDocument
from analytics_pipeline.core.statement import ShardInputs, Statement, main_inputs, shard_inputs

VIDEO_SLOTS = 8
CREATOR_SLOTS = 4


def digest(*texts: object) -> bytes:
    """Made-up 32 bytes."""
    return hashlib.sha256("/".join(map(str, texts)).encode()).digest()


def made_up_element(*texts: object) -> int:
    return int.from_bytes(digest(*texts), "big") % MODULUS


def stand_in_circuits(policy: Policy) -> Circuits:
    """For each set-up: a circuit without row shards, one with two, and that of a row shard."""
    entries = []
    for setup in (DEVELOPMENT, IGNITION):
        for shape, role, shards in (("small", MAIN, 0), ("wide", MAIN, 2), ("rows", SHARD, 0)):
            entries.append(
                Circuit(
                    shape=f"{shape}-{policy.policy_hash.hex()[:8]}",
                    role=role,
                    policy_hash=policy.policy_hash,
                    setup=setup,
                    verification_key=digest("key", shape, setup, policy.policy_hash.hex()),
                    verifier_code=digest("code", shape, setup, policy.policy_hash.hex()),
                    rows=1000,
                    videos=VIDEO_SLOTS if role == MAIN else 0,
                    creators=CREATOR_SLOTS if role == MAIN else 0,
                    shards=shards,
                    shard_shape=f"rows-{policy.policy_hash.hex()[:8]}" if shards else None,
                )
            )
    return Circuits(tuple(entries))


def _binding(key: bytes, inputs: Sequence[int]) -> bytes:
    return hashlib.sha256(b"stand-in" + key + b"".join(map(to_bytes32, inputs))).digest()


def stand_in_proof(circuit: Circuit, inputs: Sequence[int]) -> Proof:
    key = circuit.verification_key
    return Proof(circuit.shape, key, tuple(inputs), _binding(key, inputs))


def stand_in_document(
    circuits: Circuits, setup: str, statement: Statement, shards: int
) -> ProofDocument:
    """proof.json of a statement: a main proof and its row shards."""
    found = [circuit for circuit in circuits.entries if circuit.setup == setup]
    main = next(c for c in found if c.role == MAIN and c.shards == shards)
    rows = next(c for c in found if c.role == SHARD)
    inputs = [
        ShardInputs(made_up_element("rows", i, statement.x), made_up_element("sum", i, statement.x))
        for i in range(shards)
    ]
    return ProofDocument(
        setup,
        stand_in_proof(main, main_inputs(statement, inputs)),
        tuple(stand_in_proof(rows, shard_inputs(statement, shard)) for shard in inputs),
    )


class StandInVerifier:
    """Accepts the stand-in's proofs and no others."""

    name = "the tests' stand-in"

    def verify(
        self, shape: str, vk_hash: bytes, setup: str, public_inputs: Sequence[int], proof: bytes
    ) -> bool:
        return proof == _binding(vk_hash, public_inputs)
