"""Making a proof: once, within memory, checked before it is handed out, resumed after a kill.

    <work>/<statement>/{proof,public_inputs,measured.json}   a finished proof: public, kept
    <work>/<statement>.partial/                               one in the making: discarded
    <work>/<statement>.lock                                   held while one is made

The witness is private (exact rows, the seed). It goes from this process's memory through a pipe
into bb's and is never on disk. Belongs here: the order of things and the work folder. Does not
belong here: bb's command lines (`bb`), which circuit (`artifacts`).
"""

import hashlib
import json
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

from analytics_pipeline.core.circuits import ProofVerifier
from analytics_pipeline.core.errors import ProofRejected
from analytics_pipeline.core.field import to_bytes32
from analytics_pipeline.core.proof_document import Proof
from analytics_pipeline.proving.artifacts import Artifact, ProvableCircuit
from analytics_pipeline.proving.bb import Bb, points_to_prove, proof_bytes_of
from analytics_pipeline.proving.locks import locked, locked_if_free
from analytics_pipeline.proving.memory import predict_memory, predict_seconds, require_memory
from analytics_pipeline.proving.setup import Setup
from analytics_pipeline.proving.toolchain import Toolchain

#: Called while proving with the seconds since the start, and those it will take (predicted).
Progress = Callable[[float, float], None]

_MEASURED: Final = "measured.json"


@dataclass(frozen=True)
class Made:
    """A proof that holds, and what it took."""

    proof: Proof
    gates: int
    seconds: float
    peak_bytes: int
    #: it was there already, from a run before
    resumed: bool


class Prover(Protocol):
    """Proves a circuit for a witness."""

    def prove(
        self,
        circuit: ProvableCircuit,
        witness: Callable[[], bytes | memoryview],
        public_inputs: Sequence[int],
        progress: Progress | None = None,
        threads: int | None = None,
    ) -> Made:
        """See `BbProver.prove`."""
        ...


@dataclass(frozen=True)
class BbProver:
    """`Prover` over bb.

    Args:
        work: folder for finished proofs; they are public.
        verifier: checks every proof before it is handed out.
    """

    tools: Toolchain
    setup: Setup
    verifier: ProofVerifier
    work: Path

    def prove(
        self,
        circuit: ProvableCircuit,
        witness: Callable[[], bytes | memoryview],
        public_inputs: Sequence[int],
        progress: Progress | None = None,
        threads: int | None = None,
    ) -> Made:
        """A proof of the circuit for exactly these public inputs.

        Args:
            witness: gives the gzipped witness; asked for only if there is no proof yet.
            threads: of this proof; None: as many as there are cores.
        Raises:
            NotEnoughMemory: before anything is begun.
            ProverFailed: bb failed or was killed.
            ProofRejected: the proof does not hold, or is about other public inputs.
            ToolUnavailable, SetupUnavailable: something that proving needs is missing.
        """
        artifact, inputs = circuit.artifact, tuple(public_inputs)
        self._sweep()
        target = self.work / _statement_key(artifact, inputs)
        with locked(target.with_suffix(".lock")), _scratch(target) as partial:
            found = self._load(artifact, inputs, target)
            if found is not None:
                return found
            needed = predict_memory(artifact.gates)
            require_memory(needed)
            folder = self.setup.require(points_to_prove(artifact.gates))
            secret = witness()
            require_memory(needed)  # the witness itself takes some
            expected = predict_seconds(artifact.gates)
            finished = Bb(self.tools.bb).prove(
                circuit.program,
                circuit.key,
                secret,
                folder,
                partial,
                tick=(lambda elapsed: progress(elapsed, expected)) if progress else None,
                threads=threads,
            )
            proof = self._check(artifact, inputs, partial)
            measured = {"seconds": finished.seconds, "peak_bytes": finished.peak_bytes}
            (partial / _MEASURED).write_text(json.dumps(measured))
            shutil.rmtree(target, ignore_errors=True)  # one that did not hold any more
            partial.rename(target)
        return Made(proof, artifact.gates, finished.seconds, finished.peak_bytes, resumed=False)

    def _check(self, artifact: Artifact, inputs: tuple[int, ...], folder: Path) -> Proof:
        """The proof in a folder. Raises ProofRejected unless it is one, of these inputs."""
        proof = (folder / "proof").read_bytes()
        stated = (folder / "public_inputs").read_bytes()
        if stated != b"".join(map(to_bytes32, inputs)):
            raise ProofRejected("the proof has other public inputs than those to be proved")
        if len(proof) != proof_bytes_of(artifact.verification_key):
            raise ProofRejected("the proof has another length than one with zero knowledge")
        if not self.verifier.verify(
            artifact.name, artifact.key_hash, artifact.setup, inputs, proof
        ):
            raise ProofRejected(
                f"the proof does not hold (checked by {self.verifier.name}): "
                "the witness does not satisfy the circuit"
            )
        return Proof(artifact.name, artifact.key_hash, inputs, proof)

    def _load(self, artifact: Artifact, inputs: tuple[int, ...], folder: Path) -> Made | None:
        """A finished proof that still holds."""
        try:
            proof = self._check(artifact, inputs, folder)
            measured = json.loads((folder / _MEASURED).read_bytes())
            seconds, peak = float(measured["seconds"]), int(measured["peak_bytes"])
        except (FileNotFoundError, ProofRejected, ValueError, KeyError):
            return None
        return Made(proof, artifact.gates, seconds, peak, resumed=True)

    def _sweep(self) -> None:
        """Discard what killed runs left half-made."""
        for partial in self.work.glob("*.partial"):
            with locked_if_free(partial.with_suffix(".lock")) as free:
                if free:
                    shutil.rmtree(partial, ignore_errors=True)


@contextmanager
def _scratch(target: Path) -> Iterator[Path]:
    """An empty folder for one attempt, gone again unless it was renamed."""
    partial = target.with_suffix(".partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True, mode=0o700)
    try:
        yield partial
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _statement_key(artifact: Artifact, inputs: tuple[int, ...]) -> str:
    """Names the work folder: the same for the same circuit, set-up and statement only."""
    parts = [artifact.circuit, artifact.setup_digest, artifact.key_hash, *map(to_bytes32, inputs)]
    return hashlib.sha256(b"".join(parts)).hexdigest()[:32]
