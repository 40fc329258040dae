"""Barretenberg means by the circuit what the evaluator means: real proofs of honest and dishonest
witnesses.

`bb` makes a proof of almost any witness; only where a table has no entry it refuses. Under the
development set-up its own verifier gets through all equations of an honest proof and stops at the
pairing, whose other half is Ignition's; a dishonest one fails before that. So its last words tell
which it was. What bb can compute itself (permutations, values read) it takes from nobody: such a
value is put right in the proof, whatever the witness says.
"""

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from analytics_pipeline.core.errors import ProverFailed, ToolUnavailable
from analytics_pipeline.core.field import to_bytes32
from analytics_pipeline.proving.acir import Column, Permute, Read, Witness
from analytics_pipeline.proving.acir_bytes import program_bytes, witness_bytes
from analytics_pipeline.proving.bb import Bb
from analytics_pipeline.proving.child import run_child
from tests.proving import (
    test_circuit_lies_figures,
    test_circuit_lies_rows,
    test_circuit_lies_totals,
)
from tests.proving.circuit_cheats import main_proof, mutations
from tests.proving.circuit_world import SHAPE, Solved, evaluator, main_circuit, names
from tests.proving.tools import SETUP, TOOLS

HOLDS = "verification failed at pairing check"
FAILS = "verification failed at reduction step"
REFUSED = "not proved"


@dataclass
class Judge:
    """Proves and verifies witnesses of the main circuit."""

    bb: Path
    program: Path
    key: Path
    folder: Path

    def says(self, values: list[int]) -> str:
        """What bb says of a proof of these values."""
        proof = self.folder / "proof"
        circuit = main_circuit(SHAPE)
        witness = Witness(circuit.program)
        for column in names(circuit).columns.values():
            witness.set(column, values[column.start : column.start + column.count])
        gzipped = witness_bytes(witness)
        try:
            Bb(self.bb).prove(self.program, self.key, gzipped, SETUP.folder, self.folder)
        except ProverFailed:
            return REFUSED
        inputs = (self.folder / "public_inputs").read_bytes()
        assert inputs == b"".join(map(to_bytes32, values[:6]))
        files = ("-k", self.key, "-p", proof, "-i", self.folder / "public_inputs")
        found = run_child([self.bb, "verify", "-t", "evm", "-c", SETUP.folder, *files])
        return next(words for words in (HOLDS, FAILS) if words in found.output.decode())


@pytest.fixture(scope="module")
def judge(tmp_path_factory: pytest.TempPathFactory) -> Judge:
    """bb with the circuit's key, or a loud skip where bb cannot be had."""
    try:
        bb = TOOLS.bb
    except ToolUnavailable as error:
        pytest.skip(str(error))
    folder = tmp_path_factory.mktemp("bb")
    program, key = folder / "program", folder / "key"
    program.write_bytes(program_bytes(main_circuit(SHAPE).program))
    key.write_bytes(Bb(bb).write_key(program, SETUP, Bb(bb).gates(program)))
    return Judge(bb, program, key, folder)


def test_honest(judge: Judge) -> None:
    assert judge.says(main_proof().values) == HOLDS


#: One lie for each kind of operation: an equation, a range, a value read, an index, a permutation.
KINDS = [
    (test_circuit_lies_totals.a_viewer_more, FAILS),
    (test_circuit_lies_rows.one_video_twice, FAILS),
    (test_circuit_lies_rows.a_video_of_another_creator, FAILS),
    (test_circuit_lies_rows.seconds_over_the_bound, REFUSED),
    (test_circuit_lies_figures.noise_of_another_nonce, FAILS),
]


@pytest.mark.parametrize(("lie", "answer"), KINDS)
def test_a_lie_of_each_kind(judge: Judge, lie: Callable[[], Solved], answer: str) -> None:
    assert judge.says(lie().values) == answer


@pytest.mark.slow
def test_all_lies(judge: Judge) -> None:
    """Every lie of the tables."""
    for module in (test_circuit_lies_rows, test_circuit_lies_totals, test_circuit_lies_figures):
        for lie, _ in module.CASES:
            assert judge.says(lie().values) in (FAILS, REFUSED), lie.__name__


@pytest.mark.slow
def test_mutations(judge: Judge) -> None:
    """Cells changed at random: what the evaluator accepts bb does, and hardly anything else."""
    solved = main_proof()
    columns = names(solved.circuit).columns
    told = list(mutations(solved, 0, random.Random(3)))
    computed = set(_computed(solved))
    for name, row, value in random.Random(4).sample(told, 40):
        witness = columns[name].start + row
        values = [*solved.values]
        values[witness] = value
        accepted = not evaluator(solved.circuit).violations_near([witness], values)
        holds = judge.says(values) == HOLDS
        assert holds or not accepted, name
        assert accepted or not holds or witness in computed, name


def _computed(solved: Solved) -> Iterator[int]:
    """Witnesses that bb computes itself."""
    for operation in solved.circuit.program.operations:
        if isinstance(operation, Permute):
            columns: Sequence[Column] = operation.outputs
        elif isinstance(operation, Read):
            columns = (operation.value,)
        else:
            continue
        for column in columns:
            yield from map(int, column.witnesses)
