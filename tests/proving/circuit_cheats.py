"""What lies against the circuit are made of: rows, and totals that go with them, bent at will.

Totals are counted here without `proving.tally`, and for rows that no honest day has: in the slot of
padding, in one without a video, in a bin that does not exist, of negative seconds.
"""

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np

from analytics_pipeline.core.field import MODULUS
from analytics_pipeline.core.policy import RETENTION_BINS
from analytics_pipeline.core.regions import CONTINENTS
from analytics_pipeline.proving.contributions import (
    FIRST_WEIGHT,
    NEW_CREATOR_WEIGHT,
    Contributions,
    padding_place,
)
from analytics_pipeline.proving.shape import BIN_BITS, Shape
from analytics_pipeline.proving.stated import stated_sizes
from analytics_pipeline.proving.tally import Totals
from tests.proving.circuit_world import (
    LISTING,
    SHAPE,
    SHARDED,
    Lie,
    Solved,
    names,
    random_day,
    solve_day,
    solve_main,
    solve_shard,
)

#: Any element will do: nothing here depends on how it was chosen.
X = 0x1234567890ABCDEF1234567890ABCDEF1234567890ABCDEF1234567890ABCDE
OWNERS = (*LISTING.creator_of_video, 0)
UNUSED = len(LISTING.videos)
PADDING = SHAPE.videos


@dataclass(frozen=True)
class Row:
    """A contribution row, as it stands in the circuit."""

    first: int
    video: int
    bin: int
    seconds: int


@dataclass
class Sums:
    """Totals that can be bent before they are used."""

    rows: list[int]
    seconds: list[int]
    first: list[int]
    new_creator: list[int]
    creator_viewers: list[int]
    creator_seconds: list[int]
    stated: dict[str, list[int]] = field(default_factory=dict)

    def totals(self) -> Totals:
        stated = {name: np.array(values, np.int64) for name, values in self.stated.items()}
        counted = {k: np.array(v, np.int64) for k, v in vars(self).items() if k != "stated"}
        return Totals(**counted, stated=stated)

    def restate(self, shape: Shape = SHAPE) -> "Sums":
        """State what goes with the other columns: all viewers in the first place there is."""
        viewers = sum(self.first[:-1])
        self.stated = {name: [0] * size for name, size in stated_sizes(shape).items()}
        for name, counts in self.stated.items():
            if name != "creator.continent":
                counts[0] = viewers
        self.stated["creator.continent"][:: len(CONTINENTS)] = self.creator_viewers
        return self


def run(*views: tuple[int, int, int]) -> list[Row]:
    """One viewer-day of (video, bin, seconds)."""
    return [Row(int(n == 0), *view) for n, view in enumerate(views)]


_ROW = "ContributionPart."
_MAIN = "MainCircuit.__init__: "
#: Short names for columns that are lied about.
COLUMNS = {
    "seconds_left": _ROW + "_constrain_bounds: left",
    "videos_left": _ROW + "_constrain_bounds: left #1",
    "creator": _ROW + "_mark_creators: creator",
    "new": _ROW + "_mark_creators: new",
    "inverse": _ROW + "_mark_creators: inverse",
    "figure_sum": _MAIN + "public (public) #1",
    "tally_root": _MAIN + "public (public) #3",
    "catalogue_root": _MAIN + "public (public) #4",
    "seed_commitment": _MAIN + "public (public) #5",
    "video_used": "ListingPart.__init__: video_used",
    "owner": "ListingPart.__init__: owner",
    "video_names": "ListingPart.__init__: video_names",
}

#: Four viewers. Two share (video 0, bin 3), two share (video 2, bin 7), two share (video 4, bin 5).
HONEST = [
    *run((0, 3, 100), (2, 7, 200)),
    *run((0, 3, 900), (1, 0, 50)),
    *run((2, 7, 10), (3, 19, 900), (4, 5, 900)),
    *run((4, 5, 0)),
]


def cell(video: int, retention_bin: int) -> int:
    """Position of a cell among the totals."""
    return video * RETENTION_BINS + retention_bin


