"""A day's commitment and its proof: from contributions to `proof.json`.

    commit_day   what is committed before the beacon: roots over rows, totals and listing
    prove_day    the proofs of a release, once report and beacon are there

Both compute the same sections from the same rows, so nothing private is kept in between. Belongs
here: which values go into which circuit. Does not belong here: running `bb` (`prover`).
"""

import time
from collections.abc import Callable
from dataclasses import dataclass

from analytics_pipeline.core.errors import ReleaseConflict
from analytics_pipeline.core.listing import Listing, catalogue_root
from analytics_pipeline.core.proof_document import ProofDocument, build_proof_document
from analytics_pipeline.core.sampler import Seed
from analytics_pipeline.core.statement import ShardInputs as ShardStatement
from analytics_pipeline.core.statement import Statement, main_inputs
from analytics_pipeline.proving.acir import Witness
from analytics_pipeline.proving.acir_bytes import witness_bytes
from analytics_pipeline.proving.circuit import MainInputs, ShardInputs
from analytics_pipeline.proving.circuits import CircuitSource, main_circuit, shard_circuit
from analytics_pipeline.proving.contributions import Contributions
from analytics_pipeline.proving.day_prover import Cost, DayProver, Progress, ProofJob
from analytics_pipeline.proving.day_rows import DayRows, cut_rows
from analytics_pipeline.proving.day_secrets import DaySecrets
from analytics_pipeline.proving.shape import Shape
from analytics_pipeline.proving.tally import Totals, rows_root, tally_root, total_up


@dataclass(frozen=True, repr=False)
class DayCommitment:
    """What a day commits to. The roots are public, everything else is **private**."""

    shape: Shape
    revision: int
    sections: list[Contributions]
    totals: Totals
    rows_roots: list[int]
    tally_root: int
    catalogue_root: int


@dataclass(frozen=True)
class DayProof:
    """The proofs of a release as `proof.json`, and what they took. All of it is public."""

    document: bytes
    cost: Cost
    witness_seconds: float


def commit_day(
    shape: Shape, listing: Listing, day: DayRows, seed: Seed, revision: int
) -> DayCommitment:
    """Cut the rows and compute the roots.

    Raises:
        DayTooLarge: the rows do not fit the shape.
        ListingTooLarge: the listing does not.
    """
    secrets = DaySecrets(seed, revision)
    sections = cut_rows(shape, day)
    totals = total_up(shape, listing, sections, day.stated)
    roots = [
        rows_root(shape, rows, secrets.rows_salt(shard)) for shard, rows in enumerate(sections[1:])
    ]
    return DayCommitment(
        shape,
        revision,
        sections,
        totals,
        roots,
        tally_root(shape, sections[0], totals, roots, secrets.tally_salt),
        catalogue_root(listing, shape.videos, shape.creators),
    )


def prove_day(
    prover: DayProver,
    commitment: DayCommitment,
    listing: Listing,
    seed: Seed,
    statement: Statement,
    progress: Progress | None = None,
) -> DayProof:
    """`proof.json` of a release.

    Args:
        commitment: as `commit_day` gives it for the day's rows.
        statement: of the release; its roots must be those of the commitment.
        progress: called now and then with seconds gone by and seconds predicted.
    Raises:
        ReleaseConflict: rows, listing or report are not those that were committed to.
        ProvingError: a proof could not be made, or does not verify.
    """
    started = time.monotonic()
    _require_committed(commitment, seed, statement)
    secrets = DaySecrets(seed, commitment.revision)
    shape = commitment.shape
    sums, shards, jobs = [], [], []
    for shard, rows in enumerate(commitment.sections[1:]):
        inputs = ShardInputs(
            rows, listing, secrets.rows_salt(shard), secrets.sum_blind(shard), statement.x
        )
        circuit = shard_circuit(shape)
        witness = circuit.solve(inputs)
        public = _public_inputs(witness, 4)
        sums.append(witness.value(circuit.rows.sum))
        shards.append(ShardStatement(*public[2:]))
        jobs.append(ProofJob(CircuitSource.shard(shape), _bytes_later(witness), public))
    main = MainInputs(
        rows=commitment.sections[0],
        totals=commitment.totals,
        listing=listing,
        salt=secrets.tally_salt,
        seed=seed.value,
        seed_salt=seed.salt,
        nonce=statement.nonce,
        x=statement.x,
        rows_roots=commitment.rows_roots,
        sums=sums,
        blinds=[secrets.sum_blind(shard) for shard in range(shape.shards)],
    )
    solved = main_circuit(shape).solve(main)
    expected = main_inputs(statement, shards)
    if _public_inputs(solved, len(expected)) != expected:
        raise ReleaseConflict("the report is not what follows from rows, seed and beacon")
    jobs.insert(0, ProofJob(CircuitSource.main(shape), _bytes_later(solved), expected))
    witness_seconds = time.monotonic() - started
    (first, *others), cost = prover.prove_all(jobs, progress)
    document = ProofDocument(prover.setup_kind, first, tuple(others))
    return DayProof(build_proof_document(document), cost, witness_seconds)


def _require_committed(commitment: DayCommitment, seed: Seed, statement: Statement) -> None:
    for name, ours, committed in (
        ("contributions", commitment.tally_root, statement.tally_root),
        ("listing", commitment.catalogue_root, statement.catalogue_root),
        ("seed", seed.commitment, statement.seed_commitment),
    ):
        if ours != committed:
            raise ReleaseConflict(f"the {name} are not those that were committed to")


def _public_inputs(witness: Witness, count: int) -> tuple[int, ...]:
    return tuple(witness.public(position) for position in range(count))


def _bytes_later(witness: Witness) -> Callable[[], bytes]:
    return lambda: witness_bytes(witness)
