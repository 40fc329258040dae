"""Shapes: the sizes for which a circuit, and so a verification key, exists.

A day is proved in the smallest shape that holds it; rows, viewers, videos and creators are padded
up to it, so that a proof tells no more about a day than its shape. Belongs here: sizes and what
follows from them. Which shapes are published is in `circuits`.
"""

import hashlib
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from analytics_pipeline.core import canonical
from analytics_pipeline.core.errors import InvalidInput
from analytics_pipeline.core.field import MODULUS
from analytics_pipeline.core.policy import RETENTION_BINS, Policy

#: Bits of a field element that packing may use.
ELEMENT_BITS: Final = 253
BIN_BITS: Final = (RETENTION_BINS - 1).bit_length()
#: Sums of so many rows and seconds do not run into each other (`contributions`).
MOST_ROWS: Final = 2**24 - 1
MOST_SECONDS: Final = 2**34 - 1


@dataclass(frozen=True)
class Shape:
    """Rows of the main proof and of each row shard, how many shards, and slots of the listing."""

    rows: int
    shard_rows: int
    shards: int
    videos: int
    creators: int
    policy: Policy

    def __post_init__(self) -> None:
        if self.rows % (3 * self.rows_per_element) or self.shard_rows % (3 * self.rows_per_element):
            raise InvalidInput("shape.rows", "must fill whole permutations")
        if bool(self.shards) != bool(self.shard_rows):
            raise InvalidInput("shape.shards", "have rows, and nothing else has")
        if self.all_rows > MOST_ROWS:
            raise InvalidInput("shape.rows", f"must be at most {MOST_ROWS} over all proofs")
        if self.all_rows * self.policy.bounds.seconds_per_video > MOST_SECONDS:
            raise InvalidInput("shape.rows", "could watch more seconds than a proof can add up")
        if not (1 <= self.videos < 2**13 and 1 <= self.creators < 2**13):
            raise InvalidInput("shape.videos", "and creators must be 1 to 8191")

    @cached_property
    def name(self) -> str:
        """Of the main circuit: readable, and unique by the first digits of its digest."""
        shards = f"-shards{self.shards}x{self.shard_rows}" if self.shards else ""
        sizes = f"rows{self.rows}{shards}-videos{self.videos}-creators{self.creators}"
        return f"{sizes}-{self._digest(self.rows, self.shards)}"

    @cached_property
    def shard_name(self) -> str:
        """Of the row shards' circuit, which does not depend on how many there are."""
        sizes = f"shard{self.shard_rows}-videos{self.videos}-creators{self.creators}"
        return f"{sizes}-{self._digest(0, 0)}"

    @property
    def all_rows(self) -> int:
        """Rows that a day of this shape can have."""
        return self.rows + self.shards * self.shard_rows

    def _digest(self, rows: int, shards: int) -> str:
        """First 8 digits of SHA-256 over everything that a circuit depends on."""
        sizes = {
            "rows": rows,
            "shard_rows": self.shard_rows,
            "videos": self.videos,
            "creators": self.creators,
            "shards": shards,
            "policy_hash": canonical.hash_text(self.policy.policy_hash),
        }
        return hashlib.sha256(canonical.encode(sizes)).hexdigest()[:8]

    # ---- widths in bits --------------------------------------------------------------------

    @cached_property
    def video_bits(self) -> int:
        """Of a video slot; the slot after the last is that of padding rows."""
        return self.videos.bit_length()

    @cached_property
    def seconds_bits(self) -> int:
        return self.policy.bounds.seconds_per_video.bit_length()

    @cached_property
    def row_bits(self) -> int:
        """Of a whole row: bin, video, seconds, new-viewer flag."""
        return BIN_BITS + self.video_bits + self.seconds_bits + 1

    @cached_property
    def count_bits(self) -> int:
        """Of a number of rows of the whole day."""
        return self.all_rows.bit_length()

    @cached_property
    def total_seconds_bits(self) -> int:
        return (self.all_rows * self.policy.bounds.seconds_per_video).bit_length()

    # ---- packing ---------------------------------------------------------------------------

    @cached_property
    def rows_per_element(self) -> int:
        return ELEMENT_BITS // self.row_bits

    @property
    def cells(self) -> int:
        """(video, bin) pairs, and one cell for padding rows."""
        return self.videos * RETENTION_BINS + 1


def round_up(value: int, multiple: int) -> int:
    return -(-value // multiple) * multiple


def build_shape(
    policy: Policy,
    *,
    rows: int,
    videos: int,
    creators: int,
    shards: int = 0,
    shard_rows: int = 0,
) -> Shape:
    """The smallest shape of at least these sizes."""
    seconds_bits = policy.bounds.seconds_per_video.bit_length()
    row_bits = BIN_BITS + videos.bit_length() + seconds_bits + 1
    whole = 3 * (ELEMENT_BITS // row_bits)
    return Shape(
        rows=round_up(rows, whole),
        shard_rows=round_up(shard_rows, whole),
        shards=shards,
        videos=videos,
        creators=creators,
        policy=policy,
    )


assert 2**ELEMENT_BITS < MODULUS  # noqa: S101  # packing below is injective
