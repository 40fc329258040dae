"""Exact totals of contribution rows, and the roots that commit to both; outside the circuit.

    rows root    rows of one shard, packed and salted
    tally root   rows of the main proof, totals, and the rows roots of all shards, salted

The circuit computes the same (`contributions`, `totals`); tests hold them against each other.
**Private**, except the roots.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from analytics_pipeline.core.listing import Listing
from analytics_pipeline.core.policy import RETENTION_BINS
from analytics_pipeline.core.poseidon2 import hash_elements
from analytics_pipeline.proving.contributions import Contributions, pad_rows
from analytics_pipeline.proving.gadgets import pack_values
from analytics_pipeline.proving.shape import BIN_BITS, ELEMENT_BITS, Shape
from analytics_pipeline.proving.stated import STATED, pad_stated, stated_per_element

TALLY_LABEL: Final = "viewership/tally/1"
ROWS_LABEL: Final = "viewership/rows/1"

_Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, repr=False)
class Totals:
    """Cells (videos × bins, then the padding cell), creators, and by query what is stated.
    **Private.**"""

    rows: _Ints
    seconds: _Ints
    first: _Ints
    new_creator: _Ints
    creator_viewers: _Ints
    creator_seconds: _Ints
    stated: Mapping[str, _Ints]


def total_up(
    shape: Shape,
    listing: Listing,
    sections: Sequence[Contributions],
    stated: Mapping[str, _Ints],
) -> Totals:
    """The totals of all rows of a day; what is missing to the shape counts as padding.

    Args:
        stated: counts by query (`proving.stated`), for the keys that are listed.
    """
    first = np.concatenate([section.first for section in sections])
    video = np.concatenate([section.video for section in sections])
    seconds = np.concatenate([section.seconds for section in sections])
    cell = video * RETENTION_BINS + np.concatenate([section.bin for section in sections])
    creator = np.array(listing.creator_of_video, np.int64)[video] if len(video) else video
    new_creator = first.copy()
    new_creator[1:] |= creator[1:] != creator[:-1]
    padding = shape.all_rows - len(first)

    def cells(amounts: _Ints, padding: int) -> _Ints:
        sums = _count(cell, amounts, shape.cells)
        sums[-1] += padding
        return sums

    return Totals(
        rows=cells(np.ones_like(first), padding),
        seconds=cells(seconds, 0),
        first=cells(first, padding),
        new_creator=cells(new_creator, padding),
        creator_viewers=_count(creator, new_creator, shape.creators),
        creator_seconds=_count(creator, seconds, shape.creators),
        stated=pad_stated(shape, stated),
    )


def rows_root(shape: Shape, rows: Contributions, salt: int) -> int:
    """Commitment to the rows of one shard."""
    return hash_elements(ROWS_LABEL, salt, _row_elements(shape, rows, shape.shard_rows))


def tally_root(
    shape: Shape, rows: Contributions, totals: Totals, rows_roots: Sequence[int], salt: int
) -> int:
    """Commitment to all contributions of a day and their totals."""
    elements = _row_elements(shape, rows, shape.rows)
    elements += _total_elements(shape, totals)
    return hash_elements(TALLY_LABEL, salt, [*elements, *rows_roots])


def _row_elements(shape: Shape, rows: Contributions, count: int) -> list[int]:
    padded = pad_rows(shape, rows, count)
    fields = [
        (padded.bin.tolist(), BIN_BITS),
        (padded.video.tolist(), shape.video_bits),
        (padded.seconds.tolist(), shape.seconds_bits),
        (padded.first.tolist(), 1),
    ]
    return pack_values(fields, shape.rows_per_element)


def _total_elements(shape: Shape, totals: Totals) -> list[int]:
    count, seconds = shape.count_bits, shape.total_seconds_bits
    records = [
        [
            (totals.rows, count),
            (totals.seconds, seconds),
            (totals.first, count),
            (totals.new_creator, count),
        ],
        [(totals.creator_viewers, count), (totals.creator_seconds, seconds)],
    ]
    elements: list[int] = []
    for record in records:
        fields = [(values.tolist(), bits) for values, bits in record]
        elements += pack_values(fields, ELEMENT_BITS // sum(bits for _, bits in record))
    counts = np.concatenate([totals.stated[each.query] for each in STATED]).tolist()
    return elements + pack_values([(counts, count)], stated_per_element(shape))


def _count(places: _Ints, amounts: _Ints, size: int) -> _Ints:
    sums = np.zeros(size, np.int64)
    np.add.at(sums, places, amounts)
    return sums
