"""What belongs to a circuit under a set-up: gates, verification key, verifier contract.

All of it follows from the circuit and is public. For published circuits it is package data
(`artifacts/<set-up>/<name>.json`); for others it is made once and kept in the cache folder. Belongs
here: the document, finding it, making it. Does not belong here: circuits (`circuits`), and which of
them are believed (`core.circuits`).
"""

import gzip
import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from importlib import resources
from pathlib import Path
from typing import Any, Final

from eth_utils.crypto import keccak

from analytics_pipeline.core import canonical
from analytics_pipeline.core.errors import InvalidInput
from analytics_pipeline.core.proof_document import SETUPS, SHAPE
from analytics_pipeline.proving.bb import KEY_BYTES, Bb
from analytics_pipeline.proving.locks import locked
from analytics_pipeline.proving.setup import Setup
from analytics_pipeline.proving.toolchain import BB_VERSION, Toolchain
from analytics_pipeline.proving.verifier_contract import MAX_CODE_BYTES, build_verifier

FORMAT: Final = "viewership-circuit/1"
_MEMBERS: Final = frozenset(
    (
        *("format", "name", "circuit", "gates", "setup", "setup_digest"),
        *("verification_key", "verifier", "constructor_bytes", "prover", "compiler"),
    )
)


@dataclass(frozen=True)
class Artifact:
    """A circuit under a set-up, without the circuit itself."""

    #: as in a proof's `shape`
    name: str
    #: SHA-256 of the circuit as MessagePack, not compressed
    circuit: bytes
    gates: int
    setup: str
    setup_digest: bytes
    verification_key: bytes
    #: creation code of the verifier contract
    verifier: bytes
    #: the runtime code is what follows these bytes of the creation code
    constructor_bytes: int
    compiler: str
    prover: str = BB_VERSION

    @cached_property
    def key_hash(self) -> bytes:
        """SHA-256 of the verification key: how a proof names its circuit."""
        return hashlib.sha256(self.verification_key).digest()

    @property
    def runtime(self) -> bytes:
        """Runtime code of the verifier contract."""
        return self.verifier[self.constructor_bytes :]

    @cached_property
    def verifier_code(self) -> bytes:
        """Keccak-256 of the runtime code: how a chain names it."""
        return bytes(keccak(self.runtime))

    def to_json(self) -> dict[str, Any]:
        return {
            "format": FORMAT,
            "name": self.name,
            "circuit": canonical.hash_text(self.circuit),
            "gates": self.gates,
            "setup": self.setup,
            "setup_digest": canonical.hash_text(self.setup_digest),
            "verification_key": "0x" + self.verification_key.hex(),
            "verifier": "0x" + self.verifier.hex(),
            "constructor_bytes": self.constructor_bytes,
            "prover": self.prover,
            "compiler": self.compiler,
        }


def build_document(artifact: Artifact) -> bytes:
    """The artifact as canonical JSON, to be kept or published by its CID."""
    data = canonical.encode(artifact.to_json())
    parse_document(data)
    return data


def parse_document(data: bytes) -> Artifact:
    """Parse an artifact. Raises InvalidInput naming the field."""
    raw = canonical.check_members(canonical.parse(data, "circuit"), _MEMBERS, "circuit")
    if raw["format"] != FORMAT:
        raise InvalidInput("circuit.format", f"must be {FORMAT!r}")
    if not isinstance(raw["name"], str) or not SHAPE.fullmatch(raw["name"]):
        raise InvalidInput("circuit.name", f"must match {SHAPE.pattern}")
    if raw["setup"] not in SETUPS:
        raise InvalidInput("circuit.setup", f"must be one of {', '.join(SETUPS)}")
    for field in ("gates", "constructor_bytes"):
        if type(raw[field]) is not int or not 0 <= raw[field] < 2**32:
            raise InvalidInput(f"circuit.{field}", "must be an integer of at least 0")
    for field in ("prover", "compiler"):
        if not isinstance(raw[field], str):
            raise InvalidInput(f"circuit.{field}", "must be text")
    key = _parse_hex(raw["verification_key"], "verification_key")
    verifier = _parse_hex(raw["verifier"], "verifier")
    if len(key) != KEY_BYTES:
        raise InvalidInput("circuit.verification_key", f"must have {KEY_BYTES} bytes")
    if not 0 < len(verifier) - raw["constructor_bytes"] <= MAX_CODE_BYTES:
        raise InvalidInput("circuit.verifier", "must hold code that fits on a chain")
    return Artifact(
        raw["name"],
        canonical.parse_hash(raw["circuit"], "circuit.circuit"),
        raw["gates"],
        raw["setup"],
        canonical.parse_hash(raw["setup_digest"], "circuit.setup_digest"),
        key,
        verifier,
        raw["constructor_bytes"],
        raw["compiler"],
        raw["prover"],
    )


def _parse_hex(text: Any, field: str) -> bytes:
    try:
        if not isinstance(text, str) or not text.startswith("0x") or text != text.lower():
            raise ValueError
        return bytes.fromhex(text[2:])
    except ValueError:
        raise InvalidInput(f"circuit.{field}", "must be 0x and lower-case hex") from None


