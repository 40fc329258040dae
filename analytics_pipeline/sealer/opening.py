"""Sealed batches → one frame of events, and the reason for every event that is not in it.

Belongs here: decisions only; no store is touched. Does not belong here: sealing (`rounds`).

| reason | an event that … |
|---|---|
| `cannot_open` | came in a batch no key here opens (one for the whole batch) |
| `bad_payload` | came in a batch that is not `{"v": 1, "events": […]}` (one for the batch) |
| `too_many` | came in a batch of more than 500 events (one for the batch) |
| `unknown_type`, `bad_time`, `bad_field` | breaks the event format (`core.event`) |
| `wrong_viewer_model` | is a summary under a standard API key, or anything else under a high one |
| `in_future` | claims to be more than an hour later than its batch was received |
| `too_old` | claims to be more than 8 days older than that |
| `day_erased` | belongs to a day whose raw data was destroyed meanwhile (`rounds` looks) |
"""

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

import polars as pl

from analytics_pipeline.core.batch import hpke_info, parse_payload
from analytics_pipeline.core.day import MS_PER_DAY, day_of_ms
from analytics_pipeline.core.errors import (
    DecryptionFailed,
    InvalidBatch,
    InvalidEvent,
    KeyUnavailable,
)
from analytics_pipeline.core.event import (
    ACCEPTED_AGE_MS,
    ACCEPTED_AHEAD_MS,
    Event,
    parse_event,
)
from analytics_pipeline.core.viewer_model import is_expected, summary_viewer
from analytics_pipeline.storage.catalogue import Counts
from analytics_pipeline.storage.event_columns import EVENT_COLUMNS, keep_distinct
from analytics_pipeline.storage.queue import QueuedBatch

_EVENT_FIELDS: Final = Event.__struct_fields__

#: `Keyring.open_batch`
OpenBatch = Callable[[str, bytes, bytes], bytes]
#: (platform, day) → what became of its events
Fates = defaultdict[tuple[str, date], Counts]


@dataclass(frozen=True)
class OpenedEvents:
    """Accepted events (columns of a segment, plus ``platform``, ``batch_id`` and ``day_number``),
    and what became of all events."""

    frame: pl.DataFrame
    fates: Fates


def open_batches(batches: Sequence[QueuedBatch], open_batch: OpenBatch) -> OpenedEvents:
    """Open, validate and de-duplicate a round's batches. One bad batch or event never costs its
    neighbours."""
    fates: Fates = defaultdict(Counts)
    events: list[Event] = []
    sources: list[int] = []
    for index, batch in enumerate(batches):
        received = fates[batch.project, day_of_ms(batch.received_at_ms)]
        try:
            info = hpke_info(batch.project, batch.key_id, batch.batch_id)
            raw_events = parse_payload(open_batch(batch.key_id, info, batch.sealed))
        except (KeyUnavailable, DecryptionFailed):
            received.rejected["cannot_open"] += 1
            continue
        except InvalidBatch as error:
            too_many = error.field == "payload.events" and "length <=" in error.problem
            received.rejected["too_many" if too_many else "bad_payload"] += 1
            continue
        for position, raw in enumerate(raw_events):
            try:
                event = parse_event(raw, position=position)
            except InvalidEvent as error:
                received.rejected[error.reason] += 1
                continue
            if not is_expected(batch.viewer_model, event.type):
                received.rejected["wrong_viewer_model"] += 1
                continue
            events.append(event)
            sources.append(index)
    frame = _reject_times(build_frame(batches, events, sources), fates)
    return OpenedEvents(_drop_duplicates(frame, fates), fates)


def build_frame(
    batches: Sequence[QueuedBatch], events: Sequence[Event], sources: Sequence[int]
) -> pl.DataFrame:
    """Events as columns, each beside what is known of its batch (`sources`: event → batch)."""
    columns: dict[str, list[object]] = {
        name: [getattr(event, name) for event in events] for name in _EVENT_FIELDS
    }
    columns["viewer"] = [
        batches[index].viewer or summary_viewer(batches[index].project, event.session_id)
        for event, index in zip(events, sources, strict=True)
    ]
    for name in ("country", "received_at_ms", "batch_id"):
        of_batch = [getattr(batch, name) for batch in batches]
        columns[name] = [of_batch[index] for index in sources]
    projects = [batch.project for batch in batches]
    columns["platform"] = [projects[index] for index in sources]
    types = {**EVENT_COLUMNS, "batch_id": pl.String(), "platform": pl.String()}
    frame = pl.DataFrame({name: columns[name] for name in types}, schema=types, strict=True)
    return frame.with_columns(day_number=(pl.col("at_ms") // MS_PER_DAY).cast(pl.Int32))


def _reject_times(frame: pl.DataFrame, fates: Fates) -> pl.DataFrame:
    """Drop events outside the accepted window, counted on the day they were received."""
    ahead = pl.col("at_ms") > pl.col("received_at_ms") + ACCEPTED_AHEAD_MS
    old = pl.col("at_ms") < pl.col("received_at_ms") - ACCEPTED_AGE_MS
    reason = pl.when(ahead).then(pl.lit("in_future")).when(old).then(pl.lit("too_old"))
    judged = frame.with_columns(reason=reason)
    refused = judged.filter(pl.col("reason").is_not_null())
    by_day = refused.group_by(
        "platform", (pl.col("received_at_ms") // MS_PER_DAY).alias("received_day"), "reason"
    ).len()
    for platform, received_day, why, number in by_day.iter_rows():
        fates[platform, day_of_ms(received_day * MS_PER_DAY)].rejected[why] += number
    return judged.filter(pl.col("reason").is_null()).drop("reason")


def _drop_duplicates(frame: pl.DataFrame, fates: Fates) -> pl.DataFrame:
    """Keep the first received of equal events, and count all by the day they belong to."""
    kept = keep_distinct(frame, "platform")
    for platform, day_number, number in _per_day(kept):
        fates[platform, day_of_ms(day_number * MS_PER_DAY)].accepted = number
    for platform, day_number, number in _per_day(frame):
        fate = fates[platform, day_of_ms(day_number * MS_PER_DAY)]
        fate.duplicate = number - fate.accepted
    return kept


def _per_day(frame: pl.DataFrame) -> list[tuple[str, int, int]]:
    return frame.group_by("platform", "day_number").len().rows()
