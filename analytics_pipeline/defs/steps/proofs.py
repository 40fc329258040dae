"""Step *proof*: that every figure follows from the committed contributions and the drawn noise.

The witness is made from the warehouse again and exists in memory only; a proof is verified before
it is kept. What is kept is public.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from analytics_pipeline.core.checks.proof import ProofTerms, verify_proofs
from analytics_pipeline.core.errors import InvalidInput
from analytics_pipeline.core.proof_document import (
    DEVELOPMENT,
    DEVELOPMENT_NOTE,
    ProofDocument,
    parse_proof_document,
)
from analytics_pipeline.core.statement import STATEMENT_INPUTS
from analytics_pipeline.core.verify_errors import VerificationFailed
from analytics_pipeline.defs.steps.day_commitments import load_commitment
from analytics_pipeline.defs.steps.state import present, require_release
from analytics_pipeline.defs.steps.statements import build_statement
from analytics_pipeline.defs.stores import Stores
from analytics_pipeline.proving.day_proof import DayProof, prove_day
from analytics_pipeline.storage.catalogue import Release, store_release

#: Seconds between two lines about one proof.
SAY_EVERY_SECONDS: Final = 5.0


@dataclass(frozen=True)
class Proved:
    """A release with its proof; ``made`` is what making it took, None if it was there already."""

    release: Release
    made: DayProof | None = None


def prove_missing(stores: Stores, days: Iterable[date]) -> list[Proved]:
    """The releases of the days, each with its proof; missing ones are made and stored one by one.

    Raises:
        ReleaseError: a day has no report yet.
        ReleaseConflict: the contributions are no longer those that were committed to.
        ProvingError: and why; nothing was stored for that day.
    """
    releases = [require_release(stores, day, "report_json") for day in days]
    missing = [release for release in releases if release.proof_json is None]
    made = {}
    for number, release in enumerate(missing, 1):
        stores.say(f"proving {release.day}, {number} of {len(missing)}")
        made[release.day] = _prove(stores, release)
    return [made.get(release.day, Proved(release)) for release in releases]


def _prove(stores: Stores, release: Release) -> Proved:
    commitment, listing, seed = load_commitment(stores, release)
    statement = build_statement(stores, release)
    progress = _Progress(stores, release.day)
    made = prove_day(stores.proving.prover, commitment, listing, seed, statement, progress)
    stored = store_release(
        stores.catalogue, stores.platform, release.day, release.revision, proof_json=made.document
    )
    return Proved(stored, made)


class _Progress:
    """Says every now and then how far a proof is."""

    def __init__(self, stores: Stores, day: date) -> None:
        self._stores, self._day, self._said = stores, day, 0.0

    def __call__(self, elapsed: float, expected: float) -> None:
        if elapsed - self._said >= SAY_EVERY_SECONDS:
            self._said = elapsed
            self._stores.say(f"proving {self._day}, {elapsed:.0f} of about {expected:.0f} s")


def load_proof(release: Release) -> ProofDocument:
    """The stored proof, parsed. Raises InvalidInput."""
    return parse_proof_document(present(release.proof_json))


def find_problems(stores: Stores, releases: Sequence[Release]) -> list[str]:
    """Proofs that are not about their release, or do not hold."""
    terms = ProofTerms(verifier=stores.proving.verifier, require_proof=True)
    problems = []
    for release in releases:
        try:
            proof = load_proof(release)
            stated = proof.main.public_inputs[:STATEMENT_INPUTS]
            if stated != build_statement(stores, release).elements:
                problems.append(f"{release.day}: the proof is about another release")
                continue
            verify_proofs(proof, None, terms)
        except (InvalidInput, VerificationFailed) as error:
            problems.append(f"{release.day}: {error}")
    return problems


def describe(proved: Proved) -> Mapping[str, Any]:
    """What may be shown of a proof: shape and sizes, which are public; not the rows in it."""
    proof = load_proof(proved.release)
    shown: dict[str, Any] = {
        "revision": proved.release.revision,
        "shape": proof.main.shape,
        "proofs": len(proof.proofs),
        "proof_bytes": sum(len(each.proof) for each in proof.proofs),
        "public_inputs": sum(len(each.public_inputs) for each in proof.proofs),
        "setup": DEVELOPMENT_NOTE if proof.setup == DEVELOPMENT else proof.setup,
    }
    if proved.made is not None:
        cost = proved.made.cost
        shown |= {
            "gates": cost.gates,
            "witness_seconds": round(proved.made.witness_seconds, 3),
            "prove_seconds": round(cost.seconds, 3),
            "peak_gib": round(cost.peak_bytes / 2**30, 2),
        }
    return shown
