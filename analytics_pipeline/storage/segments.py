"""Segments at rest: Parquet ↔ sealed envelope ↔ content store and catalogue.

    frame ─ sort, Parquet (zstd) ─ core.segment ─→ intent ─→ add + pin ─→ record_round

A segment's content exists in clear in memory only. Trust: the content store sees envelopes; the
catalogue sees wrapped data keys and exact counts; only a holder of the keyring sees events.

Belongs here: the columns of a segment, writing and reading whole segments. Does not belong here:
which events go in (`sealer`), the envelope's format (`core.segment`).
"""

import io
import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Final, Protocol

import polars as pl

from analytics_pipeline.core.day import MS_PER_DAY, day_start_ms
from analytics_pipeline.core.errors import IntegrityError, InvalidSegment
from analytics_pipeline.core.segment import (
    DATA_KEY_BYTES,
    NONCE_BYTES,
    SegmentHeader,
    batch_digest,
    open_segment,
    seal_segment,
)
from analytics_pipeline.core.unixfs import cid_of_bytes
from analytics_pipeline.storage.catalogue import (
    Catalogue,
    Counts,
    NewSegment,
    Segment,
    drop_intent,
    has_cid,
    open_intents,
    record_intents,
    wrapped_data_key,
)
from analytics_pipeline.storage.event_columns import (
    EVENT_COLUMNS,
    FIRST_EVENT_COLUMNS,
    NULLABLE_COLUMNS,
    add_missing_columns,
)
from analytics_pipeline.storage.event_limits import check_events
from analytics_pipeline.storage.keyring import Keyring

#: names `storage.event_columns.EVENT_COLUMNS` in headers
SCHEMA_ID: Final = "viewership-events/2"
#: all schemas that can be read, the one in force first; segments stay as they were sealed
SCHEMAS: Final = {SCHEMA_ID: EVENT_COLUMNS, "viewership-events/1": FIRST_EVENT_COLUMNS}
#: neighbours share most of their bytes: 12 B an event instead of 20
_SORT: Final = ("viewer", "session_id", "video_id", "at_ms", "seq")
_COMPRESSION_LEVEL: Final = 3


class SegmentStore(Protocol):
    """The part of `storage.ipfs.ContentStore` that segments need."""

    def add(self, data: bytes) -> str:
        """Store content; returns its CID."""

    def get(self, cid: str) -> bytes:
        """Content of a CID, verified."""

    def pin(self, cid: str) -> None:
        """Keep it."""

    def unpin(self, cid: str) -> None:
        """Keep it no longer."""

    def is_pinned(self, cid: str) -> bool:
        """Whether it is kept."""


@dataclass(frozen=True)
class PendingSegment:
    """Sealed, in memory, not stored yet."""

    new: NewSegment
    envelope: bytes = field(repr=False)


def build_parquet(frame: pl.DataFrame) -> bytes:
    """Encode events as this schema's Parquet. Raises InvalidSegment for other columns."""
    _check_columns(frame)
    buffer = io.BytesIO()
    frame.sort(_SORT, maintain_order=True).write_parquet(
        buffer, compression="zstd", compression_level=_COMPRESSION_LEVEL
    )
    return buffer.getvalue()


def parse_parquet(content: bytes, day: date, schema: str = SCHEMA_ID) -> pl.DataFrame:
    """Decode a segment's content.

    Args:
        schema: one of `SCHEMAS`.
    Returns:
        Columns as in `EVENT_COLUMNS`; those that an older schema lacks are null.
    Raises:
        InvalidSegment: not Parquet, other columns, nulls where none may be, events of another day,
            or such as the sealer accepts none.
    """
    try:
        frame = pl.read_parquet(io.BytesIO(content))
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError):
        raise InvalidSegment("content", "is not a Parquet file") from None
    _check_columns(frame, schema)
    start = day_start_ms(day)
    outside = frame.select(
        (~pl.col("at_ms").is_between(start, start + MS_PER_DAY, closed="left")).any()
    ).item()
    if outside:
        raise InvalidSegment("at_ms", f"holds events outside {day}")
    frame = add_missing_columns(frame)
    check_events(frame)
    return frame


