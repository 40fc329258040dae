"""One day through the real prover and onto an embedded chain; each function in its own process.

Belongs here: the order of things, and what is timed. The day is made up in `proof_day`; what the
figures cost in money is in `proof`.
"""

import resource
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Final

from analytics_pipeline.chain.client import open_publisher
from analytics_pipeline.chain.embedded import EmbeddedChain, development_account
from analytics_pipeline.chain.publisher import Publisher
from analytics_pipeline.chain.sandbox import run_code
from analytics_pipeline.chain.verifiers import ensure_honk_verifier
from analytics_pipeline.core.field import to_bytes32
from analytics_pipeline.core.policy import DEFAULT_POLICY
from analytics_pipeline.core.proof_document import parse_proof_document
from analytics_pipeline.core.record import Commit, Release
from analytics_pipeline.core.report import ReportHeader, parse_report
from analytics_pipeline.core.sampler import Seed
from analytics_pipeline.core.statement import Place, build_statement, nonce
from analytics_pipeline.core.unixfs import cid_of_bytes
from analytics_pipeline.defs.steps.onchain_verifier import build_contracts, encode_proof
from analytics_pipeline.proving.artifacts import ArtifactStore
from analytics_pipeline.proving.bb import points_to_prove
from analytics_pipeline.proving.circuits import published_shapes, sources
from analytics_pipeline.proving.day_proof import commit_day, prove_day
from analytics_pipeline.proving.day_prover import DayProver
from analytics_pipeline.proving.day_rows import build_day_rows, choose_shape
from analytics_pipeline.proving.prover import BbProver
from analytics_pipeline.proving.setup import DevelopmentSetup
from analytics_pipeline.proving.toolchain import Toolchain
from analytics_pipeline.proving.verifiers import EvmVerifier
from analytics_pipeline.release.noise import draw_report
from benchmarks.machine import say
from benchmarks.proof_day import build_proof_day, row_count
from benchmarks.workload import PLATFORM

_REVISION: Final = 1
_SEED: Final = Seed(111, 222)
_MANIFEST_ROOT: Final = sha256(b"benchmark").digest()


@dataclass(frozen=True)
class Measured:
    """A day's proofs: seconds of each step, sizes, and gas of each transaction."""

    rows: int
    shape: str
    proofs: int
    gates: int
    commit_seconds: float
    report_seconds: float
    witness_seconds: float
    prove_seconds: float
    prove_cpu_seconds: float
    prover_peak_bytes: int
    proof_bytes: int
    commit_gas: int
    beacon_gas: int
    release_gas: int


def prepare(events: int, cache: Path) -> None:
    """What is needed once: tools, verification keys, points of the set-up."""
    prover = _open_prover(cache, cache / "never")
    say(f"the prover is {prover.artifacts.tools.bb}")
    listing = build_proof_day(events).listing
    shape = choose_shape(published_shapes().values(), row_count(events), listing)
    for source in sources(shape):
        gates = prover.prepare(source).artifact.gates
        prover.artifacts.setup.require(points_to_prove(gates))


def measure_day(events: int, cache: Path, folder: Path) -> Measured:
    """Commit, draw, prove and publish a day; the folder is empty."""
    say(f"making up a day of {events:,} events and deploying the verifiers")
    policy, made = DEFAULT_POLICY, build_proof_day(events)
    prover = _open_prover(cache, folder / "proofs")
    shapes = list(published_shapes().values())
    publisher = open_publisher(folder / "chain.sqlite", PLATFORM, folder / "outbox.sqlite")
    registry = publisher.registry
    contracts = build_contracts(prover.setup_kind)
    if contracts is None:
        raise RuntimeError("no circuits are published for the development set-up")
    ensure_honk_verifier(registry, development_account(), contracts)
    seed_commitment = to_bytes32(_SEED.commitment)
    publisher.commit_seeds(PLATFORM, {made.day: seed_commitment})

    say(f"committing to {made.contributions.height:,} rows")
    with _timed() as commit_seconds:
        day = build_day_rows(made.contributions, made.listing, policy)
        shape = choose_shape(shapes, len(day), made.listing)
        commitment = commit_day(shape, made.listing, day, _SEED, _REVISION)
    commit = Commit(
        made.day,
        _REVISION,
        _MANIFEST_ROOT,
        policy.policy_hash,
        to_bytes32(commitment.tally_root),
        to_bytes32(commitment.catalogue_root),
        seed_commitment,
    )
    [record] = publisher.commit(PLATFORM, [commit])
    commit_gas = _gas(publisher)
    beacon = publisher.beacon_of(record)
    beacon_gas = _gas(publisher)

    say(f"drawing {len(made.tally):,} figures")
    place = Place(registry.chain.chain_id, registry.address, PLATFORM)
    with _timed() as report_seconds:
        header = ReportHeader(
            PLATFORM,
            made.day,
            _REVISION,
            _MANIFEST_ROOT,
            policy.policy_hash,
            policy.rho_nano_per_release,
            len(made.tally),
        )
        drawn = nonce(place, commit, *beacon)
        report_json = draw_report(made.tally, policy, header, made.listing, _SEED, drawn)
        report = parse_report(report_json)
        statement = build_statement(place, commit, *beacon, report.root, report.rows)

    say(f"proving in {shape.name}")
    cpu_before = _children_cpu_seconds()
    proof = prove_day(prover, commitment, made.listing, _SEED, statement)
    cpu_seconds = _children_cpu_seconds() - cpu_before
    document = parse_proof_document(proof.document)
    say(f"publishing {len(document.proofs)} proofs")
    release = Release(
        made.day,
        _REVISION,
        report.root,
        cid_of_bytes(report_json),
        cid_of_bytes(proof.document),
        policy.rho_nano_per_release,
        to_bytes32(statement.figure_sum),
    )
    publisher.release(PLATFORM, [release], [encode_proof(document, shapes.index(shape))])
    release_gas = _gas(publisher)
    publisher.close()
    return Measured(
        rows=len(day),
        shape=shape.name,
        proofs=len(document.proofs),
        gates=proof.cost.gates,
        commit_seconds=commit_seconds[0],
        report_seconds=report_seconds[0],
        witness_seconds=proof.witness_seconds,
        prove_seconds=proof.cost.seconds,
        prove_cpu_seconds=cpu_seconds,
        prover_peak_bytes=proof.cost.peak_bytes,
        proof_bytes=sum(len(each.proof) for each in document.proofs),
        commit_gas=commit_gas,
        beacon_gas=beacon_gas,
        release_gas=release_gas,
    )


def _open_prover(cache: Path, work: Path) -> DayProver:
    tools, setup = Toolchain(cache, say=say), DevelopmentSetup(cache, say)
    store = ArtifactStore(cache, tools, setup)
    return DayProver(BbProver(tools, setup, EvmVerifier(run_code, store.find), work), store)


def _children_cpu_seconds() -> float:
    """Of all child processes that have ended."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def _gas(publisher: Publisher) -> int:
    """Of the newest transaction: an embedded chain's newest block has no other."""
    chain = publisher.registry.chain
    if not isinstance(chain, EmbeddedChain):
        raise TypeError("gas is measured on the embedded chain")
    return chain.gas_used(chain.block_number())


@contextmanager
def _timed() -> Iterator[list[float]]:
    """The block's seconds, once it has ended."""
    seconds: list[float] = []
    started = time.perf_counter()
    yield seconds
    seconds.append(time.perf_counter() - started)
