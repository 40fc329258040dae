"""From events to views in plain Python, as `spec/kpis.md` says, rules 1 to 8.

Written without looking at the SQL, and slow on purpose: it follows the text of the page line by
line. `kpi_oracle` makes the marts of it, `tally_oracle` the tally.
"""

import itertools
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

TYPE_RANK = {
    "load": 0,
    "play": 1,
    "seek": 2,
    "heartbeat": 3,
    "rebuffer": 4,
    "pause": 5,
    "complete": 6,
    "error": 7,
    "summary": 8,
}
STATE_AFTER = {
    "load": "idle",
    "play": "playing",
    "heartbeat": "playing",
    "rebuffer": "stalled",
    "pause": "paused",
    "complete": "ended",
    "error": "ended",
}
SILENCE_MS = 60_000
LONG_STALL_MS = 300_000
DAY_MS = 86_400_000
MINUTE_MS = 60_000
BINS = 20


@dataclass(frozen=True)
class OracleEvent:
    """One event as the sealer stores it."""

    session_id: str
    video_id: str
    type: str
    at_ms: int
    viewer: str
    country: str
    seq: int = 0
    position_ms: int | None = None
    startup_ms: int | None = None
    delivered_bytes: int | None = None
    provider: str = "unknown"
    received_at_ms: int = 0
    first_of_week: bool | None = None
    first_of_month: bool | None = None
    watched_ms: int | None = None
    stalled_ms: int | None = None


@dataclass(frozen=True)
class OracleVideo:
    """One video of the catalogue."""

    video_id: str
    creator_id: str
    duration_ms: int


@dataclass
class View:
    """What spec/kpis.md, "From events to views" 6, says of a view."""

    session_id: str
    video_id: str
    creator_id: str
    viewer: str
    country: str
    provider: str
    first_at_ms: int
    duration_ms: int
    watch_ms: int = 0
    stalled_ms: int = 0
    rebuffers: int = 0
    played: bool = False
    completed: bool = False
    failed: bool = False
    startup_ms: int | None = None
    delivered_bytes: int = 0
    furthest_ms: int = 0
    first_of_week: bool = False
    first_of_month: bool = False
    present: list[tuple[int, int]] = field(default_factory=list)

    @property
    def bin(self) -> int:
        return min(BINS - 1, BINS * self.furthest_ms // self.duration_ms)


def distinct_events(events: Iterable[OracleEvent]) -> list[OracleEvent]:
    """Rule 1: of equal keys the event received first."""
    kept: dict[tuple[str, str, str, int, int], OracleEvent] = {}
    for event in sorted(events, key=lambda e: e.received_at_ms):
        key = (event.session_id, event.video_id, event.type, event.at_ms, event.seq)
        kept.setdefault(key, event)
    return list(kept.values())


def views_of(events: Iterable[OracleEvent], videos: Mapping[str, OracleVideo]) -> list[View]:
    """Rules 2 to 6: one day's distinct events to views."""
    grouped: dict[tuple[str, str], list[OracleEvent]] = defaultdict(list)
    for event in events:
        if event.video_id in videos:
            grouped[event.session_id, event.video_id].append(event)
    return [_view(group, videos[video_id]) for (_, video_id), group in grouped.items()]


def _view(group: list[OracleEvent], video: OracleVideo) -> View:
    group.sort(key=lambda e: (e.at_ms, e.seq, TYPE_RANK[e.type]))
    first = group[0]
    view = View(
        first.session_id,
        first.video_id,
        video.creator_id,
        first.viewer,
        first.country,
        first.provider,
        first.at_ms,
        video.duration_ms,
    )
    state = "idle"
    stall: list[int] | None = None
    for index, event in enumerate(group):
        state = STATE_AFTER.get(event.type, state)
        view.rebuffers += event.type == "rebuffer"
        view.played |= event.type in ("play", "summary")
        view.failed |= event.type == "error"
        view.first_of_week |= bool(event.first_of_week)
        view.first_of_month |= bool(event.first_of_month)
        view.delivered_bytes += event.delivered_bytes or 0
        if view.startup_ms is None and event.type in ("play", "summary"):
            view.startup_ms = event.startup_ms
        if event.type != "seek":
            view.furthest_ms = max(view.furthest_ms, event.position_ms or 0)
        following = group[index + 1] if index + 1 < len(group) else None
        if state == "stalled":
            end_ms = following.at_ms if following else event.at_ms
            view.stalled_ms += end_ms - event.at_ms
            stall = [stall[0], end_ms] if stall else [event.at_ms, end_ms]
        elif stall:
            _close_stall(view, stall)
            stall = None
        if state == "playing" and following:
            played_ms = _played_ms(event, following)
            view.watch_ms += played_ms
            view.present.append((event.at_ms, event.at_ms + played_ms))
    if stall:
        _close_stall(view, stall)
    kinds = {event.type for event in group}
    view.completed = {"play", "complete"} <= kinds
    view.watch_ms += max((event.watched_ms or 0 for event in group), default=0)
    view.stalled_ms += max((event.stalled_ms or 0 for event in group), default=0)
    return view


def _played_ms(event: OracleEvent, following: OracleEvent) -> int:
    advance = 0
    positions = (event.position_ms, following.position_ms)
    if following.type != "seek" and positions[0] is not None and positions[1] is not None:
        advance = max(0, positions[1] - positions[0])
    return min(following.at_ms - event.at_ms, max(SILENCE_MS, advance))


def _close_stall(view: View, stall: list[int]) -> None:
    if stall[1] - stall[0] <= LONG_STALL_MS:
        view.present.append((stall[0], stall[1]))


def peak_by_minute(views: Iterable[View], day_start_ms: int) -> dict[int, int]:
    """Largest number of views present at one instant, by minute of the day (only above 0)."""
    change: dict[int, int] = defaultdict(int)
    for view in views:
        for start_ms, end_ms in view.present:
            if end_ms > start_ms:
                change[start_ms] += 1
                change[end_ms] -= 1
    peaks: dict[int, int] = defaultdict(int)
    moments = sorted(change)
    level = 0
    for moment, until in itertools.pairwise(moments):
        level += change[moment]
        first = (moment - day_start_ms) // MINUTE_MS
        last = (until - 1 - day_start_ms) // MINUTE_MS
        for minute in range(first, min(last, 1439) + 1):
            peaks[minute] = max(peaks[minute], level)
    return {minute: peak for minute, peak in peaks.items() if peak > 0}


def group_by(views: Iterable[View], key: Callable[[View], str]) -> dict[str, list[View]]:
    groups: dict[str, list[View]] = defaultdict(list)
    for view in views:
        groups[key(view)].append(view)
    return groups


def views_of_day(
    events: Iterable[OracleEvent], videos: Mapping[str, OracleVideo], day_start_ms: int
) -> list[View]:
    """The views of one day's events."""
    inside = [e for e in events if day_start_ms <= e.at_ms < day_start_ms + DAY_MS]
    return views_of(distinct_events(inside), videos)
