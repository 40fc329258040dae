"""Segments, their wrapped data keys, and the one transaction that makes them count.

Belongs here: the rows. Does not belong here: sealing, pinning, Parquet (`storage.segments`).
"""

import json
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Final

from sqlalchemy import Row, delete, insert, select
from sqlalchemy.exc import IntegrityError as RowConflict

from analytics_pipeline.core.day import parse_day
from analytics_pipeline.core.errors import KeyUnavailable, StoreError
from analytics_pipeline.storage.catalogue.counters import Counts, add_counters
from analytics_pipeline.storage.catalogue.engine import Catalogue, release_lock
from analytics_pipeline.storage.catalogue.expiries import check_not_erased
from analytics_pipeline.storage.catalogue.releases import planned_days
from analytics_pipeline.storage.catalogue.tables import (
    data_keys,
    pin_intents,
    sealed_batches,
    segments,
)

_IDS_PER_STATEMENT: Final = 500


@dataclass(frozen=True)
class Segment:
    """One sealed segment as the catalogue knows it.

    ``counts`` are exact and private: accepted, duplicate, late (a part of accepted) and rejected
    by reason, of this segment's platform, day and sealing round.
    """

    segment_id: str
    platform: str
    day: date
    cid: str
    size_bytes: int
    batch_digest: str
    wrapping_key_id: str
    key_commitment: str
    schema: str
    sealed_at_ms: int
    counts: Mapping[str, Any]
    counts_salt: bytes = field(repr=False)


@dataclass(frozen=True)
class NewSegment:
    """A segment that is pinned and waits for its round to be recorded."""

    segment: Segment
    wrapped_data_key: bytes = field(repr=False)


def record_round(
    catalogue: Catalogue,
    *,
    new_segments: Sequence[NewSegment],
    batches: Mapping[str, Sequence[str]],
    counts: Mapping[tuple[str, date], Counts],
    sealed_at_ms: int,
) -> list[Segment]:
    """Record a sealing round: everything or nothing. From its commit on, the batches count.

    Late events are told here, in the transaction, so that planning a release of the same day is
    either wholly before or wholly after it.

    Args:
        new_segments: pinned segments; their ``counts`` lack ``late``, which is set here.
        batches: platform → ids of the batches sealed (or refused as a whole).
        counts: (platform, day) → fate of this round's events.
    Returns:
        The segments as recorded.
    Raises:
        StoreError: a batch was sealed before (by another sealer); nothing was recorded.
        EventsExpired: a day was erased since the round began; likewise.
    """
    days = sorted({(new.segment.platform, new.segment.day) for new in new_segments})
    recorded: list[Segment] = []
    locks = [release_lock(platform, day) for platform, day in days]
    try:
        with catalogue.write("counters", *locks) as connection:
            for platform, day in days:
                check_not_erased(connection, platform, day)
            late = {
                (platform, day)
                for platform in {platform for platform, _ in days}
                for day in planned_days(connection, platform, [d for p, d in days if p == platform])
            }
            for platform, batch_ids in batches.items():
                connection.execute(
                    insert(sealed_batches),
                    [
                        {"platform": platform, "batch_id": batch_id, "sealed_at_ms": sealed_at_ms}
                        for batch_id in batch_ids
                    ],
                )
            for new in new_segments:
                segment = new.segment
                is_late = (segment.platform, segment.day) in late
                final = {**segment.counts, "late": segment.counts["accepted"] if is_late else 0}
                fields: dict[str, Any] = {**vars(segment), "counts": final}
                recorded.append(Segment(**fields))
                fields |= {
                    "day": segment.day.isoformat(),
                    "counts": json.dumps(final, sort_keys=True, separators=(",", ":")),
                }
                connection.execute(insert(segments).values(**fields))
                connection.execute(
                    insert(data_keys).values(
                        segment_id=segment.segment_id,
                        platform=segment.platform,
                        day=segment.day.isoformat(),
                        wrapping_key_id=segment.wrapping_key_id,
                        wrapped=new.wrapped_data_key,
                    )
                )
                connection.execute(delete(pin_intents).where(pin_intents.c.cid == segment.cid))
            add_counters(connection, catalogue.is_sqlite, counts, late)
    except RowConflict as error:
        raise StoreError(
            "a batch or segment of this round is recorded already; is another sealer running?"
        ) from error
    return recorded


