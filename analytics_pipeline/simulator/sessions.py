"""Simulated sessions, one by one: a visit with its recording laid over its starting time."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import msgspec

from analytics_pipeline.core.event import Event
from analytics_pipeline.simulator.first_days import FirstDays
from analytics_pipeline.simulator.population import Viewer, build_videos
from analytics_pipeline.simulator.schedule import build_schedule
from analytics_pipeline.simulator.spec import SimulationSpec

#: Events in one upload of the browser SDK.
BATCH_EVENTS: Final = 20


@dataclass(frozen=True)
class SimulatedSession:
    """The events of one session, in order, and who sends them from where."""

    session_id: str
    viewer: Viewer
    recording_id: str
    events: tuple[Event, ...]


def simulate(spec: SimulationSpec) -> Iterator[SimulatedSession]:
    """All sessions of the spec, each day's in order of arrival.

    Of a recording everything is kept but session id, video id, provider and the time it began; the
    first play of a viewer's day says whether it is their first of the week and of the month.
    """
    first_days = FirstDays()
    videos = build_videos(spec)
    for visit in build_schedule(spec):
        shape = spec.shapes[visit.shape]
        events = []
        for event, offset_ms in zip(shape.events, shape.offsets_ms, strict=True):
            at_ms = visit.started_at_ms + offset_ms
            bits = first_days.of_play(visit.viewer, at_ms) if event.type == "play" else None
            first_of_week, first_of_month = bits or (None, None)
            events.append(
                msgspec.structs.replace(
                    event,
                    session_id=visit.session_id,
                    video_id=videos[visit.video].video_id,
                    provider=visit.provider,
                    at_ms=at_ms,
                    first_of_week=first_of_week,
                    first_of_month=first_of_month,
                )
            )
        recording_id = shape.recording_id
        yield SimulatedSession(visit.session_id, visit.viewer, recording_id, tuple(events))
