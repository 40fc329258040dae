"""The published circuits: which verification key belongs to which statement, and what checks it.

A verification key is the only thing that ties a proof to a statement: whoever chooses the key
chooses what is proved. So a verifier takes keys from this table, never from a bundle. The table is
this package's own data (`circuits.json`), a constant like any other; everybody can build the same
keys from the circuits' source. Belongs here: the table, its parser, the `ProofVerifier` interface.
Does not belong here: circuits (`proving/`), tools that check a proof (`published.proof_verifiers`).
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib import resources
from typing import Any, Final, Protocol

from analytics_pipeline.core import canonical
from analytics_pipeline.core.errors import InvalidInput
from analytics_pipeline.core.proof_document import SETUPS, SHAPE

FORMAT: Final = "viewership-circuits/1"
MAIN: Final = "main"
SHARD: Final = "shard"
_SIZES: Final = ("rows", "videos", "creators", "shards")
_MEMBERS: Final = frozenset(
    (
        *("shape", "role", "policy_hash", "setup", "verification_key"),
        *("verifier_code", "shard_shape", *_SIZES),
    )
)


@dataclass(frozen=True)
class Circuit:
    """One circuit under one set-up.

    ``rows`` is what one proof has room for; ``videos`` and ``creators`` are the slots of the
    catalogue root and ``shards`` is the number of row shards, all 0 for a shard's own circuit.
    """

    shape: str
    role: str
    #: SHA-256 of the policy whose noise and bounds are built into the circuit
    policy_hash: bytes
    setup: str
    #: SHA-256 of the verification key's bytes
    verification_key: bytes
    #: Keccak-256 of the runtime code of the verifier contract generated for it
    verifier_code: bytes
    rows: int
    videos: int = 0
    creators: int = 0
    shards: int = 0
    #: shape of the row shards' circuit; None if there are none
    shard_shape: str | None = None

    def to_json(self) -> dict[str, Any]:
        return {
            "shape": self.shape,
            "role": self.role,
            "policy_hash": canonical.hash_text(self.policy_hash),
            "setup": self.setup,
            "verification_key": canonical.hash_text(self.verification_key),
            "verifier_code": canonical.hash_text(self.verifier_code),
            **{name: getattr(self, name) for name in _SIZES},
            "shard_shape": self.shard_shape,
        }


@dataclass(frozen=True)
class Circuits:
    """The circuits whose proofs are believed."""

    entries: tuple[Circuit, ...]
    _by_key: dict[bytes, Circuit] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        by_key = {entry.verification_key: entry for entry in self.entries}
        if len(by_key) != len(self.entries):
            raise InvalidInput("circuits", "a verification key stands for two circuits")
        object.__setattr__(self, "_by_key", by_key)

    def find(self, verification_key: bytes) -> Circuit | None:
        """The circuit of a key; None if it is of none that was published."""
        return self._by_key.get(verification_key)


class ProofVerifier(Protocol):
    """Checks a proof by itself, with the verification key of the given hash and no other."""

    @property
    def name(self) -> str:
        """What to call it, e.g. ``bb 5.0.0``."""
        ...

    def verify(
        self,
        shape: str,
        vk_hash: bytes,
        setup: str,
        public_inputs: Sequence[int],
        proof: bytes,
    ) -> bool:
        """Whether the proof holds for exactly these public inputs.

        Raises:
            ProofNotCheckable: it lacks what it needs for this circuit, e.g. the key's bytes.
        """
        ...


def build_circuits(entries: Iterable[Circuit]) -> bytes:
    """`circuits.json`: indented, for people review it."""
    document = {"format": FORMAT, "circuits": [entry.to_json() for entry in entries]}
    data = (json.dumps(document, indent=2) + "\n").encode("ascii")
    parse_circuits(data)
    return data


def parse_circuits(data: bytes) -> Circuits:
    """Parse a table of circuits. Raises InvalidInput naming the field."""
    canonical.check_depth(data, "circuits")
    try:
        raw = json.loads(data)
    except ValueError as error:
        raise InvalidInput("circuits", f"is not JSON: {error}") from None
    raw = canonical.check_members(raw, frozenset(("circuits", "format")), "circuits")
    if raw["format"] != FORMAT:
        raise InvalidInput("circuits.format", f"must be {FORMAT!r}")
    if not isinstance(raw["circuits"], list):
        raise InvalidInput("circuits", "must be a list")
    entries = [_parse_circuit(item, f"circuits[{i}]") for i, item in enumerate(raw["circuits"])]
    return Circuits(tuple(entries))


@cache
def published_circuits() -> Circuits:
    """The circuits this version of the program believes."""
    file = resources.files("analytics_pipeline.core") / "circuits.json"
    return parse_circuits(file.read_bytes())


def _parse_circuit(item: Any, where: str) -> Circuit:
    raw = canonical.check_members(item, _MEMBERS, where)
    shapes = [raw["shape"]] + ([] if raw["shard_shape"] is None else [raw["shard_shape"]])
    if not all(isinstance(shape, str) and SHAPE.fullmatch(shape) for shape in shapes):
        raise InvalidInput(f"{where}.shape", f"must match {SHAPE.pattern}")
    if raw["role"] not in (MAIN, SHARD) or raw["setup"] not in SETUPS:
        raise InvalidInput(where, "has an unknown role or set-up")
    for name in _SIZES:
        if type(raw[name]) is not int or not 0 <= raw[name] < 2**32:
            raise InvalidInput(f"{where}.{name}", "must be an integer of at least 0")
    if (raw["shard_shape"] is None) != (raw["shards"] == 0):
        raise InvalidInput(f"{where}.shard_shape", "must be named exactly if there are shards")
    hashes = {
        name: canonical.parse_hash(raw[name], f"{where}.{name}")
        for name in ("policy_hash", "verification_key", "verifier_code")
    }
    return Circuit(**{**raw, **hashes})
