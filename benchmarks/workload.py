"""A day of events for the pipeline benchmark: real recordings, scaled, sealed, ready to post.

A viewer of this day plays about eight views, some 50 events, because the API gives an upload's
events one viewer: the sender. Uploads hold 50 events each, the last one the rest.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final

import polars as pl

from analytics_pipeline.core.batch import (
    BatchHeader,
    build_frame,
    build_payload,
    hpke_info,
    seal_payload,
)
from analytics_pipeline.core.event import Event
from analytics_pipeline.simulator import SimulationSpec, build_videos, simulate_frame
from analytics_pipeline.simulator.population import build_viewer
from analytics_pipeline.storage.catalogue import Video
from analytics_pipeline.storage.public_keys import PublicKeyEntry
from benchmarks.http_client import Upload

PLATFORM: Final = "demo"
EVENTS_PER_BATCH: Final = 50
_SEED: Final = 7


@dataclass(frozen=True)
class Workload:
    """A day's events, in the order they are sent, and the videos they are about."""

    day: date
    events: pl.DataFrame
    videos: list[Video]


def build_workload(events: int) -> Workload:
    """Yesterday (UTC), with exactly so many events."""
    day = datetime.now(UTC).date() - timedelta(days=1)
    spec = SimulationSpec(
        first_day=day,
        days=1,
        target_events=events,
        videos=200,
        creators=20,
        sessions_per_viewer=8,
        seed=_SEED,
    )
    videos = [
        Video(each.video_id, each.creator_id, each.title, each.duration_ms)
        for each in build_videos(spec)
    ]
    frame = simulate_frame(spec).sort("viewer", maintain_order=True)
    return Workload(day, frame, videos)


def iter_uploads(events: pl.DataFrame, key: PublicKeyEntry, api_key: str) -> Iterator[Upload]:
    """The events as sealed uploads, each from an address of its own."""
    fields = [name for name in Event.__struct_fields__ if name in events.columns]
    for number, part in enumerate(events.select(fields).iter_slices(EVENTS_PER_BATCH)):
        batch_id = hashlib.sha256(f"benchmark batch {number}".encode()).hexdigest()[:32]
        header = BatchHeader(1, PLATFORM, key.key_id, batch_id, api_key)
        info = hpke_info(PLATFORM, key.key_id, batch_id)
        payload = build_payload([_known(row) for row in part.iter_rows(named=True)])
        frame = build_frame(header, seal_payload(payload, key.public_key, info))
        viewer = build_viewer(_SEED, number)
        yield Upload(frame, viewer.address, viewer.user_agent)


def _known(row: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if value is not None}
