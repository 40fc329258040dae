"""A day small enough to work out by hand from spec/kpis.md, and what every mart must say of it.

10:00:01  A plays v1 to its end, with a stall of 3 s and a silent but moving last part
10:00:30  B plays v1 for 10 s, stalls for 310 s (seeking meanwhile), plays 10 s more
10:00:35  C loads v1 and sends a heartbeat, but never plays
12:00:00  A plays v2 for 30 s, pauses a minute, falls silent for 100 s, fails
"""

from datetime import date
from typing import Any

from analytics_pipeline.core.day import day_start_ms
from analytics_pipeline.core.regions import REGIONS

DAY = date(2026, 1, 5)
VIDEOS = [
    ("demo", "v1", "ada", 100_000),
    ("demo", "v2", "ada", 200_000),
    ("demo", "v3", "bob", 50_000),
    ("other", "v1", "eve", 1),
]
SESSIONS = {
    "A": {"session_id": "session-of-a", "viewer": "a1" * 16, "country": "DE", "provider": "ipfs"},
    "B": {"session_id": "session-of-b", "viewer": "b2" * 16, "country": "FR", "provider": "cdn"},
    # XX is not on the list of regions
    "C": {"session_id": "session-of-c", "viewer": "c3" * 16, "country": "XX", "provider": "ipfs"},
}
TEN, NOON = 36_000_000, 43_200_000


def event(who: str, video_id: str, kind: str, after_ms: int, **fields: Any) -> dict[str, Any]:
    """One event, `after_ms` milliseconds into the day."""
    at_ms = day_start_ms(DAY) + after_ms
    common = {"video_id": video_id, "type": kind, "at_ms": at_ms, "seq": 0, "received_at_ms": at_ms}
    return SESSIONS[who] | common | fields


EVENTS = [
    # out of order on purpose: the order of the file must not matter
    event("A", "v1", "complete", TEN + 104_000, position_ms=100_000),
    event("A", "v1", "load", TEN),
    event("A", "v1", "play", TEN + 1_000, position_ms=0, startup_ms=800, delivered_bytes=1_000),
    event("A", "v1", "play", TEN + 1_000, startup_ms=5, received_at_ms=4_000_000_000_000),  # again
    event("A", "v1", "heartbeat", TEN + 11_000, position_ms=10_000, delivered_bytes=2_000),
    event("A", "v1", "rebuffer", TEN + 15_000, position_ms=14_000),
    event("A", "v1", "heartbeat", TEN + 18_000, position_ms=14_000),
    event("B", "v1", "play", TEN + 30_000, position_ms=0, startup_ms=400),
    event("B", "v1", "rebuffer", TEN + 40_000, position_ms=10_000),
    event("B", "v1", "seek", TEN + 50_000, position_ms=95_000),
    event("B", "v1", "heartbeat", TEN + 350_000, position_ms=80_000),
    event("B", "v1", "pause", TEN + 360_000, position_ms=90_000),
    event("C", "v1", "load", TEN + 35_000),
    event("C", "v1", "heartbeat", TEN + 36_000, position_ms=500),
    event("C", "v1", "pause", TEN + 38_000, position_ms=2_500),
    event("A", "v2", "play", NOON, position_ms=0, startup_ms=1_200),
    event("A", "v2", "pause", NOON + 30_000, position_ms=30_000),
    event("A", "v2", "play", NOON + 90_000, position_ms=30_000),
    event("A", "v2", "heartbeat", NOON + 190_000, position_ms=60_000),
    event("A", "v2", "error", NOON + 195_000, position_ms=64_000, error_code="NETWORK"),
    event("A", "gone", "play", NOON + 300_000),
]


def _retention(video_id: str, plays: int, ends: dict[int, int]) -> list[dict[str, Any]]:
    reached = [sum(count for end, count in ends.items() if end >= bin_) for bin_ in range(20)]
    return [
        {
            "video_id": video_id,
            "bin": bin_,
            "furthest": ends.get(bin_, 0),
            "reached": reached[bin_],
            "retention": reached[bin_] / plays,
        }
        for bin_ in range(20)
    ]


def _row(names: str, *values: Any) -> dict[str, Any]:
    return dict(zip(names.split(), values, strict=True))


