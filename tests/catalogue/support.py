"""Rows to put into catalogues under test."""

import os
from collections import Counter
from datetime import date

from analytics_pipeline.core.budget import Caps
from analytics_pipeline.storage.catalogue import (
    Catalogue,
    Counts,
    NewSegment,
    Release,
    Segment,
    plan_release,
    record_round,
)

DAY = date(2025, 1, 1)
CAP = 250_000_000
RHO = 125_000_000


def new_segment(day: date = DAY, accepted: int = 10, wrapped: bytes = b"w" * 40) -> NewSegment:
    """A segment as `storage.segments.seal_frame` makes it, content aside."""
    segment_id = os.urandom(16).hex()
    segment = Segment(
        segment_id=segment_id,
        platform="demo",
        day=day,
        cid=f"bafk{segment_id}",
        size_bytes=65_651,
        batch_digest="0x" + "11" * 32,
        wrapping_key_id="wrap-000001-00000000",
        key_commitment="0x" + "22" * 32,
        schema="viewership-events/1",
        sealed_at_ms=1_735_700_000_000,
        counts=Counts(accepted, 1, 0, Counter(bad_time=2)).to_json(),
        counts_salt=b"s" * 32,
    )
    return NewSegment(segment, wrapped)


def seal(catalogue: Catalogue, *new: NewSegment, batch: str | None = None) -> list[Segment]:
    """Record one round."""
    counts: dict[tuple[str, date], Counts] = {}
    for each in new:
        count = counts.setdefault(("demo", each.segment.day), Counts(0, 1, 0, Counter(bad_time=2)))
        count.accepted += each.segment.counts["accepted"]
    return record_round(
        catalogue,
        new_segments=new,
        batches={"demo": [batch or os.urandom(8).hex()]},
        counts=counts,
        sealed_at_ms=1_735_700_000_000,
    )


def plan(
    catalogue: Catalogue,
    inputs: str = "aa",
    rho: int = RHO,
    day: date = DAY,
    month: int = 40 * RHO,
) -> Release:
    """Plan a release of `DAY`."""
    return plan_release(
        catalogue,
        "demo",
        day,
        inputs_digest=inputs,
        caps=Caps(rho, CAP, month),
        reason="first release",
    )