def add_up(
    rows: Sequence[Row],
    shape: Shape = SHAPE,
    flags: Sequence[int] | None = None,
    owners: Sequence[int] = OWNERS,
) -> Sums:
    """Totals of rows and of the padding after them.

    Args:
        flags: new_creator of each row, if it is not what it should be.
        owners: creator of each video slot.
    """
    size, sums = shape.cells, Sums([], [], [], [], [], [])
    sums.rows, sums.seconds, sums.first, sums.new_creator = ([0] * size for _ in range(4))
    sums.creator_viewers, sums.creator_seconds = ([0] * shape.creators for _ in range(2))
    flags = flags or new_creators(rows, owners)
    for row, new in zip(rows, flags, strict=True):
        video, place = divmod((row.video << BIN_BITS) + row.bin, 1 << BIN_BITS)
        where = cell(video, place) if video < shape.videos else size - 1
        sums.rows[where] += 1
        sums.seconds[where] += row.seconds
        sums.first[where] += row.first
        sums.new_creator[where] += new
        if video < shape.videos:
            sums.creator_viewers[owners[video]] += new
            sums.creator_seconds[owners[video]] += row.seconds
    missing = shape.all_rows - len(rows)
    for column in (sums.rows, sums.first, sums.new_creator):
        column[-1] += missing
    return sums.restate(shape)


def new_creators(rows: Sequence[Row], owners: Sequence[int] = OWNERS) -> list[int]:
    """The flag of each row: viewer or creator is not that of the row before."""
    owners = [*owners, 0, 0]
    changes = [
        int(row.first != 0 or owners[row.video] != owners[before.video])
        for before, row in pairwise(rows)
    ]
    return [1, *changes][: len(rows)]


def arrays(rows: Sequence[Row]) -> Contributions:
    """Rows as the circuit takes them."""
    return Contributions(
        *(
            np.array([getattr(row, name) for row in rows], np.int64)
            for name in ("first", "video", "bin", "seconds")
        )
    )


def tell(
    rows: Sequence[Row] = HONEST,
    sums: Sums | None = None,
    **lies: Lie,
) -> Solved:
    """The witness of rows with these totals; and of lies about columns (`COLUMNS`)."""
    named = {COLUMNS[name]: lie for name, lie in lies.items()}
    return tell_all(rows, sums, named)


def tell_all(
    rows: Sequence[Row] = HONEST,
    sums: Sums | None = None,
    lies: Mapping[str, Lie] | None = None,
    **others: Any,
) -> Solved:
    """The same, with columns by full name and what else `solve_main` takes."""
    return solve_main(SHAPE, arrays(rows), (sums or add_up(rows)).totals(), X, lies or {}, **others)


def at(position: int, value: int) -> Lie:
    """A lie about one value of a column."""
    return lambda _, honest: [*honest[:position], value, *honest[position + 1 :]]


def plus(amount: int, position: int = 0) -> Lie:
    """A lie that adds to one value of a column."""
    return lambda _, honest: [v + amount * (n == position) for n, v in enumerate(honest)]


def change(edit: Callable[[list[int]], None]) -> Lie:
    """A lie that edits a column's values in place."""

    def lie(_: object, honest: list[int]) -> list[int]:
        edit(honest)
        return honest

    return lie


def column_of(solved: Solved, name: str) -> list[int]:
    """The values of a column, by short or full name."""
    column = names(solved.circuit).columns[COLUMNS.get(name, name)]
    return [int(value) for value in solved.witness.list(column)]


# ---- honest proofs that mutations start from -----------------------------------


def main_proof() -> Solved:
    """A main proof: viewers of many kinds, a little padding, slots used and unused."""
    return solve_day(random_day(random.Random(1), 70))


def main_proof_of_shards() -> Solved:
    """A main proof of two row shards that are nothing but padding."""
    padding = SHARDED.shard_rows * pow(X - padding_place(SHARDED), -1, MODULUS)
    padding = padding * (1 + FIRST_WEIGHT + NEW_CREATOR_WEIGHT) % MODULUS
    shards = [(7, padding, 8), (9, padding, 10)]
    return solve_main(SHARDED, arrays(HONEST), add_up(HONEST, SHARDED).totals(), X, shards=shards)


def shard_proof() -> Solved:
    """A row shard."""
    return solve_shard(SHARDED, arrays(HONEST), X)


def mutations(solved: Solved, count: int, rng: random.Random) -> Iterator[tuple[str, int, int]]:
    """(column, row, other value): every column once, then columns and rows at random."""
    columns = names(solved.circuit).columns
    chosen = [*columns, *rng.choices(list(columns), k=max(0, count - len(columns)))]
    for name in chosen:
        column = columns[name]
        row = rng.randrange(len(column))
        value = solved.values[column.start + row]
        neighbour = solved.values[column.start + (row + 1) % len(column)]
        others = (value + 1, value - 1, rng.randrange(MODULUS), neighbour)
        yield name, row, rng.choice([v for v in others if v != value]) % MODULUS