def list_segments(catalogue: Catalogue, platform: str, day: date | None = None) -> list[Segment]:
    """The day's segments (or all of the platform's) in manifest order: by day, then by id."""
    query = select(segments).where(segments.c.platform == platform)
    if day is not None:
        query = query.where(segments.c.day == day.isoformat())
    order = (segments.c.day, segments.c.segment_id)
    with catalogue.read() as connection:
        return [_segment(row) for row in connection.execute(query.order_by(*order))]


def find_segment(catalogue: Catalogue, segment_id: str) -> Segment:
    """One segment. Raises StoreError if there is none with this id."""
    with catalogue.read() as connection:
        row = connection.execute(
            select(segments).where(segments.c.segment_id == segment_id)
        ).one_or_none()
    if row is None:
        raise StoreError(f"no segment {segment_id}")
    return _segment(row)


def has_cid(catalogue: Catalogue, cid: str) -> bool:
    """Whether a recorded segment is this content."""
    with catalogue.read() as connection:
        query = select(segments.c.segment_id).where(segments.c.cid == cid)
        return connection.execute(query).first() is not None


def wrapped_data_key(catalogue: Catalogue, segment_id: str) -> tuple[str, bytes]:
    """(wrapping key id, wrapped data key) of a segment.

    Raises:
        KeyUnavailable: the key was destroyed.
    """
    with catalogue.read() as connection:
        row = connection.execute(
            select(data_keys.c.wrapping_key_id, data_keys.c.wrapped).where(
                data_keys.c.segment_id == segment_id
            )
        ).one_or_none()
    if row is None:
        raise KeyUnavailable(f"the data key of segment {segment_id} was destroyed")
    return row.wrapping_key_id, row.wrapped


def already_sealed(catalogue: Catalogue, platform: str, batch_ids: Sequence[str]) -> set[str]:
    """Those of `batch_ids` that a recorded round contains."""
    found: set[str] = set()
    with catalogue.read() as connection:
        for start in range(0, len(batch_ids), _IDS_PER_STATEMENT):
            query = select(sealed_batches.c.batch_id).where(
                sealed_batches.c.platform == platform,
                sealed_batches.c.batch_id.in_(batch_ids[start : start + _IDS_PER_STATEMENT]),
            )
            found.update(connection.execute(query).scalars())
    return found


def forget_batches(catalogue: Catalogue, before_ms: int) -> int:
    """Drop the memory of batches sealed before a time. Safe once their events are too old to be
    accepted again."""
    with catalogue.write() as connection:
        old = sealed_batches.c.sealed_at_ms < before_ms
        return connection.execute(delete(sealed_batches).where(old)).rowcount


def record_intents(catalogue: Catalogue, cids: Iterable[str]) -> None:
    """Write down what is about to be pinned, so that a crash leaves no pin without an owner."""
    now_ms = time.time_ns() // 1_000_000
    rows = [{"cid": cid, "created_at_ms": now_ms} for cid in cids]
    if rows:
        with catalogue.write() as connection:
            connection.execute(insert(pin_intents), rows)


def open_intents(catalogue: Catalogue) -> list[str]:
    """CIDs of rounds that were cut short: their content belongs to nobody."""
    with catalogue.read() as connection:
        return list(connection.execute(select(pin_intents.c.cid)).scalars())


def drop_intent(catalogue: Catalogue, cid: str) -> None:
    """Forget an intent after its pin was taken back."""
    with catalogue.write() as connection:
        connection.execute(delete(pin_intents).where(pin_intents.c.cid == cid))


def _segment(row: Row[Any]) -> Segment:
    fields = dict(row._mapping)
    return Segment(**{**fields, "day": parse_day(row.day), "counts": json.loads(row.counts)})
