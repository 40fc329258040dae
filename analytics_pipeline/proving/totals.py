"""The second part of the circuit: the listing, and the exact totals of the rows. **Private.**

    cell (video, bin)   rows, seconds, first rows of viewers, first rows of a viewer's creator
    video               the sums of its cells
    creator             viewers (= first rows of the creator) and seconds over its videos
    stated              viewers of each region, provider, …: see `stated`
    platform            viewers, rows, seconds over all cells

That cells are the totals of the rows is one equation between logarithmic derivatives in x (see
`contributions`), that creators are the totals of their videos a second one. Totals are committed
before x is known, like the rows: they could be bent to any x otherwise.
"""

from dataclasses import dataclass

from analytics_pipeline.core.listing import (
    CREATOR_BITS,
    FLAGS_PER_ELEMENT,
    ROOT_LABEL,
    SLOTS_PER_ELEMENT,
    Listing,
    name_of,
)
from analytics_pipeline.core.policy import RETENTION_BINS
from analytics_pipeline.proving.acir import Column, Program, Witness
from analytics_pipeline.proving.contributions import (
    FIRST_WEIGHT,
    NEW_CREATOR_WEIGHT,
    SECONDS_WEIGHT,
    padding_place,
)
from analytics_pipeline.proving.gadgets import (
    add_up,
    fractions,
    hash_columns,
    linear,
    pack,
    sum_groups,
)
from analytics_pipeline.proving.shape import BIN_BITS, ELEMENT_BITS, Shape
from analytics_pipeline.proving.stated import StatedPart
from analytics_pipeline.proving.tally import Totals


class ListingPart:
    """Names, owners and used slots; all of it public through the catalogue root."""

    def __init__(self, program: Program, shape: Shape, root: Column) -> None:
        self._shape = shape
        self.video_names = program.column(shape.videos)
        self.creator_names = program.column(shape.creators)
        self.owner = program.column(shape.videos)
        self.video_used = program.column(shape.videos)
        self.creator_used = program.column(shape.creators)
        program.range_check(self.owner, CREATOR_BITS - 1)
        program.range_check(self.video_used, 1)
        program.range_check(self.creator_used, 1)
        owners = pack(
            program, [(self.video_used, 1), (self.owner, CREATOR_BITS - 1)], SLOTS_PER_ELEMENT
        )
        flags = pack(program, [(self.creator_used, 1)], FLAGS_PER_ELEMENT)
        names = [self.video_names, self.creator_names]
        computed = hash_columns(program, ROOT_LABEL, program.constant(0), [*names, owners, flags])
        program.assert_zero(terms=[(1, computed), (-1, root)])
        self.root = computed

    def assign(self, witness: Witness, listing: Listing) -> None:
        videos, creators = self._shape.videos, self._shape.creators

        def fill(values: list[int], slots: int) -> list[int]:
            return [*values, *([0] * (slots - len(values)))]

        names = [name_of("video", video_id) for video_id in listing.video_ids]
        witness.set(self.video_names, fill(names, videos))
        names = [name_of("creator", creator_id) for creator_id in listing.creator_ids]
        witness.set(self.creator_names, fill(names, creators))
        witness.set(self.owner, fill(list(listing.creator_of_video), videos))
        witness.set(self.video_used, fill([1] * len(listing.video_ids), videos))
        witness.set(self.creator_used, fill([1] * len(listing.creator_ids), creators))


@dataclass(frozen=True)
class _Cells:
    rows: Column
    seconds: Column
    first: Column
    new_creator: Column

    def __getitem__(self, key: slice) -> "_Cells":
        return _Cells(self.rows[key], self.seconds[key], self.first[key], self.new_creator[key])


