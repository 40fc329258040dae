"""The whole circuits: what is public, and how the parts fit together (spec/proof.md).

    main    x, figure sum, nonce, tally root, catalogue root, seed commitment,
            then of each row shard its rows root and the commitment to its sum
    shard   x, catalogue root, rows root, sum commitment

Belongs here: the order of public inputs and of what the tally root is over.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from analytics_pipeline.core.listing import Listing
from analytics_pipeline.core.sampler import SEED_LABEL
from analytics_pipeline.proving.acir import Column, Program, Witness
from analytics_pipeline.proving.contributions import ContributionPart, Contributions
from analytics_pipeline.proving.figures import FigurePart
from analytics_pipeline.proving.gadgets import hash_columns, hash_pair, linear
from analytics_pipeline.proving.shape import Shape
from analytics_pipeline.proving.tally import ROWS_LABEL, TALLY_LABEL, Totals
from analytics_pipeline.proving.totals import ListingPart, TotalsPart

SUM_LABEL: Final = "viewership/sum/1"


@dataclass(frozen=True, repr=False)
class MainInputs:
    """Everything a main proof is computed from. **Private**, except listing, x and nonce."""

    rows: Contributions
    totals: Totals
    listing: Listing
    salt: int
    seed: int
    seed_salt: int
    nonce: int
    x: int
    #: Of each row shard: its rows root, its sum and what blinds it.
    rows_roots: Sequence[int] = ()
    sums: Sequence[int] = ()
    blinds: Sequence[int] = ()


class MainCircuit:
    """Rows, totals and figures of a day, and the sums of its row shards."""

    def __init__(self, shape: Shape) -> None:
        self.shape = shape
        program = self.program = Program()
        public = program.public(6 + 2 * shape.shards)
        self._x, self._figure_sum, self._nonce, self._tally_root = public[:4]
        self._catalogue_root, self._seed_commitment = public[4:6]
        self._rows_roots, self._sum_commitments = public[6::2], public[7::2]
        self._salt, self._seed, self._seed_salt = (program.column() for _ in range(3))
        self._sums = [program.column() for _ in range(shape.shards)]
        self._blinds = [program.column() for _ in range(shape.shards)]
        self.listing = ListingPart(program, shape, self._catalogue_root)
        self.rows = ContributionPart(program, shape, shape.rows, self._x, self.listing.owner)
        total = self._add_shards()
        self.totals = TotalsPart(program, shape, self._x, self.listing, total)
        elements = [self.rows.elements, *self.totals.elements, *self._rows_roots]
        root = hash_columns(program, TALLY_LABEL, self._salt, elements)
        program.assert_zero(terms=[(1, root), (-1, self._tally_root)])
        commitment = hash_pair(program, SEED_LABEL, self._seed, self._seed_salt)
        program.assert_zero(terms=[(1, commitment), (-1, self._seed_commitment)])
        self.figures = FigurePart(
            program,
            shape,
            self._x,
            self.listing,
            self.totals.exact,
            self._seed,
            self._nonce,
        )
        program.assert_zero(terms=[(1, self.figures.sum), (-1, self._figure_sum)])
        results = [
            (self._tally_root, root),
            (self._catalogue_root, self.listing.root),
            (self._seed_commitment, commitment),
            (self._figure_sum, self.figures.sum),
        ]
        for public_input, computed in results:
            program.assign(_copy(computed, public_input))

    def solve(self, inputs: MainInputs) -> Witness:
        """The witness; its first values are the public inputs."""
        witness = Witness(self.program)
        for column, value in (
            (self._x, inputs.x),
            (self._nonce, inputs.nonce),
            (self._salt, inputs.salt),
            (self._seed, inputs.seed),
            (self._seed_salt, inputs.seed_salt),
            *zip(self._rows_roots, inputs.rows_roots, strict=True),
            *zip(self._sums, inputs.sums, strict=True),
            *zip(self._blinds, inputs.blinds, strict=True),
        ):
            witness.set(column, [value])
        self.rows.assign(witness, inputs.rows)
        self.listing.assign(witness, inputs.listing)
        self.totals.assign(witness, inputs.totals)
        return witness.solve()

    def _add_shards(self) -> Column:
        program = self.program
        total = self.rows.sum
        for amount, blind, expected in zip(
            self._sums, self._blinds, self._sum_commitments, strict=True
        ):
            committed = hash_pair(program, SUM_LABEL, amount, blind)
            program.assert_zero(terms=[(1, committed), (-1, expected)])
            program.assign(_copy(committed, expected))
            total = linear(program, [(1, total), (1, amount)])
        return total


@dataclass(frozen=True, repr=False)
class ShardInputs:
    """What a row shard's proof is computed from. **Private**, except x."""

    rows: Contributions
    listing: Listing
    salt: int
    blind: int
    x: int


class ShardCircuit:
    """More rows of a day: their root, and their sum behind a commitment."""

    def __init__(self, shape: Shape) -> None:
        self.shape = shape
        program = self.program = Program()
        self._x, catalogue_root, rows_root, sum_commitment = program.public(4)
        self._salt, self._blind = program.column(), program.column()
        self.listing = ListingPart(program, shape, catalogue_root)
        self.rows = ContributionPart(program, shape, shape.shard_rows, self._x, self.listing.owner)
        root = hash_columns(program, ROWS_LABEL, self._salt, [self.rows.elements])
        committed = hash_pair(program, SUM_LABEL, self.rows.sum, self._blind)
        for computed, public in ((root, rows_root), (committed, sum_commitment)):
            program.assert_zero(terms=[(1, computed), (-1, public)])
            program.assign(_copy(computed, public))
        program.assign(_copy(self.listing.root, catalogue_root))

    def solve(self, inputs: ShardInputs) -> Witness:
        """The witness; its first values are the public inputs."""
        witness = Witness(self.program)
        for column, value in (
            (self._x, inputs.x),
            (self._salt, inputs.salt),
            (self._blind, inputs.blind),
        ):
            witness.set(column, [value])
        self.listing.assign(witness, inputs.listing)
        self.rows.assign(witness, inputs.rows)
        return witness.solve()


def _copy(source: Column, target: Column) -> Callable[[Witness], None]:
    return lambda witness: witness.set(target, witness.list(source))
