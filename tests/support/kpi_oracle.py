"""An independent recomputation of every KPI, in plain Python, from `spec/kpis.md` alone.

Written without looking at the SQL, and slow on purpose: it follows the text of the page line by
line. Tests compare every row of every mart with it.
"""

import itertools
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from math import ceil
from typing import Any

TYPE_RANK = {
    "load": 0,
    "play": 1,
    "seek": 2,
    "heartbeat": 3,
    "rebuffer": 4,
    "pause": 5,
    "complete": 6,
    "error": 7,
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

Row = dict[str, Any]


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
        view.played |= event.type == "play"
        view.failed |= event.type == "error"
        view.delivered_bytes += event.delivered_bytes or 0
        if view.startup_ms is None and event.type == "play":
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
    view.completed = view.played and any(event.type == "complete" for event in group)
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


def _ratio(numerator: float, denominator: float) -> float | None:
    return numerator / denominator if denominator else None


def _seconds(views: Iterable[View]) -> float:
    return sum(view.watch_ms for view in views) / 1000


def _quantile(values: list[int], share: Fraction) -> int | None:
    if not values:
        return None
    return sorted(values)[max(1, ceil(share * len(values))) - 1]


def _by(views: Iterable[View], key: Callable[[View], str]) -> dict[str, list[View]]:
    groups: dict[str, list[View]] = defaultdict(list)
    for view in views:
        groups[key(view)].append(view)
    return groups


def _peak(views: Iterable[View], day_start_ms: int) -> int:
    return max(peak_by_minute(views, day_start_ms).values(), default=0)


def marts(
    events: Iterable[OracleEvent], videos: Mapping[str, OracleVideo], day_start_ms: int
) -> dict[str, list[Row]]:
    """Every mart of one day, by name; rows are mappings of the columns of spec/kpis.md."""
    inside = [e for e in events if day_start_ms <= e.at_ms < day_start_ms + DAY_MS]
    distinct = distinct_events(inside)
    views = views_of(distinct, videos)
    unknown = sum(event.video_id not in videos for event in distinct)
    minutes = peak_by_minute(views, day_start_ms)
    peak = max(minutes.values(), default=0)
    return {
        "platform_day": [_platform(views, len(distinct), unknown)],
        "video_day": [
            _video(video_id, group, day_start_ms)
            for video_id, group in _by(views, lambda v: v.video_id).items()
        ],
        "creator_day": [
            _creator(creator_id, group, day_start_ms)
            for creator_id, group in _by(views, lambda v: v.creator_id).items()
        ],
        "storage_provider_day": [
            _provider(provider, group)
            for provider, group in _by(views, lambda v: v.provider).items()
        ],
        "region_day": [
            _region(country, group) for country, group in _by(views, lambda v: v.country).items()
        ],
        "retention_day": [
            row
            for video_id, group in _by(views, lambda v: v.video_id).items()
            for row in _retention(video_id, group)
        ],
        "concurrency_minute": [
            {"minute": minute, "peak_concurrent_views": level} for minute, level in minutes.items()
        ],
        "concurrency_day": [
            {
                "peak_concurrent_views": peak,
                "peak_minute": min((m for m, p in minutes.items() if p == peak), default=None),
            }
        ],
    }


def _platform(views: list[View], events: int, unknown: int) -> Row:
    played = [view for view in views if view.played]
    sessions = len({view.session_id for view in played})
    completions = sum(view.completed for view in views)
    return {
        "daily_active_viewers": len({view.viewer for view in played}),
        "sessions": sessions,
        "views": len(views),
        "plays": len(played),
        "watch_seconds": _seconds(views),
        "average_watch_seconds": _ratio(_seconds(views), sessions),
        "play_rate": _ratio(len(played), len(views)),
        "completions": completions,
        "completion_rate": _ratio(completions, len(played)),
        "events": events,
        "unknown_video_events": unknown,
    }


def _video(video_id: str, views: list[View], day_start_ms: int) -> Row:
    played = [view for view in views if view.played]
    completions = sum(view.completed for view in views)
    return {
        "video_id": video_id,
        "creator_id": views[0].creator_id,
        "viewers": len({view.viewer for view in played}),
        "views": len(views),
        "plays": len(played),
        "watch_seconds": _seconds(views),
        "average_watch_seconds": _ratio(_seconds(views), len(played)),
        "play_rate": _ratio(len(played), len(views)),
        "completions": completions,
        "completion_rate": _ratio(completions, len(played)),
        "peak_concurrent_views": _peak(views, day_start_ms),
    }


def _creator(creator_id: str, views: list[View], day_start_ms: int) -> Row:
    played = [view for view in views if view.played]
    completions = sum(view.completed for view in views)
    return {
        "creator_id": creator_id,
        "viewers": len({view.viewer for view in played}),
        "videos_played": len({view.video_id for view in played}),
        "plays": len(played),
        "watch_seconds": _seconds(views),
        "average_watch_seconds": _ratio(_seconds(views), len(played)),
        "completions": completions,
        "completion_rate": _ratio(completions, len(played)),
        "peak_concurrent_views": _peak(views, day_start_ms),
    }


def _provider(provider: str, views: list[View]) -> Row:
    startups = [v.startup_ms for v in views if v.played and v.startup_ms is not None]
    stalled_ms = sum(view.stalled_ms for view in views)
    errors = sum(view.failed for view in views)
    return {
        "provider": provider,
        "views": len(views),
        "plays": sum(view.played for view in views),
        "delivered_bytes": sum(view.delivered_bytes for view in views),
        "startup_ms_p50": _quantile(startups, Fraction(1, 2)),
        "startup_ms_p95": _quantile(startups, Fraction(95, 100)),
        "rebuffers": sum(view.rebuffers for view in views),
        "rebuffer_ratio": _ratio(stalled_ms, sum(view.watch_ms for view in views) + stalled_ms),
        "errors": errors,
        "error_rate": _ratio(errors, len(views)),
    }


def _region(country: str, views: list[View]) -> Row:
    played = [view for view in views if view.played]
    return {
        "country": country,
        "viewers": len({view.viewer for view in played}),
        "plays": len(played),
        "watch_seconds": _seconds(views),
    }


def _retention(video_id: str, views: list[View]) -> list[Row]:
    played = [view for view in views if view.played]
    if not played:
        return []
    furthest = [sum(view.bin == index for view in played) for index in range(BINS)]
    return [
        {
            "video_id": video_id,
            "bin": index,
            "furthest": furthest[index],
            "reached": sum(furthest[index:]),
            "retention": sum(furthest[index:]) / len(played),
        }
        for index in range(BINS)
    ]


def tally(
    events: Iterable[OracleEvent],
    videos: Mapping[str, OracleVideo],
    day_start_ms: int,
    *,
    videos_per_viewer_day: int,
    seconds_per_video: int,
    seconds_per_day: int,
    countries: Iterable[str],
) -> dict[tuple[str, str, str], int]:
    """The tally where no bound depends on the secret order of a viewer's videos.

    Raises: AssertionError when a viewer watches more videos, or more bounded seconds, than the
    bounds let through: then the secret rank decides, and nobody outside can recompute it.
    """
    inside = [e for e in events if day_start_ms <= e.at_ms < day_start_ms + DAY_MS]
    views = [v for v in views_of(distinct_events(inside), videos) if v.played]
    rows: dict[tuple[str, str, str], int] = {("platform", "", m): 0 for m in ("viewers", "views")}
    rows["platform", "", "watch_seconds"] = 0
    for video in videos.values():
        for metric in ("viewers", "watch_seconds", *(f"furthest_bin_{i:02}" for i in range(BINS))):
            rows["video", video.video_id, metric] = 0
        for metric in ("viewers", "watch_seconds"):
            rows["creator", video.creator_id, metric] = 0
    for country in countries:
        rows["region", country, "viewers"] = 0
    by_viewer = _by(views, lambda v: v.viewer)
    for own in by_viewer.values():
        by_video = _by(own, lambda v: v.video_id)
        assert len(by_video) <= videos_per_viewer_day
        first = min(own, key=lambda v: (v.first_at_ms, v.session_id, v.video_id))
        rows["region", first.country, "viewers"] += 1
        rows["platform", "", "viewers"] += 1
        day_seconds = 0
        for video_id, group in by_video.items():
            seconds = min(seconds_per_video, sum(v.watch_ms for v in group) // 1000)
            day_seconds += seconds
            rows["platform", "", "views"] += 1
            rows["platform", "", "watch_seconds"] += seconds
            rows["video", video_id, "viewers"] += 1
            rows["video", video_id, "watch_seconds"] += seconds
            rows["video", video_id, f"furthest_bin_{max(v.bin for v in group):02}"] += 1
            rows["creator", videos[video_id].creator_id, "watch_seconds"] += seconds
        for creator_id in {videos[video_id].creator_id for video_id in by_video}:
            rows["creator", creator_id, "viewers"] += 1
        assert day_seconds <= seconds_per_day
    return rows