class TotalsPart:
    """Exact totals; ``exact`` names them by query, ``elements`` go into the tally root."""

    def __init__(
        self, program: Program, shape: Shape, x: Column, listing: ListingPart, rows: Column
    ) -> None:
        """``rows``: the sum over all rows of the day."""
        self._shape, self._x, self._listing = shape, x, listing
        cells = _Cells(*(program.column(shape.cells) for _ in range(4)))
        self._cells = cells
        self._creator_viewers, self._creator_seconds = (
            program.column(shape.creators) for _ in range(2)
        )
        self._stated = StatedPart(program, shape)
        self._constrain_widths(program)
        self._balance_rows(program, rows)
        of_video = cells[slice(0, shape.videos * RETENTION_BINS)]
        views = sum_groups(program, of_video.rows, RETENTION_BINS)
        seconds = sum_groups(program, of_video.seconds, RETENTION_BINS)
        first = sum_groups(program, of_video.first, RETENTION_BINS)
        new_creator = sum_groups(program, of_video.new_creator, RETENTION_BINS)
        # no rows on a slot without a video
        program.assert_zero(products=[(-1, views, listing.video_used)], terms=[(1, views)])
        self._balance_creators(program, new_creator, seconds)
        viewers = add_up(program, [first])
        self.exact: dict[str, Column] = {
            "creator.viewers": self._creator_viewers,
            "creator.watch_seconds": self._creator_seconds,
            "platform.viewers": viewers,
            "platform.views": add_up(program, [views]),
            "platform.watch_seconds": add_up(program, [seconds]),
            "video.furthest_bin": of_video.rows,
            "video.viewers": views,
            "video.watch_seconds": seconds,
            **self._stated.exact,
        }
        self._stated.constrain(program, self.exact)

    def assign(self, witness: Witness, totals: Totals) -> None:
        cells = self._cells
        witness.set(cells.rows, totals.rows)
        witness.set(cells.seconds, totals.seconds)
        witness.set(cells.first, totals.first)
        witness.set(cells.new_creator, totals.new_creator)
        witness.set(self._creator_viewers, totals.creator_viewers)
        witness.set(self._creator_seconds, totals.creator_seconds)
        self._stated.assign(witness, totals.stated)

    def _constrain_widths(self, program: Program) -> None:
        count, seconds = self._shape.count_bits, self._shape.total_seconds_bits
        cells = self._cells
        fields = [
            (cells.rows, count),
            (cells.seconds, seconds),
            (cells.first, count),
            (cells.new_creator, count),
        ]
        creators = [(self._creator_viewers, count), (self._creator_seconds, seconds)]
        for column, bits in [*fields, *creators]:
            program.range_check(column, bits)
        self.elements = [
            pack(program, record, ELEMENT_BITS // sum(bits for _, bits in record))
            for record in (fields, creators)
        ]
        self.elements.append(self._stated.elements)

    def _balance_rows(self, program: Program, rows: Column) -> None:
        """Σ over cells = Σ over rows."""
        shape, cells = self._shape, self._cells
        word = linear(
            program,
            [
                (1, cells.rows),
                (SECONDS_WEIGHT, cells.seconds),
                (FIRST_WEIGHT, cells.first),
                (NEW_CREATOR_WEIGHT, cells.new_creator),
            ],
        )
        end = shape.videos * RETENTION_BINS
        places = [v << BIN_BITS | b for v in range(shape.videos) for b in range(RETENTION_BINS)]
        parts = [
            fractions(program, [(1, word[:end])], 0, self._x, places),
            fractions(program, [(1, word[end])], 0, self._x, padding_place(shape)),
        ]
        program.assert_zero(terms=[(1, add_up(program, parts)), (-1, rows)])

    def _balance_creators(self, program: Program, viewers: Column, seconds: Column) -> None:
        """Σ over videos at their creator's slot = Σ over creators at their slot."""
        distance = linear(program, [(1, self._x), (-1, self._listing.owner)])
        videos = fractions(program, [(1, viewers), (SECONDS_WEIGHT, seconds)], 0, distance)
        slots = list(range(self._shape.creators))
        creators = fractions(
            program,
            [(1, self._creator_viewers), (SECONDS_WEIGHT, self._creator_seconds)],
            0,
            self._x,
            slots,
        )
        terms = [(1, add_up(program, [videos])), (-1, add_up(program, [creators]))]
        program.assert_zero(terms=terms)
