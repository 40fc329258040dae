"""Simulated events as one Polars frame: the fast path for benchmarks (a million and more).

Belongs here: the columns a sealed segment has, viewer and country included, without HTTP, sealing
or ingestion in between. The events are those of `sessions.simulate`, row for row.
"""

import hashlib
from collections.abc import Sequence
from datetime import date
from functools import cache
from typing import Final

import polars as pl

from analytics_pipeline.simulator.first_days import FirstDays
from analytics_pipeline.simulator.population import Viewer, build_videos
from analytics_pipeline.simulator.schedule import Visit, build_schedule
from analytics_pipeline.simulator.sessions import BATCH_EVENTS
from analytics_pipeline.simulator.shapes import Shape
from analytics_pipeline.simulator.spec import SimulationSpec
from analytics_pipeline.storage.event_columns import EVENT_COLUMNS

_FIRST_DAYS: Final = {
    "visit": pl.Int64(),
    "place": pl.Int64(),
    "first_of_week": pl.Boolean(),
    "first_of_month": pl.Boolean(),
}
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
                    "place": position,
                }
            )
    return pl.DataFrame(rows, infer_schema_length=None)


def _first_days_frame(spec: SimulationSpec, visits: Sequence[Visit]) -> pl.DataFrame:
    """The plays that say something of first days: number of the visit, place in its shape, bits."""
    first_days = FirstDays()
    plays = [
        [(n, offset) for n, offset in enumerate(shape.offsets_ms) if shape.events[n].type == "play"]
        for shape in spec.shapes
    ]
    rows = []
    for number, visit in enumerate(visits):
        for place, offset_ms in plays[visit.shape]:
            bits = first_days.of_play(visit.viewer, visit.started_at_ms + offset_ms)
            if bits is not None:
                rows.append((number, place, *bits))
    return pl.DataFrame(rows, schema=_FIRST_DAYS, orient="row")


def simulate_frame(spec: SimulationSpec) -> pl.DataFrame:
    """All events of the spec with the columns of `EVENT_COLUMNS`, in the order of `simulate`."""
    videos = build_videos(spec)
    pseudonym = cache(lambda viewer, day: build_pseudonym(spec, viewer, day))
    visits = list(build_schedule(spec))
    frame = pl.DataFrame(
        {
            "visit": range(len(visits)),
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
    bits = _first_days_frame(spec, visits)
    joined = joined.join(bits, on=("visit", "place"), how="left", maintain_order="left")
    nothing = pl.lit(None, pl.Int64)
    return joined.with_columns(
        watched_ms=nothing,
        stalled_ms=nothing,
        at_ms=pl.col("started_at_ms") + pl.col("offset_ms"),
        received_at_ms=pl.col("started_at_ms") + pl.col("batch_end_ms") + TRANSPORT_MS,
    ).select(pl.col(name).cast(kind) for name, kind in EVENT_COLUMNS.items())
