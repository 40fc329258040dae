"""All proofs of a day, as many at a time as cores and memory allow.

`bb` leaves part of the second core idle; two proofs side by side take a quarter less time than one
after the other. Belongs here: how many at once, and what they took together. Does not belong here:
one proof (`prover`), what goes into it (`day_proof`).
"""

import os
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final

from analytics_pipeline.core.proof_document import Proof
from analytics_pipeline.proving.artifacts import ArtifactStore, ProvableCircuit
from analytics_pipeline.proving.circuits import CircuitSource
from analytics_pipeline.proving.memory import available_memory, predict_memory
from analytics_pipeline.proving.prover import Made, Prover

#: What all proofs of a day may take together; a smaller machine proves one after the other.
MEMORY_BUDGET_BYTES: Final = 7 * 2**30

#: Called while proving: seconds since the start, and those it will take (predicted).
Progress = Callable[[float, float], None]


@dataclass(frozen=True)
class ProofJob:
    """One proof to make: its circuit, its witness (made when it is its turn), its statement."""

    circuit: CircuitSource
    witness: Callable[[], bytes]
    public_inputs: tuple[int, ...]


@dataclass(frozen=True)
class Cost:
    """What the proofs of a day took. ``peak_bytes`` is the most that they can have had at once."""

    gates: int
    seconds: float
    peak_bytes: int


@dataclass(frozen=True)
class DayProver:
    """Proves under one set-up; every proof is verified before it is handed out."""

    prover: Prover
    artifacts: ArtifactStore

    @property
    def setup_kind(self) -> str:
        """``development`` or ``ignition``."""
        return self.artifacts.setup.kind

    def prepare(self, source: CircuitSource) -> ProvableCircuit:
        """The circuit with its verification key, made if it is not known yet."""
        return self.artifacts.prepare(source.name, source.program)

    def prove_all(
        self, jobs: Sequence[ProofJob], progress: Progress | None = None
    ) -> tuple[list[Proof], Cost]:
        """The proofs in the order of the jobs.

        Raises:
            ProvingError: which one, and why; nothing is handed out that does not verify.
        """
        started = time.monotonic()
        # Row shards share a circuit, and making its bytes takes a second.
        circuits = {source: self.prepare(source) for source in {job.circuit for job in jobs}}
        predicted = [predict_memory(circuits[job.circuit].artifact.gates) for job in jobs]
        at_once = _how_many(predicted)
        # With one thread each, proofs side by side do not wait for each other's slow ends.
        threads = max(1, (os.cpu_count() or 1) // at_once)
        report = _Report(progress, len(jobs), at_once)

        def prove(job: ProofJob) -> Made:
            tick = report.begin()
            return self.prover.prove(
                circuits[job.circuit],
                job.witness,
                job.public_inputs,
                progress=tick,
                threads=threads,
            )

        with ThreadPoolExecutor(at_once) as pool:
            made = list(pool.map(prove, jobs))
        largest = sorted((one.peak_bytes for one in made), reverse=True)
        cost = Cost(
            gates=sum(one.gates for one in made),
            seconds=time.monotonic() - started,
            peak_bytes=sum(largest[:at_once]),
        )
        return [one.proof for one in made], cost


def _how_many(predicted: Sequence[int]) -> int:
    """Proofs at a time: no more than cores, and no more than fit the memory together."""
    left = available_memory()
    budget = MEMORY_BUDGET_BYTES if left is None else min(left, MEMORY_BUDGET_BYTES)
    most = min(len(predicted), os.cpu_count() or 1)
    largest = sorted(predicted, reverse=True)
    while most > 1 and sum(largest[:most]) > budget:
        most -= 1
    return most


class _Report:
    """One progress out of those of several proofs."""

    def __init__(self, progress: Progress | None, jobs: int, at_once: int) -> None:
        self._progress, self._rounds = progress, -(-jobs // at_once)
        self._started = time.monotonic()
        self._lock = threading.Lock()

    def begin(self) -> Progress | None:
        if self._progress is None:
            return None
        tell = self._progress

        def tick(_elapsed: float, expected: float) -> None:
            with self._lock:
                tell(time.monotonic() - self._started, expected * self._rounds)

        return tick
