"""When who watches what: one `Visit` per session, in the order of arrival.

Belongs here: arrivals, popularity, the mix of recordings. Does not belong here: events (`sessions`
and `frame` lay the recording of a visit over its starting time, one by one or all at once).
"""

import base64
import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import accumulate
from typing import Final

from analytics_pipeline.core.day import MS_PER_DAY, day_start_ms
from analytics_pipeline.core.event import Provider
from analytics_pipeline.simulator.population import (
    COUNTRIES,
    PROVIDER_SHARE,
    Viewer,
    build_videos,
    build_viewer,
    home_provider,
)
from analytics_pipeline.simulator.shapes import Shape
from analytics_pipeline.simulator.spec import SimulationSpec

#: How often a session is of a kind; kinds of other recordings count 1.
KIND_SHARE: Final[dict[str, float]] = {
    "full": 28,
    "early_exit": 30,
    "pause": 11,
    "seek": 11,
    "stall": 7,
    "slow_start": 3,
    "error": 2,
    "load_only": 8,
}
#: How much likelier a kind is on a provider.
PROVIDER_FACTOR: Final[dict[Provider, dict[str, float]]] = {
    "cdn": {"stall": 0.3, "slow_start": 0.2, "error": 0.4},
    "ipfs": {},
    "arweave": {"stall": 1.5, "slow_start": 1.5},
    "filecoin": {"stall": 1.3, "slow_start": 3, "error": 2},
}
#: Relative number of arrivals in each hour of local time.
HOURLY: Final = (3, 2, 1, 1, 1, 1, 2, 3, 4, 4, 4, 5, 6, 6, 5, 5, 6, 7, 9, 11, 12, 12, 9, 5)
_ZIPF_EXPONENT: Final = 0.9
_HOME_SHARE: Final = 0.75
_MS_PER_HOUR: Final = 3_600_000
_MAX_SESSIONS: Final = 40


@dataclass(frozen=True, slots=True)
class Visit:
    """One session to come. ``video`` and ``shape`` are positions in catalogue and shapes."""

    day: date
    viewer: Viewer
    session_id: str
    video: int
    shape: int
    provider: Provider
    started_at_ms: int


class _Mix:
    """Picks recordings: by media length and provider, kinds in their shares."""

    def __init__(self, shapes: tuple[Shape, ...]) -> None:
        self._shapes = shapes
        self._tables: dict[tuple[int, Provider], tuple[list[int], list[float]]] = {}

    def _table(self, duration_ms: int, provider: Provider) -> tuple[list[int], list[float]]:
        key = duration_ms, provider
        if key not in self._tables:
            members = [n for n, s in enumerate(self._shapes) if s.duration_ms == duration_ms]
            kinds = [self._shapes[n].kind for n in members]
            factors = PROVIDER_FACTOR.get(provider, {})
            weights = [
                KIND_SHARE.get(kind, 1) * factors.get(kind, 1) / kinds.count(kind) for kind in kinds
            ]
            self._tables[key] = members, list(accumulate(weights))
        return self._tables[key]

    def pick(
        self, rng: random.Random, duration_ms: int, provider: Provider, room: int | None
    ) -> int | None:
        """A recording's position; with `room`, one of at most that many events, or None."""
        members, cumulative = self._table(duration_ms, provider)
        shape = rng.choices(members, cum_weights=cumulative)[0]
        if room is None or len(self._shapes[shape].events) <= room:
            return shape
        small = [n for n in members if len(self._shapes[n].events) <= room]
        return rng.choice(small) if small else None


def _arrival_ms(rng: random.Random, viewer: Viewer) -> int:
    """Milliseconds into the UTC day, by the viewer's local hour."""
    hour = rng.choices(range(24), HOURLY)[0]
    local_ms = hour * _MS_PER_HOUR + rng.randrange(_MS_PER_HOUR)
    offset_ms = int(COUNTRIES[viewer.country].utc_offset_hours * _MS_PER_HOUR)
    return (local_ms - offset_ms) % MS_PER_DAY


def _sessions_today(rng: random.Random, mean: float) -> int:
    """At least one; geometric with the given mean."""
    count = 1
    while count < _MAX_SESSIONS and rng.random() < 1 - 1 / mean:
        count += 1
    return count


def _session_id(rng: random.Random) -> str:
    """128 bits in the form the browser SDK uses."""
    return base64.urlsafe_b64encode(rng.randbytes(16)).decode().rstrip("=")


def build_schedule(spec: SimulationSpec) -> Iterator[Visit]:
    """All visits of the spec, day by day, each day in order of arrival. Deterministic."""
    rng = random.Random(f"{spec.seed}/schedule")  # noqa: S311 - a simulation
    videos = build_videos(spec)
    popularity = list(accumulate((rank + 1) ** -_ZIPF_EXPONENT for rank in range(spec.videos)))
    homes = [home_provider(number) for number in range(spec.videos)]
    mix = _Mix(spec.shapes)
    smallest = spec.smallest_shape
    end_ms = day_start_ms(spec.first_day + timedelta(days=spec.days))

    def visit(day: date, viewer: Viewer, room: int | None) -> Visit | None:
        video = rng.choices(range(spec.videos), cum_weights=popularity)[0]
        provider = homes[video]
        if rng.random() >= _HOME_SHARE:
            provider = rng.choices(list(PROVIDER_SHARE), list(PROVIDER_SHARE.values()))[0]
        shape = mix.pick(rng, videos[video].duration_ms, provider, room)
        if shape is None:
            return None
        arrived_ms = day_start_ms(day) + _arrival_ms(rng, viewer)
        # The last evening ends in time: no event falls on a day that was not asked for.
        latest_ms = end_ms - 1 - spec.shapes[shape].length_ms
        started_ms = min(arrived_ms, latest_ms)
        return Visit(day, viewer, _session_id(rng), video, shape, provider, started_ms)

    for number in range(spec.days):
        day = spec.first_day + timedelta(days=number)
        room = _events_of_day(spec, number)
        visits = []
        for viewer in _viewers_today(rng, spec, endless=room is not None):
            for _ in range(_sessions_today(rng, spec.sessions_per_viewer)):
                found = visit(day, viewer, room)
                if found is None:
                    continue
                visits.append(found)
                if room is not None:
                    room -= len(spec.shapes[found.shape].events)
                if room == 0:
                    break
            if room is not None and room < smallest:
                break
        yield from sorted(visits, key=lambda each: (each.started_at_ms, each.session_id))


def _events_of_day(spec: SimulationSpec, number: int) -> int | None:
    """A day's part of `target_events`; the parts add up to it."""
    if spec.target_events is None:
        return None
    total, days = spec.target_events, spec.days
    return total * (number + 1) // days - total * number // days


def _viewers_today(rng: random.Random, spec: SimulationSpec, *, endless: bool) -> Iterator[Viewer]:
    """The viewers who come on a day, each once; `endless` begins anew after the last."""
    pool = range(spec.viewer_pool)
    chosen = rng.sample(pool, len(pool) if endless else spec.viewers_a_day)
    while True:
        for number in chosen:
            yield build_viewer(spec.seed, number)
        if not endless:
            return
