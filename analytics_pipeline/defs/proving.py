"""The prover of a deployment, and what checks its proofs: put together from the settings.

Belongs here: joining `proving` with the EVM of `chain`, which do not know each other. Nothing is
installed or computed before it is needed.
"""

from collections.abc import Iterable
from functools import cached_property

from analytics_pipeline.chain.sandbox import run_code
from analytics_pipeline.core.circuits import ProofVerifier, published_circuits
from analytics_pipeline.core.errors import ReleaseError
from analytics_pipeline.proving.artifacts import ArtifactStore, shipped_artifact
from analytics_pipeline.proving.bb import points_to_prove
from analytics_pipeline.proving.circuits import CircuitSource, sources
from analytics_pipeline.proving.day_prover import DayProver
from analytics_pipeline.proving.memory import predict_memory, require_memory
from analytics_pipeline.proving.prover import BbProver
from analytics_pipeline.proving.setup import open_setup
from analytics_pipeline.proving.shape import Shape
from analytics_pipeline.proving.toolchain import Say, Toolchain
from analytics_pipeline.proving.verifiers import EvmVerifier
from analytics_pipeline.settings import Settings


class Proving:
    """Set-up, circuits, prover and verifier that the settings name.

    Args:
        say: told in one line about work that somebody may be waiting for.
    """

    def __init__(self, settings: Settings, say: Say) -> None:
        self._settings = settings
        self._tools = Toolchain(settings.cache, settings.bb, say)
        self.setup = open_setup(settings.setup, settings.setup_sha256, settings.cache, say)
        self.artifacts = ArtifactStore(settings.cache, self._tools, self.setup)

    def prepare(self, shapes: Iterable[Shape]) -> None:
        """Make sure that days of these shapes can be proved here, before anything is committed to:
        circuits published, prover installed, points of the set-up there, memory enough.

        Raises:
            ReleaseError: a circuit is not published under this set-up, so no verifier knows it.
            ProvingError: what is missing, and what to do about it.
        """
        gates = [self._gates(source) for shape in shapes for source in sources(shape)]
        if gates:
            _ = self._tools.bb
            self.setup.require(points_to_prove(max(gates)))
            require_memory(predict_memory(max(gates)))

    def _gates(self, source: CircuitSource) -> int:
        artifact = shipped_artifact(self.setup.kind, source.name)
        if artifact is None or published_circuits().find(artifact.key_hash) is None:
            raise ReleaseError(
                f"the circuit {source.name} is not published under the {self.setup.kind} set-up: "
                "nobody could verify its proofs (docs/proof.md says how circuits are published)"
            )
        return artifact.gates

    @cached_property
    def verifier(self) -> ProofVerifier:
        """Runs the very contract that a registry asks, in an EVM of this process."""
        return EvmVerifier(run_code, self.artifacts.find)

    @cached_property
    def prover(self) -> DayProver:
        """Proves days; proofs that are made are kept in the home folder."""
        work = self._settings.proofs_dir
        made = BbProver(self._tools, self.setup, self.verifier, work)
        return DayProver(made, self.artifacts)
