"""Asking Barretenberg's `bb` 5.0.0: command lines, file formats, what its answers mean.

Always `-t evm`: UltraHonk with zero knowledge, Keccak as its hash, for a verifier on chain. Belongs
here: one method per question. Does not belong here: whether there is memory for it, where results
are kept (`prover`, `artifacts`).
"""

import json
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from analytics_pipeline.core.errors import ProverFailed
from analytics_pipeline.core.field import to_bytes32
from analytics_pipeline.proving.child import Finished, Tick, run_child
from analytics_pipeline.proving.setup import G1_FILE, G2_FILE, GENERATOR, Setup, Trapdoor

#: Bytes of a verification key: three numbers and 28 points.
KEY_BYTES: Final = 1888
_TARGET: Final = ("-t", "evm")
_WORD: Final = 32
#: What proving adds to the gates; beyond it bb would fetch other points from the internet.
_EXTRA_POINTS: Final = 64
#: What `bb verify` says of a proof that does not hold. It ends with the same code 1 when it lacks a
#: file or memory, and that says nothing about the proof.
_REFUSALS: Final = (
    "Proof verification failed (",
    "Proof verification failed: invalid proof size",
    "Non-canonical proof element",
    "Deserialized point is not on the curve",
    "Cannot aggregate: incoming pairing points are at infinity",
    "num_public_inputs mismatch with VK",
)
_PROOF_BASE_BYTES: Final = 2624
_PROOF_ROUND_BYTES: Final = 384


def points_to_prove(gates: int) -> int:
    """Points of the set-up that a proof needs (gates + 5, measured; with some room)."""
    return gates + _EXTRA_POINTS


def points_for_key(gates: int) -> int:
    """Points of the set-up that a verification key needs: the next power of two."""
    return 1 << (gates + _EXTRA_POINTS - 1).bit_length()


def rounds_of(key: bytes) -> int:
    """Binary logarithm of the circuit's size, as its key states it."""
    return int.from_bytes(key[:_WORD], "big")


def proof_bytes_of(key: bytes) -> int:
    """Length of a zero-knowledge proof for this key; without zero knowledge it is another."""
    return _PROOF_BASE_BYTES + _PROOF_ROUND_BYTES * rounds_of(key)


@dataclass(frozen=True)
class Bb:
    """A `bb` binary."""

    path: Path

    def gates(self, program: Path) -> int:
        """Number of gates of a circuit. Raises ProverFailed."""
        finished = self._ask("gates", *_TARGET, "-b", program)
        try:
            text = finished.output.decode()
            return int(json.loads(text[text.index("{") :])["functions"][0]["circuit_size"])
        except (ValueError, KeyError, IndexError):
            raise ProverFailed("bb gates did not say how many there are") from None

    def write_key(self, program: Path, setup: Setup, gates: int) -> bytes:
        """The verification key of a circuit. Raises ProverFailed, SetupUnavailable."""
        folder = setup.require(points_for_key(gates))
        with tempfile.TemporaryDirectory() as output:
            self._ask("write_vk", *_TARGET, "-c", folder, "-b", program, "-o", output)
            key = Path(output, "vk").read_bytes()
        if len(key) != KEY_BYTES:
            raise ProverFailed(f"bb wrote a verification key of {len(key)} bytes")
        return key

    def prove(
        self,
        program: Path,
        key: Path,
        witness: bytes | memoryview,
        setup_folder: Path,
        output: Path,
        tick: Tick | None = None,
        threads: int | None = None,
    ) -> Finished:
        """Write `proof` and `public_inputs` to a folder.

        A witness that does not satisfy the circuit also gives files; only verifying them tells.

        Args:
            witness: gzipped; fed through a pipe, so that it is never on disk.
            threads: None: as many as there are cores.
        Raises:
            ProverFailed: without bb's own words, which could quote the witness.
        """
        files = ("-b", program, "-k", key, "-w", "/dev/stdin", "-o", output)
        finished = run_child(
            [self.path, "prove", *_TARGET, "-c", setup_folder, *files],
            stdin=witness,
            keep_output=False,
            environ={} if threads is None else {"HARDWARE_CONCURRENCY": str(threads)},
            tick=tick,
        )
        if finished.exit_code:
            raise ProverFailed(f"bb prove: {finished.ending} after {finished.seconds:.0f} s")
        return finished

    def verify(
        self, key: bytes, public_inputs: Sequence[int], proof: bytes, trapdoor: Trapdoor
    ) -> bool:
        """Whether a proof holds under Ignition's set-up, the only one that bb verifies.

        Raises:
            ProverFailed: bb ended without saying whether.
        """
        with tempfile.TemporaryDirectory() as folder:
            here = Path(folder)
            # Without points bb would fetch some. Verifying uses none of them but the first.
            (here / G1_FILE).write_bytes(GENERATOR + trapdoor.g1)
            (here / G2_FILE).write_bytes(trapdoor.g2)
            (here / "vk").write_bytes(key)
            (here / "proof").write_bytes(proof)
            (here / "inputs").write_bytes(b"".join(map(to_bytes32, public_inputs)))
            files = ("-k", here / "vk", "-p", here / "proof", "-i", here / "inputs")
            finished = run_child([self.path, "verify", *_TARGET, "-c", here, *files])
        if finished.exit_code == 0:
            return True
        said = finished.output.decode(errors="replace")
        if finished.exit_code == 1 and any(words in said for words in _REFUSALS):
            return False
        raise ProverFailed(f"bb verify: {finished.ending}: {finished.last_line}")

    def write_verifier(self, key: bytes) -> str:
        """Solidity source of the verifier contract for a key. It assumes Ignition's set-up."""
        with tempfile.TemporaryDirectory() as folder:
            source, key_file = Path(folder, "HonkVerifier.sol"), Path(folder, "vk")
            key_file.write_bytes(key)
            files = ("-k", key_file, "-o", source)
            self._ask("write_solidity_verifier", *_TARGET, "--optimized", *files)
            return source.read_text()

    def _ask(self, *arguments: str | Path) -> Finished:
        finished = run_child([self.path, *arguments])
        if finished.exit_code:
            raise ProverFailed(f"bb {arguments[0]}: {finished.ending}: {finished.last_line}")
        return finished
