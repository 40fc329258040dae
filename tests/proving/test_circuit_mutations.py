"""No value of an honest witness can be another one: every cell is held by some constraint.

A cell that could change by itself would be a hole, or not needed. Columns that may, and why, are in
`FREE`.
"""

import random
from collections.abc import Callable

import pytest

from tests.proving.circuit_cheats import (
    main_proof,
    main_proof_of_shards,
    mutations,
    shard_proof,
)
from tests.proving.circuit_world import Solved, evaluator, names

#: Columns whose values are free on some rows; and the column that says so by being 0 there.
FREE = {
    # An inverse proves that a change is not 0. Where it is, 0 · inverse = 0 whatever the inverse.
    "ContributionPart._mark_creators: inverse": "ContributionPart._mark_creators: change (linear)",
}


@pytest.mark.parametrize(
    ("solve", "count"), [(main_proof, 1000), (main_proof_of_shards, 500), (shard_proof, 200)]
)
def test_every_mutation_is_rejected(solve: Callable[[], Solved], count: int) -> None:
    """±1, any element, or the next row's value: none goes unnoticed."""
    solved = solve()
    assert solved.violated() == set()
    columns, judge = names(solved.circuit).columns, evaluator(solved.circuit)
    tried = set()
    for name, row, value in mutations(solved, count, random.Random(count)):
        witness = columns[name].start + row
        values = [*solved.values]
        values[witness] = value
        tried.add(name)
        if judge.violations_near([witness], values):
            continue
        assert name in FREE, f"{name} of row {row} may be {value}"
        decides = columns[FREE[name]]
        assert solved.values[decides.start + row] == 0
    assert tried == set(columns)


def test_the_short_way_of_judging_finds_the_same() -> None:
    """Looking only near a changed value misses nothing."""
    solved, rng = main_proof(), random.Random(2)
    judge = evaluator(solved.circuit)
    for name, row, value in list(mutations(solved, 0, rng))[::10]:
        witness = names(solved.circuit).columns[name].start + row
        values = [*solved.values]
        values[witness] = value
        assert judge.violations_near([witness], values) == judge.violations(values)
