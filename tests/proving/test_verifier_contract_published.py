"""What the package ships of its circuits is what follows from them, and from nothing else."""

import subprocess
import sys
from importlib import resources

import pytest

from analytics_pipeline.core.circuits import published_circuits
from analytics_pipeline.core.proof_document import DEVELOPMENT
from analytics_pipeline.proving.artifacts import Artifact, parse_document
from analytics_pipeline.proving.bb import points_for_key, rounds_of
from analytics_pipeline.proving.circuits import CircuitSource, published_shapes, sources
from analytics_pipeline.proving.publish import describe
from analytics_pipeline.proving.toolchain import BB_VERSION
from tests.proving.tools import CACHE, SETUP, STORE


def _shipped() -> dict[str, Artifact]:
    folder = resources.files("analytics_pipeline.proving") / "artifacts" / DEVELOPMENT
    artifacts = [parse_document(file.read_bytes()) for file in folder.iterdir()]
    return {artifact.name: artifact for artifact in artifacts}


def _sources() -> dict[str, CircuitSource]:
    shapes = published_shapes().values()
    return {source.name: source for shape in shapes for source in sources(shape)}


def test_the_table_says_of_every_circuit_what_its_document_says() -> None:
    """No circuit is believed without a document, none has one and is not in the table."""
    shipped, known = _shipped(), _sources()
    assert shipped.keys() == known.keys()
    rows = {circuit.shape: circuit for circuit in published_circuits().entries}
    assert rows == {name: describe(known[name], shipped[name]) for name in known}


def test_documents_are_of_this_set_up_and_prover() -> None:
    """Keys state the size of their circuit."""
    for artifact in _shipped().values():
        assert artifact.setup == DEVELOPMENT
        assert artifact.setup_digest == SETUP.digest
        assert artifact.prover == BB_VERSION
        assert 1 << rounds_of(artifact.verification_key) == points_for_key(artifact.gates)


@pytest.mark.parametrize("shape", ["small", "medium"])
def test_shipped_keys_are_used(shape: str) -> None:
    """The circuit as emitted today is the one whose key is shipped: proving makes no other."""
    source = CircuitSource.main(published_shapes()[shape])
    assert STORE.prepare(source.name, source.program).artifact == _shipped()[source.name]


@pytest.mark.slow
def test_building_all_of_it_again_gives_the_same_bytes() -> None:
    """Keys and contracts of all published circuits, from nothing but their source."""
    command = [sys.executable, "-m", "analytics_pipeline.proving.publish"]
    subprocess.run([*command, "--check", "--cache", str(CACHE)], check=True, timeout=1500)