def seal_frame(
    frame: pl.DataFrame,
    keyring: Keyring,
    *,
    platform: str,
    day: date,
    batch_ids: Iterable[str],
    counts: Counts,
    sealed_at_ms: int,
    random_bytes: Callable[[int], bytes] = os.urandom,
) -> PendingSegment:
    """Seal the events of one (platform, day) under a fresh data key. Nothing is stored.

    Args:
        frame: columns as in `EVENT_COLUMNS`, every `at_ms` inside `day`.
        batch_ids: the batches these events came in.
        counts: fate of the round's events of this day, kept beside the segment.
        random_bytes: source of the data key, nonce, id and salt.
    """
    data_key = random_bytes(DATA_KEY_BYTES)
    wrapping_key_id, wrapped = keyring.wrap(platform, day, data_key)
    header = SegmentHeader(
        platform=platform,
        day=day,
        segment_id=random_bytes(16).hex(),
        schema=SCHEMA_ID,
        wrapping_key_id=wrapping_key_id,
        batch_digest=batch_digest(batch_ids),
    )
    sealed = seal_segment(
        build_parquet(frame), header, data_key=data_key, nonce=random_bytes(NONCE_BYTES)
    )
    segment = Segment(
        segment_id=header.segment_id,
        platform=platform,
        day=day,
        cid=cid_of_bytes(sealed.envelope),
        size_bytes=len(sealed.envelope),
        batch_digest=header.batch_digest,
        wrapping_key_id=wrapping_key_id,
        key_commitment=sealed.key_commitment,
        schema=SCHEMA_ID,
        sealed_at_ms=sealed_at_ms,
        counts=counts.to_json(),
        counts_salt=random_bytes(32),
    )
    return PendingSegment(NewSegment(segment, wrapped), sealed.envelope)


def pin_segments(
    catalogue: Catalogue, store: SegmentStore, pending: Sequence[PendingSegment]
) -> None:
    """Put envelopes into the content store and pin them. Their CIDs are written down first, so
    that `take_back_pins` finds them if the round ends here.

    Raises:
        IntegrityError: the store gave content another name than its CID.
    """
    record_intents(catalogue, [each.new.segment.cid for each in pending])
    for each in pending:
        cid = store.add(each.envelope)
        if cid != each.new.segment.cid:
            raise IntegrityError(f"the content store names {each.new.segment.cid} {cid}")
        store.pin(cid)


def take_back_pins(catalogue: Catalogue, store: SegmentStore) -> int:
    """Unpin what rounds cut short have left behind. Only while no round is running.

    Returns:
        How many pins were taken back.
    """
    taken = 0
    for cid in open_intents(catalogue):
        if not has_cid(catalogue, cid) and store.is_pinned(cid):
            store.unpin(cid)
            taken += 1
        drop_intent(catalogue, cid)
    return taken


def load_segment(
    catalogue: Catalogue, store: SegmentStore, keyring: Keyring, segment: Segment
) -> pl.DataFrame:
    """Fetch, verify and open one segment.

    Returns:
        Its events, columns as in `EVENT_COLUMNS`, sorted by viewer and view.
    Raises:
        KeyUnavailable: its data key or its day's retention key was destroyed, or the keyring
            lacks its wrapping key.
        ContentUnavailable: no source has the envelope.
        IntegrityError: the envelope is not what its CID says.
        DecryptionFailed: key, commitment, header or ciphertext do not fit together.
        InvalidSegment: envelope, padding or columns break the format.
    """
    wrapping_key_id, wrapped = wrapped_data_key(catalogue, segment.segment_id)
    data_key = keyring.unwrap(segment.platform, segment.day, wrapping_key_id, wrapped)
    envelope = store.get(segment.cid)
    if cid_of_bytes(envelope) != segment.cid:
        raise IntegrityError(f"segment {segment.segment_id}: content is not {segment.cid}")
    if segment.schema not in SCHEMAS:
        raise InvalidSegment("schema", f"{segment.schema!r} is not known to this version")
    header = SegmentHeader(
        platform=segment.platform,
        day=segment.day,
        segment_id=segment.segment_id,
        schema=segment.schema,
        wrapping_key_id=segment.wrapping_key_id,
        batch_digest=segment.batch_digest,
    )
    content = open_segment(
        envelope, header, data_key=data_key, key_commitment=segment.key_commitment
    )
    return parse_parquet(content, segment.day, segment.schema)


def _check_columns(frame: pl.DataFrame, schema: str = SCHEMA_ID) -> None:
    columns = SCHEMAS[schema]
    if frame.schema != columns:
        raise InvalidSegment("schema", f"columns are not those of {schema}")
    for name in columns.keys() - NULLABLE_COLUMNS:
        if frame[name].null_count():
            raise InvalidSegment(name, "must not be null")
