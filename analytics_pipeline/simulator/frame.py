"""Simulated events as one Polars frame: the fast path for benchmarks (a million and more).

Belongs here: the columns a sealed segment has, viewer and country included, without HTTP, sealing
or ingestion in between. The events are those of `sessions.simulate`, row for row.
"""

import hashlib
from datetime import date
from functools import cache
from typing import Final

import polars as pl

from analytics_pipeline.simulator.population import Viewer, build_videos
from analytics_pipeline.simulator.schedule import build_schedule
from analytics_pipeline.simulator.sessions import BATCH_EVENTS
from analytics_pipeline.simulator.shapes import Shape
from analytics_pipeline.simulator.spec import SimulationSpec
from analytics_pipeline.storage.event_columns import EVENT_COLUMNS

#: From a batch's last event to its reception.
TRANSPORT_MS: Final = 150


def build_pseudonym(spec: SimulationSpec, viewer: Viewer, day: date) -> str:
    """A stand-in for the ingestion API's daily pseudonym: 32 hex digits, new every day."""
    text = f"{spec.seed}\n{day}\n{viewer.address}\n{viewer.user_agent}"
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def _shape_frame(shapes: tuple[Shape, ...]) -> pl.DataFrame:
    """All recorded events: one row each, with shape number and offsets."""
    rows = []
    for number, shape in enumerate(shapes):
        for position, (event, offset_ms) in enumerate(
            zip(shape.events, shape.offsets_ms, strict=True)
        ):
            last = min((position // BATCH_EVENTS + 1) * BATCH_EVENTS, len(shape.events)) - 1
            rows.append(
                {
                    "shape": number,
                    "offset_ms": offset_ms,
                    "batch_end_ms": shape.offsets_ms[last],
                    "type": event.type,
                    "seq": event.seq,
                    "position_ms": event.position_ms,
                    "duration_ms": event.duration_ms,
                    "startup_ms": event.startup_ms,
                    "delivered_bytes": event.delivered_bytes,
                    "error_code": event.error_code,
                }
            )
    return pl.DataFrame(rows, infer_schema_length=None)


def simulate_frame(spec: SimulationSpec) -> pl.DataFrame:
    """All events of the spec with the columns of `EVENT_COLUMNS`, in the order of `simulate`."""
    videos = build_videos(spec)
    pseudonym = cache(lambda viewer, day: build_pseudonym(spec, viewer, day))
    visits = list(build_schedule(spec))
    frame = pl.DataFrame(
        {
            "session_id": [visit.session_id for visit in visits],
            "video_id": [videos[visit.video].video_id for visit in visits],
            "shape": [visit.shape for visit in visits],
            "provider": [visit.provider for visit in visits],
            "started_at_ms": [visit.started_at_ms for visit in visits],
            "viewer": [pseudonym(visit.viewer, visit.day) for visit in visits],
            "country": [visit.viewer.country for visit in visits],
        },
        schema_overrides={"shape": pl.Int64},
    )
    joined = frame.join(_shape_frame(spec.shapes), on="shape", maintain_order="left_right")
    return joined.with_columns(
        at_ms=pl.col("started_at_ms") + pl.col("offset_ms"),
        received_at_ms=pl.col("started_at_ms") + pl.col("batch_end_ms") + TRANSPORT_MS,
    ).select(pl.col(name).cast(kind) for name, kind in EVENT_COLUMNS.items())
