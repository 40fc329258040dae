"""The contract that checks proofs on chain: which one counts, and proofs in the form it takes.

A public registry's owner adds verifiers, and each counts after a delay (docs/chain.md). The
embedded chain's registry gets the one of the published circuits when it is first needed, so that it
checks every proof from the first release on.
"""

import hashlib
from collections.abc import Iterable, Sequence

from eth_abi.abi import encode

from analytics_pipeline.chain.deploy import HonkContracts
from analytics_pipeline.chain.verifiers import (
    HonkVerifier,
    ensure_honk_verifier,
    read_honk_verifier,
)
from analytics_pipeline.core.circuits import build_circuits, published_circuits
from analytics_pipeline.core.errors import CircuitNotTaken
from analytics_pipeline.core.field import to_bytes32
from analytics_pipeline.core.proof_document import DEVELOPMENT, ProofDocument, parse_proof_document
from analytics_pipeline.core.statement import STATEMENT_INPUTS
from analytics_pipeline.defs.steps.state import present
from analytics_pipeline.defs.stores import Stores
from analytics_pipeline.proving.artifacts import shipped_artifact
from analytics_pipeline.proving.circuits import published_shapes
from analytics_pipeline.proving.shape import Shape
from analytics_pipeline.storage.catalogue import Release


def ensure_verifier(stores: Stores) -> None:
    """On the embedded chain: deploy the verifier of the published circuits if it is not there."""
    registry = stores.registry
    contracts = build_contracts(stores.proving.setup.kind)
    if registry.chain.instant and contracts is not None:
        from analytics_pipeline.chain.embedded import development_account

        ensure_honk_verifier(registry, development_account(), contracts)


def build_contracts(setup: str) -> HonkContracts | None:
    """The contracts of the published circuits under a set-up; None if none are published."""
    mains = [
        (shape, artifact)
        for shape in published_shapes().values()
        if (artifact := shipped_artifact(setup, shape.name)) is not None
    ]
    if not mains:
        return None
    shards = {shape.shard_name for shape, _ in mains if shape.shards}
    [shard] = [shipped_artifact(setup, name) for name in shards] or [None]
    circuits = [entry for entry in published_circuits().entries if entry.setup == setup]
    return HonkContracts(
        mains=[artifact.verifier for _, artifact in mains],
        row_shards=[shape.shards for shape, _ in mains],
        row_shard=shard.verifier if shard else b"",
        circuits=hashlib.sha256(build_circuits(circuits)).digest(),
        development_setup=setup == DEVELOPMENT,
    )


def onchain_proofs(stores: Stores, releases: Sequence[Release]) -> list[bytes]:
    """The releases' proofs as the registry takes them; none while no verifier counts there.

    Raises:
        CircuitNotTaken: the verifier that counts does not know a proof's circuit.
        ChainError: it is no verifier of ours.
    """
    address = stores.registry.current_verifier()
    if address is None:
        return []
    verifier = read_honk_verifier(stores.registry.chain, address)
    documents = [parse_proof_document(present(release.proof_json)) for release in releases]
    return [encode_proof(document, _number(verifier, document)) for document in documents]


def encode_proof(document: ProofDocument, number: int) -> bytes:
    """`proof` of HonkReleaseVerifier: shape, main proof, the shards' inputs and proofs."""
    shard_inputs = document.main.public_inputs[STATEMENT_INPUTS:]
    return encode(
        ["uint8", "bytes", "bytes32[]", "bytes[]"],
        [
            number,
            document.main.proof,
            [to_bytes32(element) for element in shard_inputs],
            [shard.proof for shard in document.shards],
        ],
    )


def require_taken(stores: Stores, shapes: Iterable[Shape]) -> None:
    """Refuse shapes whose proofs the registry would not take, before anything is committed to.

    Raises:
        CircuitNotTaken: the verifier that counts does not know one of their circuits.
        ChainError: it is no verifier of ours.
    """
    address = stores.registry.current_verifier()
    if address is None:
        return
    verifier = read_honk_verifier(stores.registry.chain, address)
    for shape in shapes:
        artifact = shipped_artifact(stores.proving.setup.kind, shape.name)
        if artifact is not None:  # of an unpublished one the prover says so
            _number_of(verifier, artifact.key_hash, shape.name)


def _number(verifier: HonkVerifier, document: ProofDocument) -> int:
    """The shape's number at the verifier: where the contract of the proof's circuit stands."""
    return _number_of(verifier, document.main.verification_key, document.main.shape)


def _number_of(verifier: HonkVerifier, key_hash: bytes, shape: str) -> int:
    circuit = published_circuits().find(key_hash)
    for number, main in enumerate(verifier.mains):
        if circuit is not None and main.code_hash == circuit.verifier_code:
            return number
    raise CircuitNotTaken(
        f"the registry's verifier {verifier.address} has no contract for {shape}: "
        "its owner adds one for the circuits of this version"
    )
