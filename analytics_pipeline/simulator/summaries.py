"""Viewer model `high`: simulated devices count for themselves and send sums of the day.

The browser SDK's counting (`sdk/src/aggregate.ts`) in Python, without its bounds, so that the SQL's
own are put to the test; a test holds one against the other, recording by recording. Belongs here:
what a device would have sent instead of a session's events. Does not belong here: sending
(`client`).
"""

import base64
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Final

from analytics_pipeline.core.day import day_of_ms, day_start_ms
from analytics_pipeline.core.event import Event, Provider
from analytics_pipeline.simulator.population import Viewer
from analytics_pipeline.simulator.sessions import BATCH_EVENTS, SimulatedSession, simulate
from analytics_pipeline.simulator.spec import SimulationSpec

SILENCE_MS: Final = 60_000
_STATE_AFTER: Final = {"play": "playing", "heartbeat": "playing", "rebuffer": "stalled"}


@dataclass
class Totals:
    """One video on one device-day, so far."""

    provider: Provider
    watched_ms: int = 0
    stalled_ms: int = 0
    position_ms: int = 0
    startup_ms: int | None = None
    first_of_week: bool | None = None
    first_of_month: bool | None = None
    played: bool = False

    def add(self, view: "Totals") -> None:
        """Take over what one view of the video came to."""
        self.watched_ms += view.watched_ms
        self.stalled_ms += view.stalled_ms
        self.position_ms = max(self.position_ms, view.position_ms)
        if self.startup_ms is None:
            self.startup_ms = view.startup_ms


def count_view(events: tuple[Event, ...]) -> Totals:
    """One view's events of one day, in order (spec/kpis.md, "From events to views" 4 to 6)."""
    totals = Totals(events[0].provider)
    state = "idle"
    for event, following in zip(events, (*events[1:], None), strict=True):
        if event.type != "seek":
            state = _STATE_AFTER.get(event.type, "idle")
            totals.position_ms = max(totals.position_ms, event.position_ms or 0)
        if event.type == "play":
            totals.played = True
            if totals.startup_ms is None:
                totals.startup_ms = event.startup_ms
            if event.first_of_week is not None:
                totals.first_of_week = event.first_of_week
                totals.first_of_month = event.first_of_month
        if following is None:
            break
        gap_ms = following.at_ms - event.at_ms
        if state == "playing":
            advance_ms = 0
            if following.type != "seek" and None not in (event.position_ms, following.position_ms):
                advance_ms = (following.position_ms or 0) - (event.position_ms or 0)
            totals.watched_ms += min(gap_ms, max(SILENCE_MS, advance_ms))
        elif state == "stalled":
            totals.stalled_ms += gap_ms
    return totals


@dataclass
class DeviceDay:
    """A device's counts of one UTC day, in the order in which its videos were first played."""

    day: date
    group: str
    videos: dict[str, Totals] = field(default_factory=dict)
    sent: int = 0

    def summary(self, video_id: str, view: Totals) -> Event:
        """The video's totals with `view` added, as the device sends them."""
        totals = replace(self.videos[video_id])
        totals.add(view)
        self.sent += 1
        return Event(
            type="summary",
            session_id=self.group,
            video_id=video_id,
            at_ms=day_start_ms(self.day) + list(self.videos).index(video_id),
            seq=self.sent,
            position_ms=totals.position_ms,
            startup_ms=totals.startup_ms,
            provider=totals.provider,
            first_of_week=totals.first_of_week,
            first_of_month=totals.first_of_month,
            watched_ms=totals.watched_ms,
            stalled_ms=totals.stalled_ms,
        )


def simulate_summaries(spec: SimulationSpec) -> Iterator[SimulatedSession]:
    """The sessions of `simulate`, each as the summaries its device would send: one after every
    `BATCH_EVENTS` of the player's events and one at the end. Sessions without a play send nothing.
    """
    devices: dict[tuple[Viewer, date], DeviceDay] = {}
    for session in simulate(spec):
        summaries: list[Event] = []
        for day in sorted({day_of_ms(event.at_ms) for event in session.events}):
            key = (session.viewer, day)
            device = devices.setdefault(key, DeviceDay(day, _group(spec, session.viewer, day)))
            inside = tuple(event for event in session.events if day_of_ms(event.at_ms) == day)
            summaries += _summaries(device, inside)
        if summaries:
            yield replace(session, events=tuple(summaries))


def _summaries(device: DeviceDay, events: tuple[Event, ...]) -> list[Event]:
    video_id = events[0].video_id
    whole = count_view(events)
    if not whole.played:
        return []
    if video_id not in device.videos:
        bits = (whole.first_of_week, whole.first_of_month)
        device.videos[video_id] = Totals(whole.provider, 0, 0, 0, None, *bits)
    summaries = []
    for first in range(0, len(events), BATCH_EVENTS):
        so_far = count_view(events[: first + BATCH_EVENTS])
        if so_far.played:
            summaries.append(device.summary(video_id, so_far))
    device.videos[video_id].add(whole)
    return summaries


def _group(spec: SimulationSpec, viewer: Viewer, day: date) -> str:
    """A device draws 128 random bits for its day; these are the same for the same spec."""
    text = f"{spec.seed}\nsummaries\n{day}\n{viewer.address}\n{viewer.user_agent}"
    digest = hashlib.sha256(text.encode()).digest()
    return base64.urlsafe_b64encode(digest[:16]).decode().rstrip("=")
