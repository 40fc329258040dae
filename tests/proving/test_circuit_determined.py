"""Given what is committed, every other value of a witness follows: there is one witness, not two.

`Follower` knows some witnesses and finds out which others they leave no choice: the only unknown of
a linear equation, the outputs of a permutation, the value at a known index. It stops where a range
check decides; those columns are listed in `DECIDED`, each with the argument for it. Mutating single
cells (`test_circuit_mutations`) would not find two values that could change together; this does.
"""

from collections import deque
from collections.abc import Callable

import pytest

from analytics_pipeline.core.field import MODULUS
from analytics_pipeline.proving.acir import AssertZero, Operation, Permute, Read
from tests.proving.acir_evaluator import place, row_count
from tests.proving.circuit_cheats import main_proof, main_proof_of_shards, shard_proof
from tests.proving.circuit_world import Solved, evaluator, names

_PUBLIC = "MainCircuit.__init__: public (public)"
#: What a verifier knows (x, nonce, rows roots) and what the prover brings, bound by roots and
#: commitments. T and the roots are not here: they follow.
BROUGHT = frozenset(
    (
        *(_PUBLIC, f"{_PUBLIC} #2", f"{_PUBLIC} #6", f"{_PUBLIC} #8"),
        *(f"MainCircuit.__init__: {name}" for name in ("salt", "seed", "seed_salt")),
        *(f"MainCircuit.__init__: {name}" for name in ("sums", "sums #1", "blinds", "blinds #1")),
        *(f"ShardCircuit.__init__: {name}" for name in ("x (public)", "salt", "blind")),
        *(
            f"ListingPart.__init__: {scope}_{what}"
            for scope in ("video", "creator")
            for what in ("names", "used")
        ),
        "ListingPart.__init__: owner",
        *(f"ContributionPart.__init__: {name}" for name in ("first", "video", "bin", "seconds")),
        *(f"TotalsPart.__init__: cells{number}" for number in ("", " #1", " #2", " #3")),
        *(f"TotalsPart.__init__: {name}" for name in ("creator_viewers", "creator_seconds")),
        "StatedPart.__init__: counts",
    )
)
#: What range checks decide. Digits: a word has one reading, for every digit and dither is below the
#: next one's weight, and the largest word of digits is below r; a digit lies in one place of its
#: table, for inside + outside = width − 1. Shown: the other answer has a negative slack.
DECIDED = (
    *(f"DrawPart.__init__: {name}" for name in ("places", "inside", "dithers")),
    "FigurePart._release: shown",
)
#: An inverse of 0 is never used.
UNUSED = {"ContributionPart._mark_creators: inverse"}


class Follower:
    """Which witnesses follow from others, at the values of one honest witness."""

    def __init__(self, solved: Solved) -> None:
        self._values = solved.values
        self._operations = solved.circuit.program.operations
        self._rows = evaluator(solved.circuit).rows_of_witness
        self.known: set[int] = set()

    def start(self) -> None:
        """Rows with no unknown but one, before anything is known: constants."""
        for operation in self._operations:
            for row in range(row_count(operation)):
                self._look(operation, row, deque())
        self.learn(list(self.known))

    def learn(self, witnesses: list[int]) -> None:
        """These are known, and so is what follows from them."""
        self.known.update(witnesses)
        waiting = deque(witnesses)
        while waiting:
            for number, row in self._rows[waiting.popleft()]:
                self._look(self._operations[number], row, waiting)

    def _look(self, operation: Operation, row: int, waiting: "deque[int]") -> None:
        found: list[int] = []
        if isinstance(operation, AssertZero):
            found = self._solve(operation, row)
        elif isinstance(operation, Permute):
            if all(place(column, row) in self.known for column in operation.inputs):
                found = [place(column, row) for column in operation.outputs]
        elif isinstance(operation, Read) and place(operation.index, row) in self.known:
            found = [place(operation.value, row)]
        new = [witness for witness in found if witness not in self.known]
        self.known.update(new)
        waiting.extend(new)

    def _solve(self, operation: AssertZero, row: int) -> list[int]:
        """The one unknown of an equation, if there is one."""
        factors: dict[int, int] = {}

        def add(witness: int, factor: int) -> None:
            if witness not in self.known:
                factors[witness] = (factors.get(witness, 0) + factor) % MODULUS

        for coefficient, a, b in operation.products:
            factor = coefficient if isinstance(coefficient, int) else coefficient[row]
            one, other = place(a, row), place(b, row)
            if one not in self.known and other not in self.known:
                return []
            add(one, factor * self._values[other])
            add(other, factor * self._values[one])
        for coefficient, a in operation.terms:
            add(place(a, row), coefficient if isinstance(coefficient, int) else coefficient[row])
        unknown = [witness for witness, factor in factors.items() if factor]
        return unknown if len(unknown) == 1 else []


@pytest.mark.parametrize("solve", [main_proof, main_proof_of_shards, shard_proof])
def test_everything_follows(solve: Callable[[], Solved]) -> None:
    """Nothing is left open but inverses of 0."""
    solved = solve()
    columns = names(solved.circuit).columns
    follower = Follower(solved)
    follower.start()

    def learn(name: str) -> None:
        follower.learn([int(witness) for witness in columns[name].witnesses])

    for name in BROUGHT & columns.keys():
        learn(name)
    decided = [name for name in columns if name.split(" #")[0] in DECIDED]
    assert not any(columns[name].start in follower.known for name in decided)
    for name in decided:
        learn(name)
    open_columns = {
        name
        for name, column in columns.items()
        if any(int(witness) not in follower.known for witness in column.witnesses)
    }
    assert open_columns == UNUSED
    change = columns["ContributionPart._mark_creators: change (linear)"]
    inverse = columns["ContributionPart._mark_creators: inverse"]
    for row in range(len(inverse)):
        known = inverse.start + row in follower.known
        assert known == (solved.values[change.start + row] != 0)
