"""`proof.json`: the proofs of one release as a document (spec/proof.md).

    {"format": "viewership-proof/1", "setup": "ignition", "proofs": [main, shard, …]}

The main proof stands first, then one proof per row shard. Belongs here: the format, its limits, its
strict parser. Does not belong here: whether the proofs say what they should (`core.checks.proof`)
and whether they hold (`ProofVerifier`).
"""

import re
from dataclasses import dataclass
from typing import Any, Final

from analytics_pipeline.core import canonical
from analytics_pipeline.core.errors import InvalidInput
from analytics_pipeline.core.field import MODULUS, to_bytes32

FORMAT: Final = "viewership-proof/1"
DEVELOPMENT: Final = "development"
IGNITION: Final = "ignition"
#: What every output says of a proof whose set-up has a known trapdoor.
DEVELOPMENT_NOTE: Final = "development set-up: convinces nobody"
SETUPS: Final = (DEVELOPMENT, IGNITION)
#: Limits, far above what any published circuit needs (11 kB a proof, 6 + 2·shards inputs).
MAX_PROOFS: Final = 65
MAX_PROOF_BYTES: Final = 65_536
MAX_PUBLIC_INPUTS: Final = 6 + 2 * (MAX_PROOFS - 1)
MAX_DOCUMENT_BYTES: Final = 16 * 1024 * 1024
SHAPE: Final = re.compile(r"[a-z0-9-]{1,96}")
_MEMBERS: Final = frozenset(("format", "proofs", "setup"))
_PROOF_MEMBERS: Final = frozenset(("proof", "public_inputs", "shape", "verification_key"))
_HEX: Final = re.compile(r"0x(?:[0-9a-f]{2})+")


@dataclass(frozen=True)
class Proof:
    """One proof, and which circuit it claims to be of."""

    shape: str
    #: SHA-256 of the verification key's bytes
    verification_key: bytes
    public_inputs: tuple[int, ...]
    proof: bytes

    def to_json(self) -> dict[str, Any]:
        return {
            "shape": self.shape,
            "verification_key": canonical.hash_text(self.verification_key),
            "public_inputs": [canonical.hash_text(to_bytes32(e)) for e in self.public_inputs],
            "proof": "0x" + self.proof.hex(),
        }


@dataclass(frozen=True)
class ProofDocument:
    """All proofs of a release. ``setup`` is what they say of the set-up they were made with."""

    setup: str
    main: Proof
    shards: tuple[Proof, ...] = ()

    @property
    def proofs(self) -> tuple[Proof, ...]:
        """The main proof, then the shards'."""
        return (self.main, *self.shards)


def build_proof_document(document: ProofDocument) -> bytes:
    """`proof.json` of a bundle. Raises InvalidInput for what its parser would refuse."""
    data = canonical.encode(
        {
            "format": FORMAT,
            "setup": document.setup,
            "proofs": [proof.to_json() for proof in document.proofs],
        }
    )
    parse_proof_document(data)
    return data


def parse_proof_document(data: bytes) -> ProofDocument:
    """Parse `proof.json`: canonical, within its limits, every public input below the modulus.

    Raises:
        InvalidInput: naming the field, e.g. ``proofs[0].public_inputs[3]``.
    """
    if len(data) > MAX_DOCUMENT_BYTES:
        raise InvalidInput("proof", f"is larger than {MAX_DOCUMENT_BYTES} bytes")
    raw = canonical.check_members(canonical.parse(data, "proof"), _MEMBERS, "proof")
    if raw["format"] != FORMAT:
        raise InvalidInput("proof.format", f"must be {FORMAT!r}")
    if raw["setup"] not in SETUPS:
        raise InvalidInput("proof.setup", f"must be one of {', '.join(SETUPS)}")
    items = raw["proofs"]
    if not isinstance(items, list) or not 1 <= len(items) <= MAX_PROOFS:
        raise InvalidInput("proof.proofs", f"must be a list of 1 to {MAX_PROOFS} proofs")
    main, *shards = (_parse_proof(item, f"proofs[{i}]") for i, item in enumerate(items))
    return ProofDocument(raw["setup"], main, tuple(shards))


def _parse_proof(item: Any, field: str) -> Proof:
    raw = canonical.check_members(item, _PROOF_MEMBERS, field)
    if not isinstance(raw["shape"], str) or not SHAPE.fullmatch(raw["shape"]):
        raise InvalidInput(f"{field}.shape", f"must match {SHAPE.pattern}")
    inputs = raw["public_inputs"]
    if not isinstance(inputs, list) or not 1 <= len(inputs) <= MAX_PUBLIC_INPUTS:
        raise InvalidInput(f"{field}.public_inputs", f"must be 1 to {MAX_PUBLIC_INPUTS} elements")
    text = raw["proof"]
    if not isinstance(text, str) or len(text) > 2 + 2 * MAX_PROOF_BYTES or not _HEX.fullmatch(text):
        raise InvalidInput(
            f"{field}.proof", f"must be 0x and lower-case hex of 1 to {MAX_PROOF_BYTES} bytes"
        )
    return Proof(
        raw["shape"],
        canonical.parse_hash(raw["verification_key"], f"{field}.verification_key"),
        tuple(_parse_element(e, f"{field}.public_inputs[{i}]") for i, e in enumerate(inputs)),
        bytes.fromhex(text[2:]),
    )


def _parse_element(text: Any, field: str) -> int:
    element = int.from_bytes(canonical.parse_hash(text, field), "big")
    if element >= MODULUS:
        raise InvalidInput(field, "must be below the field's modulus")
    return element
