"""Noise inside the circuit: words from Poseidon2, their digits, and the place of each in a table.

Drawn as `core.sampler` says. A digit's place n in a table is proved by reading the thresholds there
and at n + 1: digit = low + inside and low + inside + outside + 1 = high, neither negative, so there
is exactly one such n; the digits of a word are unique because the first one's range ends below the
field's modulus.
"""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from analytics_pipeline.core.gaussian import thresholds
from analytics_pipeline.core.policy import Query
from analytics_pipeline.core.poseidon2 import label_element
from analytics_pipeline.core.sampler import NOISE_LABEL, block_input, draw_words, word_format
from analytics_pipeline.proving.acir import Coefficient, Column, Program, Witness
from analytics_pipeline.proving.gadgets import linear
from analytics_pipeline.proving.shape import round_up

#: Range checks in whole limbs of Barretenberg's tables cost least.
_LIMB_BITS = 14


@dataclass(frozen=True)
class Places:
    """The table of a distribution: where each place begins, and where the last one ends."""

    program: Program
    entries: Column
    #: of the widest place
    bits: int
    table: int

    @cached_property
    def _table_of_ends(self) -> int:
        return self.program.table_of([self.entries[1:]])

    def read(self, places: Column, lows: Column, highs: Column) -> None:
        """The thresholds of places, and those of the places after them."""
        self.program.read(self.table, places, lows)
        # An index of its own costs a gate a draw, a second table three an entry.
        if len(places) > 3 * len(self.entries):
            self.program.read(self._table_of_ends, places, highs)
        else:
            following = linear(self.program, [(1, places)], 1)
            self.program.read(self.table, following, highs)


class Tables:
    """Thresholds of each distribution, in the program once."""

    def __init__(self, program: Program) -> None:
        self._program = program
        self._known: dict[tuple[int, int], Places] = {}

    def get(self, sigma_thousandths: int, digit_range: int) -> Places:
        key = sigma_thousandths, digit_range
        if key not in self._known:
            steps = thresholds(sigma_thousandths, digit_range)
            widest = max(b - a - 1 for a, b in itertools.pairwise(steps))
            bits = round_up(widest.bit_length(), _LIMB_BITS)
            entries = self._program.constants(steps)
            table = self._program.table_of([entries])
            self._known[key] = Places(self._program, entries, bits, table)
        return self._known[key]


class DrawPart:
    """The draws of one query. ``place`` and ``dither`` have a row for every figure of ``count``."""

    def __init__(
        self,
        program: Program,
        tables: Tables,
        number: int,
        query: Query,
        count: int,
        seed: Column,
        nonce: Column,
    ) -> None:
        self._number, self._query = number, query
        self._format = word_format(query.unit)
        per = len(self._format.digit_ranges)
        self._blocks = -(-count // (3 * per))
        padded = 3 * per * self._blocks
        self._words = [program.column(self._blocks) for _ in range(4)]
        inputs = program.constants([block_input(number, k) for k in range(self._blocks)])
        label = program.constant(label_element(NOISE_LABEL))
        rows = [seed, nonce, inputs, label]
        program.permute(rows, self._words)
        self._places = program.column(padded)
        self._lows, self._highs, self._inside, self._outside = (
            program.column(padded) for _ in range(4)
        )
        self._dithers = program.column(padded) if query.unit > 1 else None
        program.assign(self._assign)
        self._look_up(program, tables)
        if self._dithers is not None:
            bits = (query.unit - 1).bit_length()
            program.range_check(self._dithers, bits)
            program.range_check(linear(program, [(-1, self._dithers)], query.unit - 1), bits)
        self._compose(program)
        self._seed, self._nonce = seed, nonce
        self.place = self._places[:count]
        self.dither = None if self._dithers is None else self._dithers[:count]

    def _look_up(self, program: Program, tables: Tables) -> None:
        ranges = self._format.digit_ranges
        groups = {r: [j for j, other in enumerate(ranges) if other == r] for r in ranges}
        for digit_range, digits in groups.items():
            table = tables.get(self._query.sigma_thousandths, digit_range)
            slices = (
                [slice(None)]
                if len(digits) == len(ranges)
                else [slice(j, None, len(ranges)) for j in digits]
            )
            for rows in slices:
                table.read(self._places[rows], self._lows[rows], self._highs[rows])
                program.range_check(self._inside[rows], table.bits)
                program.range_check(self._outside[rows], table.bits)
        terms = [(1, self._highs), (-1, self._lows), (-1, self._inside), (-1, self._outside)]
        program.assert_zero(terms=terms, constant=-1)

    def _compose(self, program: Program) -> None:
        """word = Σ weight·digit + Σ weight·dither."""
        per = len(self._format.digit_ranges)
        for output in range(3):
            terms: list[tuple[Coefficient, Column]] = [(-1, self._words[output])]
            for digit in range(per):
                rows = slice(output * per + digit, None, 3 * per)
                weight = self._format.digit_weights[digit]
                terms += [(weight, self._lows[rows]), (weight, self._inside[rows])]
                if self._dithers is not None:
                    terms.append((self._format.dither_weights[digit], self._dithers[rows]))
            program.assert_zero(terms=terms)

    def _assign(self, witness: Witness) -> None:
        drawn = draw_words(
            witness.value(self._seed),
            witness.value(self._nonce),
            self._number,
            self._query,
            self._blocks,
        )
        for column, values in zip(self._words, zip(*drawn.states, strict=True), strict=True):
            witness.set(column, list(values))
        steps = [thresholds(self._query.sigma_thousandths, r) for r in self._format.digit_ranges]
        per = len(steps)
        lows = [steps[i % per][n] for i, n in enumerate(drawn.places)]
        highs = [steps[i % per][n + 1] for i, n in enumerate(drawn.places)]
        witness.set(self._places, drawn.places)
        witness.set(self._lows, lows)
        witness.set(self._highs, highs)
        pairs = list(zip(drawn.digits, lows, highs, strict=True))
        witness.set(self._inside, [d - low for d, low, _ in pairs])
        witness.set(self._outside, [high - 1 - d for d, _, high in pairs])
        if self._dithers is not None:
            witness.set(self._dithers, drawn.dithers)


def noise_terms(query: Query, draws: DrawPart, rows: slice) -> Sequence[tuple[int, Column]]:
    """The noise of some figures as linear terms; `noise_offset` completes it."""
    terms = [(query.unit, draws.place[rows])]
    return terms if draws.dither is None else [*terms, (1, draws.dither[rows])]
