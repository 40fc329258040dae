"""The first part of the circuit: contribution rows in runs of one viewer-day.

A row says that a viewer watched a video: *first* (1 on the first row of a viewer-day), *video* (a
slot of the listing), *bin* (furthest retention bin), *seconds*. The constraints make a run of rows
one bounded viewer-day:

    videos strictly increase                  one row per viewer and video
    at most L0 rows, seconds ≤ both bounds    the bounds of the policy
    new_creator = 1 on a creator's first row  creators of a viewer are counted once (creators never
                                              decrease with the video: a rule of the listing)

and end in one number, Σ numerator/(x − place) over all rows: equal to the same sum over exact
totals only if those are the totals of the rows (logarithmic derivatives, Haböck 2022). Rows that
pad the shape stand in a slot of their own, the one after the last.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from analytics_pipeline.core.field import inverse_all
from analytics_pipeline.core.listing import CREATOR_BITS
from analytics_pipeline.proving.acir import Column, Program, Witness
from analytics_pipeline.proving.gadgets import add_up, fractions, linear, pack
from analytics_pipeline.proving.shape import BIN_BITS, Shape

#: A row's numerator is 1 + seconds·2^24 + first·2^58 + new_creator·2^82.
SECONDS_WEIGHT = 1 << 24
FIRST_WEIGHT = 1 << 58
NEW_CREATOR_WEIGHT = 1 << 82

_Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, repr=False)
class Contributions:
    """Rows of one proof: viewers in any order, each one's rows by video. **Private.**"""

    first: _Ints
    video: _Ints
    bin: _Ints
    seconds: _Ints


class ContributionPart:
    """Columns of rows; ``elements`` go into a root, ``sum`` into the balance with the totals."""

    def __init__(self, program: Program, shape: Shape, rows: int, x: Column, owner: Column) -> None:
        """``rows``: of this proof; ``owner``: creator slot of each video slot."""
        self._shape, self._rows = shape, rows
        self.first, self.video, self.bin, self.seconds = (program.column(rows) for _ in range(4))
        program.assert_zero(products=[(1, self.first, self.first)], terms=[(-1, self.first)])
        program.assert_zero(terms=[(1, self.first[0])], constant=-1)
        program.range_check(self.bin, BIN_BITS)
        self._constrain_order(program)
        self._constrain_bounds(program)
        new_creator = self._mark_creators(program, owner)
        self.elements = pack(
            program,
            [
                (self.bin, BIN_BITS),
                (self.video, shape.video_bits),
                (self.seconds, shape.seconds_bits),
                (self.first, 1),
            ],
            shape.rows_per_element,
        )
        weighted = linear(program, [(SECONDS_WEIGHT, self.seconds), (FIRST_WEIGHT, self.first)], 1)
        distance = linear(program, [(1, x), (-1, self.bin), (-(1 << BIN_BITS), self.video)])
        numerator = [(1, weighted), (NEW_CREATOR_WEIGHT, new_creator)]
        self.sum = add_up(program, [fractions(program, numerator, 0, distance)])

    def assign(self, witness: Witness, rows: Contributions) -> None:
        """Set the rows and fill up with padding."""
        padded = pad_rows(self._shape, rows, self._rows)
        witness.set(self.first, padded.first)
        witness.set(self.video, padded.video)
        witness.set(self.bin, padded.bin)
        witness.set(self.seconds, padded.seconds)

    def _constrain_order(self, program: Program) -> None:
        """step = video − previous video − 1 + 2^bits·first is not negative."""
        bits = self._shape.video_bits
        terms = [(1, self.video[1:]), (-1, self.video[:-1]), (1 << bits, self.first[1:])]
        program.range_check(linear(program, terms, -1), bits + 1)

    def _constrain_bounds(self, program: Program) -> None:
        """What a viewer-day has left after each row, of videos and of seconds, is not negative."""
        bounds = self._shape.policy.bounds
        # A read from a table proves 0 ≤ index < entries in fewer gates than two range checks.
        zero = program.constant(0)
        program.read(program.table([0] * (bounds.seconds_per_video + 1)), self.seconds, zero)
        first, previous = self.first[1:], slice(None, -1)
        for limit, taken, bits in (
            (bounds.seconds_per_day, self.seconds, bounds.seconds_per_day.bit_length()),
            (bounds.videos_per_viewer_day, None, bounds.videos_per_viewer_day.bit_length()),
        ):
            left = program.column(self._rows)
            program.range_check(left, bits)
            one = 0 if taken else 1
            start = [] if taken is None else [(1, taken[0])]
            program.assert_zero(terms=[(1, left[0]), *start], constant=one - limit)
            # left = first·limit + (1 − first)·previous left − taken
            program.assert_zero(
                products=[(1, first, left[previous])],
                terms=[
                    (-limit, first),
                    (-1, left[previous]),
                    (1, left[1:]),
                    *([] if taken is None else [(1, taken[1:])]),
                ],
                constant=one,
            )

            def assign(
                witness: Witness,
                left: Column = left,
                limit: int = limit,
                taken: Column | None = taken,
            ) -> None:
                firsts = witness.array(self.first)
                amounts = np.ones_like(firsts) if taken is None else witness.array(taken)
                sums = np.cumsum(amounts)
                starts = np.flatnonzero(firsts)
                before = np.repeat(sums[starts] - amounts[starts], np.diff([*starts, len(firsts)]))
                witness.set(left, limit - (sums - before))

            program.assign(assign)

    def _mark_creators(self, program: Program, owner: Column) -> Column:
        """new_creator = 0 exactly where viewer and creator are those of the row before."""
        rows = self._rows
        # The read also proves that the video is a slot, or that of padding.
        creators = program.table_of([owner, program.constant(0)])
        creator = program.column(rows)
        program.read(creators, self.video, creator)
        new = program.column(rows)
        program.assert_zero(terms=[(1, new[0])], constant=-1)

        # change ≠ 0 if first = 1, whatever the creators: slots differ by less than 2^13.
        def look_up(witness: Witness) -> None:
            slots = np.append(witness.array(owner), 0)
            witness.set(creator, slots[witness.array(self.video)])

        program.assign(look_up)
        change = linear(
            program,
            [(1, creator[1:]), (-1, creator[:-1]), (1 << (CREATOR_BITS - 1), self.first[1:])],
        )
        inverse = program.column(rows - 1)
        program.assert_zero(products=[(1, change, inverse)], terms=[(-1, new[1:])])
        program.assert_zero(products=[(1, change, new[1:])], terms=[(-1, change)])

        def assign(witness: Witness) -> None:
            changes = witness.list(change)
            found = sorted({c for c in changes if c})
            inverses = {0: 0} | dict(zip(found, inverse_all(found), strict=True))
            witness.set(inverse, [inverses[c] for c in changes])
            witness.set(new, [1, *(int(c != 0) for c in changes)])

        program.assign(assign)
        return new


def pad_rows(shape: Shape, rows: Contributions, count: int) -> Contributions:
    """Fill up with viewers that each have one row, in the slot after the last."""

    def pad(values: _Ints, padding: int) -> _Ints:
        return np.pad(values, (0, count - len(values)), constant_values=padding)

    return Contributions(
        pad(rows.first, 1), pad(rows.video, shape.videos), pad(rows.bin, 0), pad(rows.seconds, 0)
    )


def padding_place(shape: Shape) -> int:
    """Where padding rows stand: bin 0 of the slot after the last."""
    return shape.videos << BIN_BITS