@dataclass(frozen=True)
class ProvableCircuit:
    """A circuit with everything that proving needs, as files."""

    artifact: Artifact
    #: gzipped, as `bb -b` takes it
    program: Path
    key: Path


@dataclass(frozen=True)
class ArtifactStore:
    """Artifacts of this machine under one set-up: shipped, cached, or made.

    Args:
        cache: folder for what can always be made again.
    """

    cache: Path
    tools: Toolchain
    setup: Setup

    def prepare(self, name: str, program: bytes) -> ProvableCircuit:
        """The circuit ready to be proved.

        Args:
            name: what its proofs call it.
            program: gzipped, as `circuits` gives it.
        Raises:
            ToolUnavailable, SetupUnavailable, ProverFailed.
        """
        circuit = _circuit_hash(program)
        folder = self._folder(circuit)
        with locked(folder.with_suffix(".lock")):
            file = _write(folder / "program.gz", program)
            document = folder / f"{name}.{self.setup.kind}-{self.setup.digest.hex()[:16]}.json"
            artifact = self._shipped(name, circuit) or self._cached(document, name, circuit)
            if artifact is None:
                artifact = self._make(name, circuit, file)
                _write(document, build_document(artifact))
            key = _write(folder / f"{artifact.key_hash.hex()[:32]}.vk", artifact.verification_key)
        return ProvableCircuit(artifact, file, key)

    def rebuild(self, name: str, program: bytes) -> Artifact:
        """The artifact made from the circuit alone, whatever is shipped or cached."""
        circuit = _circuit_hash(program)
        folder = self._folder(circuit)
        with locked(folder.with_suffix(".lock")):
            return self._make(name, circuit, _write(folder / "program.gz", program))

    def find(self, shape: str, vk_hash: bytes, setup: str) -> Artifact | None:
        """The artifact of a verification key, shipped or made here before; None if unknown."""
        return artifact_finder(self.cache)(shape, vk_hash, setup)

    def _folder(self, circuit: bytes) -> Path:
        return self.cache / "circuits" / circuit.hex()[:32]

    def _shipped(self, name: str, circuit: bytes) -> Artifact | None:
        artifact = shipped_artifact(self.setup.kind, name)
        return artifact if artifact and self._fits(artifact, name, circuit) else None

    def _cached(self, document: Path, name: str, circuit: bytes) -> Artifact | None:
        try:
            artifact = parse_document(document.read_bytes())
        except (FileNotFoundError, InvalidInput):
            return None
        return artifact if self._fits(artifact, name, circuit) else None

    def _fits(self, artifact: Artifact, name: str, circuit: bytes) -> bool:
        found = (artifact.name, artifact.circuit, artifact.setup_digest, artifact.prover)
        return found == (name, circuit, self.setup.digest, BB_VERSION)

    def _make(self, name: str, circuit: bytes, program: Path) -> Artifact:
        bb = Bb(self.tools.bb)
        gates = bb.gates(program)
        self.tools.say(f"making the verification key of {name} ({gates} gates, once)")
        key = bb.write_key(program, self.setup, gates)
        code = build_verifier(self.tools, key, self.setup)
        return Artifact(
            name,
            circuit,
            gates,
            self.setup.kind,
            self.setup.digest,
            key,
            code.creation,
            len(code.creation) - len(code.runtime),
            code.compiler,
        )


def _circuit_hash(program: bytes) -> bytes:
    """Of the circuit itself: how it was compressed makes no other circuit."""
    return hashlib.sha256(gzip.decompress(program)).digest()


def artifact_finder(cache: Path) -> Callable[[str, bytes, str], Artifact | None]:
    """Finds the artifact of a verification key: shipped, or made on this machine before."""

    def find(shape: str, vk_hash: bytes, setup: str) -> Artifact | None:
        shipped = find_shipped(shape, vk_hash, setup)
        if shipped is not None:
            return shipped
        for document in cache.glob(f"circuits/*/{shape}.{setup}-*.json"):
            artifact = parse_document(document.read_bytes())
            if artifact.key_hash == vk_hash:
                return artifact
        return None

    return find


def find_shipped(shape: str, vk_hash: bytes, setup: str) -> Artifact | None:
    """The published artifact of a verification key; None if the key is none of its."""
    artifact = shipped_artifact(setup, shape)
    return artifact if artifact is not None and artifact.key_hash == vk_hash else None


def shipped_artifact(setup: str, name: str) -> Artifact | None:
    """The package's own artifact of a published circuit; None if there is none."""
    file = resources.files(__package__) / "artifacts" / setup / f"{name}.json"
    return parse_document(file.read_bytes()) if file.is_file() else None


def _write(path: Path, data: bytes) -> Path:
    """Write a file unless it is there with this content."""
    if not path.is_file() or path.read_bytes() != data:
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_suffix(".partial")
        partial.write_bytes(data)
        partial.replace(path)
    return path
