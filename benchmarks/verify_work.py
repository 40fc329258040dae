"""What `benchmarks.verify` does in processes of its own: functions by name, which a child finds."""

import hashlib
import time
from collections.abc import Callable
from pathlib import Path


def hash_folder(folder: Path) -> str:
    """The floor of verifying a history: its files are read and hashed, and that is all."""
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*.json")):
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def check_sample(folder: Path, rounds: int) -> dict[str, float]:
    """Seconds for all checks of a day but that of its proof, and for its proof alone."""
    from analytics_pipeline.core.proof_document import parse_proof_document
    from analytics_pipeline.core.verify import verify_bundle
    from analytics_pipeline.published.folder import load_folder
    from analytics_pipeline.published.proof_verifiers import VerifierChoice, open_verifier

    files = load_folder(folder).files
    document = parse_proof_document(files["bundle/proof.json"])
    verifier = open_verifier(VerifierChoice.EVM)
    assert verifier is not None

    def prove() -> object:
        main = document.main
        return verifier.verify(
            main.shape, main.verification_key, document.setup, main.public_inputs, main.proof
        )

    return {
        "checks_seconds": _best(lambda: verify_bundle(files), rounds),
        "proof_seconds": _best(prove, rounds),
    }


def _best(work: Callable[[], object], rounds: int) -> float:
    work()  # tables that are made once
    fastest = float("inf")
    for _ in range(rounds):
        started = time.perf_counter()
        work()
        fastest = min(fastest, time.perf_counter() - started)
    return fastest
