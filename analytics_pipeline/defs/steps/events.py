"""Step *events*: a day's segments become one encrypted Parquet of distinct events.

What went in is written down beside it (the *intake*): the manifest must name exactly the segments
whose events were computed, although the sealer may add one at any moment.
"""

import os
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Final

import msgspec
import polars as pl

from analytics_pipeline.core.errors import ContentUnavailable, StoreError
from analytics_pipeline.defs.stores import Stores
from analytics_pipeline.storage.catalogue import (
    Segment,
    list_segments,
    load_counts,
    require_events,
)
from analytics_pipeline.storage.event_columns import EVENT_COLUMNS, keep_distinct
from analytics_pipeline.storage.raw_day import (
    load_raw_day,
    raw_day_path,
    write_raw_day,
)
from analytics_pipeline.storage.segments import load_segment

#: Segments fetched and opened at once.
FETCHES: Final = 4

_Count = Annotated[int, msgspec.Meta(ge=0)]


class Intake(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How many events of a day went where. ``accepted`` is the sealer's count for the segments,
    ``accepted_before``/``accepted_after`` its running count for the day around the listing."""

    segment_ids: tuple[str, ...]
    accepted: _Count
    accepted_before: _Count
    accepted_after: _Count
    read: _Count
    kept: _Count
    stored: _Count
    bytes_sealed: _Count
    bytes_raw: _Count

    @property
    def duplicates(self) -> int:
        """Events that came again in another segment."""
        return self.read - self.kept


def build_distinct(frames: Iterable[pl.DataFrame]) -> pl.DataFrame:
    """The distinct events of several segments; of equal ones the first received is kept (of
    those received together, the one in the earlier segment)."""
    frame = pl.concat(
        [pl.DataFrame(schema=EVENT_COLUMNS), *(f.cast(EVENT_COLUMNS) for f in frames)]
    )
    return keep_distinct(frame)


def load_day(stores: Stores, day: date) -> Intake:
    """Fetch, decrypt, validate and de-duplicate a day; replace its raw file; note the intake.

    Raises:
        EventsExpired: before anything is changed.
        StoreError: a segment is missing, altered or not what the catalogue says; nothing changed.
    """
    catalogue, platform = stores.catalogue, stores.platform
    require_events(catalogue, platform, day)
    before = _accepted(stores, day)
    segments = list_segments(catalogue, platform, day)
    after = _accepted(stores, day)

    def load(segment: Segment) -> pl.DataFrame:
        return load_segment(catalogue, stores.content, stores.keyring, segment)

    with ThreadPoolExecutor(FETCHES) as pool:
        frames = list(pool.map(load, segments))
    distinct = build_distinct(frames)
    key = stores.raw_key(day)
    path = write_raw_day(stores.settings.raw_dir, platform, day, distinct, key)
    intake = Intake(
        segment_ids=tuple(segment.segment_id for segment in segments),
        accepted=sum(segment.counts["accepted"] for segment in segments),
        accepted_before=before,
        accepted_after=after,
        read=sum(frame.height for frame in frames),
        kept=distinct.height,
        stored=load_raw_day(stores.settings.raw_dir, platform, day, key).height,
        bytes_sealed=sum(segment.size_bytes for segment in segments),
        bytes_raw=path.stat().st_size,
    )
    _store_intake(stores, day, intake)
    return intake


def find_problems(intake: Intake) -> list[str]:
    """Which accounting identity does not hold."""
    identities = {
        "events read = events the sealer accepted into the segments": intake.read
        == intake.accepted,
        "the segments' accepted events = the sealer's running count of the day": (
            intake.accepted_before <= intake.accepted <= intake.accepted_after
        ),
        "events stored = events read - duplicates across segments": intake.stored == intake.kept,
    }
    return [f"does not hold: {text}" for text, holds in identities.items() if not holds]


def load_intake(stores: Stores, day: date) -> Intake:
    """What `load_day` noted. Raises ContentUnavailable if the day was never loaded, EventsExpired
    if it was erased."""
    path = _intake_path(stores, day)
    if not path.exists():
        require_events(stores.catalogue, stores.platform, day)
        raise ContentUnavailable(f"{day}: no events were loaded yet; materialise `events` first")
    try:
        return msgspec.json.decode(path.read_bytes(), type=Intake)
    except msgspec.DecodeError:
        raise StoreError(f"{path.name} is malformed; materialise `events` again") from None


def forget_intake(stores: Stores, day: date) -> None:
    """Remove the note; it counts the events of one day."""
    _intake_path(stores, day).unlink(missing_ok=True)


def describe(intake: Intake) -> Mapping[str, Any]:
    """What may be shown of an intake."""
    return {
        "dagster/row_count": intake.kept,
        "duplicates_across_segments": intake.duplicates,
        "segments": len(intake.segment_ids),
        "bytes_sealed": intake.bytes_sealed,
        "bytes_raw": intake.bytes_raw,
    }


def _accepted(stores: Stores, day: date) -> int:
    counts = load_counts(stores.catalogue, stores.platform, day).get(day)
    return counts.accepted if counts else 0


def _intake_path(stores: Stores, day: date) -> Path:
    return raw_day_path(stores.settings.raw_dir, stores.platform, day).with_suffix(".json")


def _store_intake(stores: Stores, day: date, intake: Intake) -> None:
    path = _intake_path(stores, day)
    temporary = path.with_name(f".{path.name}.new")
    temporary.write_bytes(msgspec.json.encode(intake))
    os.chmod(temporary, 0o600)
    temporary.replace(path)