_VIDEO = (
    "video_id creator_id viewers views plays watch_seconds average_watch_seconds play_rate"
    " completions completion_rate peak_concurrent_views"
)
_PROVIDER = (
    "provider views plays delivered_bytes startup_ms_p50 startup_ms_p95 rebuffers watch_seconds"
    " stalled_seconds rebuffer_ratio errors error_rate"
)
EXPECTED: dict[str, list[dict[str, Any]]] = {
    "platform_day": [
        {
            "daily_active_viewers": 2,
            "sessions": 2,
            "views": 4,
            "plays": 3,
            "watch_seconds": 217.0,  # A 10 + 4 + 86 and 30 + 60 + 5, B 10 + 10, C 2
            "average_watch_seconds": 108.5,
            "play_rate": 0.75,
            "completions": 1,
            "completion_rate": 1 / 3,
            "events": 20,
            "unknown_video_events": 1,
        }
    ],
    "video_day": [
        _row(_VIDEO, "v1", "ada", 2, 3, 2, 122.0, 61.0, 2 / 3, 1, 0.5, 3),
        _row(_VIDEO, "v2", "ada", 1, 1, 1, 95.0, 95.0, 1.0, 0, 0.0, 1),
    ],
    "creator_day": [
        _row(
            "creator_id viewers videos_played plays watch_seconds average_watch_seconds"
            " completions completion_rate peak_concurrent_views",
            *("ada", 2, 2, 3, 217.0, 217 / 3, 1, 1 / 3, 3),
        )
    ],
    "storage_provider_day": [
        _row(_PROVIDER, "cdn", 1, 1, 0, 400, 400, 1, 20.0, 310.0, 310 / 330, 0, 0.0),
        _row(_PROVIDER, "ipfs", 3, 2, 3_000, 800, 1_200, 1, 197.0, 3.0, 3 / 200, 1, 1 / 3),
    ],
    "region_day": [
        _row("country viewers plays watch_seconds", "DE", 1, 2, 195.0),
        _row("country viewers plays watch_seconds", "FR", 1, 1, 20.0),
        _row("country viewers plays watch_seconds", "ZZ", 0, 0, 2.0),
    ],
    "retention_day": [*_retention("v1", 2, {18: 1, 19: 1}), *_retention("v2", 1, {6: 1})],
    "concurrency_minute": [
        _row("minute peak_concurrent_views", minute, peak)
        for minute, peak in (
            *((600, 3), (601, 1), (605, 1)),
            *((720, 1), (721, 1), (722, 1), (723, 1)),
        )
    ],
    "concurrency_day": [{"peak_concurrent_views": 3, "peak_minute": 600}],
}

#: Every row of the tally that is not 0.
TALLY = {
    ("platform", "", "viewers"): 2,
    ("platform", "", "views"): 3,
    ("platform", "", "peak_viewers"): 2,  # C never plays
    ("platform", "", "watch_seconds"): 215,
    ("video", "v1", "viewers"): 2,
    ("video", "v1", "watch_seconds"): 120,
    ("video", "v1", "furthest_bin_18"): 1,
    ("video", "v1", "furthest_bin_19"): 1,
    ("video", "v2", "viewers"): 1,
    ("video", "v2", "watch_seconds"): 95,
    ("video", "v2", "furthest_bin_06"): 1,
    ("creator", "ada", "viewers"): 2,
    ("creator", "ada", "watch_seconds"): 215,
    ("creator", "ada", "viewers_eu"): 2,
    ("provider", "ipfs", "viewers"): 1,
    ("provider", "ipfs", "startup_2"): 1,  # 800 ms: A's later play does not count
    ("provider", "ipfs", "rebuffer_3"): 1,  # 3 s of 198
    ("provider", "cdn", "viewers"): 1,
    ("provider", "cdn", "startup_1"): 1,  # 400 ms
    ("provider", "cdn", "rebuffer_7"): 1,  # 310 s of 330
    ("region", "DE", "viewers"): 1,
    ("region", "FR", "viewers"): 1,
}
#: platform 6; each of 3 videos 22; each of 2 creators 10; each of 5 providers 17; each region 1
TALLY_ROWS = 6 + 3 * 22 + 2 * 10 + 5 * 17 + len(REGIONS)
