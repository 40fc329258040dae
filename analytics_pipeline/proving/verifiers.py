"""What checks a proof on this machine: bb itself, or the verifier contract in a local EVM.

    BbVerifier    Ignition only: bb has that set-up's numbers built in
    EvmVerifier   either set-up: runs the very code that stands on chain

Both take keys and code by their hash from what this package knows, never from whoever sent the
proof. Belongs here: the two answers to `core.circuits.ProofVerifier`.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from analytics_pipeline.core.errors import ProofNotCheckable, ProvingError
from analytics_pipeline.core.proof_document import IGNITION
from analytics_pipeline.proving.artifacts import Artifact
from analytics_pipeline.proving.bb import Bb, proof_bytes_of
from analytics_pipeline.proving.setup import TRAPDOORS
from analytics_pipeline.proving.toolchain import Toolchain
from analytics_pipeline.proving.verifier_contract import says_yes, verify_call

#: Shape, hash of the verification key, set-up → the artifact; None if it is not known.
FindArtifact = Callable[[str, bytes, str], Artifact | None]
#: Runtime code, call data → what a contract with this code answers; None if it reverts.
RunCode = Callable[[bytes, bytes], bytes | None]


def _found(find: FindArtifact, shape: str, vk_hash: bytes, setup: str) -> Artifact:
    artifact = find(shape, vk_hash, setup)
    if artifact is None or artifact.key_hash != vk_hash or artifact.setup != setup:
        raise ProofNotCheckable(f"the verification key of {shape} is not installed here")
    return artifact


@dataclass(frozen=True)
class BbVerifier:
    """Checks proofs with `bb verify`."""

    tools: Toolchain
    find: FindArtifact
    name: str = field(default="bb 5.0.0", init=False)

    def verify(
        self, shape: str, vk_hash: bytes, setup: str, public_inputs: Sequence[int], proof: bytes
    ) -> bool:
        """Whether the proof holds. Raises ProofNotCheckable."""
        if setup != IGNITION:
            raise ProofNotCheckable(f"bb cannot check proofs of a {setup} set-up")
        key = _found(self.find, shape, vk_hash, setup).verification_key
        if len(proof) != proof_bytes_of(key):
            return False
        try:
            return Bb(self.tools.bb).verify(key, public_inputs, proof, TRAPDOORS[setup])
        except ProvingError as error:
            raise ProofNotCheckable(str(error)) from None


@dataclass(frozen=True)
class EvmVerifier:
    """Checks proofs with the circuit's verifier contract, in an EVM of this process."""

    run: RunCode
    find: FindArtifact
    name: str = field(default="the verifier contract in a local EVM", init=False)

    def verify(
        self, shape: str, vk_hash: bytes, setup: str, public_inputs: Sequence[int], proof: bytes
    ) -> bool:
        """Whether the proof holds. Raises ProofNotCheckable."""
        artifact = _found(self.find, shape, vk_hash, setup)
        return verify_in_evm(self.run, artifact.runtime, public_inputs, proof)


def verify_in_evm(run: RunCode, runtime: bytes, public_inputs: Sequence[int], proof: bytes) -> bool:
    """Whether a verifier contract accepts a proof. Public inputs are below the field's order."""
    return says_yes(run(runtime, verify_call(tuple(public_inputs), proof)))
