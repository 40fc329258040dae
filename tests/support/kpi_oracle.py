"""An independent recomputation of every mart, in plain Python, from `spec/kpis.md` alone.

Written without looking at the SQL, and slow on purpose: it follows the text of the page line by
line. Tests compare every row of every mart with it.
"""

from collections.abc import Iterable, Mapping
from fractions import Fraction
from math import ceil
from typing import Any

from tests.support.view_oracle import (
    BINS,
    DAY_MS,
    OracleEvent,
    OracleVideo,
    View,
    distinct_events,
    group_by,
    peak_by_minute,
    views_of,
)

Row = dict[str, Any]


def _ratio(numerator: float, denominator: float) -> float | None:
    return numerator / denominator if denominator else None


def _seconds(views: Iterable[View]) -> float:
    return sum(view.watch_ms for view in views) / 1000


def _quantile(values: list[int], share: Fraction) -> int | None:
    if not values:
        return None
    return sorted(values)[max(1, ceil(share * len(values))) - 1]


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
            for video_id, group in group_by(views, lambda v: v.video_id).items()
        ],
        "creator_day": [
            _creator(creator_id, group, day_start_ms)
            for creator_id, group in group_by(views, lambda v: v.creator_id).items()
        ],
        "storage_provider_day": [
            _provider(provider, group)
            for provider, group in group_by(views, lambda v: v.provider).items()
        ],
        "region_day": [
            _region(country, group)
            for country, group in group_by(views, lambda v: v.country).items()
        ],
        "retention_day": [
            row
            for video_id, group in group_by(views, lambda v: v.video_id).items()
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
        "watch_seconds": _seconds(views),
        "stalled_seconds": stalled_ms / 1000,
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
