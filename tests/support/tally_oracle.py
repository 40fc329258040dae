"""An independent recomputation of the tally, in plain Python, from `spec/kpis.md` alone.

Written without looking at the SQL, and slow on purpose. Tests compare every row with it.
"""

import itertools
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction

from tests.support.view_oracle import (
    BINS,
    OracleEvent,
    OracleVideo,
    View,
    group_by,
    views_of_day,
)

STARTUP_MS = (250, 500, 1000, 2000, 4000, 8000)
REBUFFER_SHARES = tuple(Fraction(percent) / 100 for percent in ("0.5", "1", "2", "5", "10", "20"))

Tally = dict[tuple[str, str, str], int]


@dataclass(frozen=True)
class ViewerDay:
    """Rule 3: what is said of a viewer-day as a whole."""

    country: str
    provider: str
    startup_bin: int
    rebuffer_bin: int
    first_of_week: bool
    first_of_month: bool


def tally(
    events: Iterable[OracleEvent],
    videos: Mapping[str, OracleVideo],
    day_start_ms: int,
    *,
    videos_per_viewer_day: int,
    seconds_per_video: int,
    seconds_per_day: int,
    continent_of_country: Mapping[str, str],
    providers: Iterable[str],
) -> Tally:
    """The tally where no bound depends on the secret order of a viewer's videos.

    Raises: AssertionError when a viewer watches more videos, or more bounded seconds, than the
    bounds let through: then the secret rank decides, and nobody outside can recompute it.
    """
    views = [view for view in views_of_day(events, videos, day_start_ms) if view.played]
    rows = _zeros(videos, continent_of_country, providers)
    for own in group_by(views, lambda v: v.viewer).values():
        day = viewer_day(own)
        _add_viewer_day(rows, day)
        by_video = group_by(own, lambda v: v.video_id)
        assert len(by_video) <= videos_per_viewer_day
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
            rows["creator", creator_id, f"viewers_{continent_of_country[day.country]}"] += 1
        assert day_seconds <= seconds_per_day
    rows["platform", "", "peak_viewers"] = peak_viewers(views)
    return rows


def viewer_day(played: list[View]) -> ViewerDay:
    """Rule 3 for one viewer's played views."""
    first = min(played, key=lambda v: (v.first_at_ms, v.session_id, v.video_id))
    startup_bin = 7
    if first.startup_ms is not None:
        startup_bin = sum(first.startup_ms >= edge for edge in STARTUP_MS)
    stalled = sum(view.stalled_ms for view in played)
    rebuffer_bin = 0
    if stalled:
        share = Fraction(stalled, stalled + sum(view.watch_ms for view in played))
        rebuffer_bin = 1 + sum(share >= edge for edge in REBUFFER_SHARES)
    return ViewerDay(
        first.country,
        first.provider,
        startup_bin,
        rebuffer_bin,
        any(view.first_of_week for view in played),
        any(view.first_of_month for view in played),
    )


def peak_viewers(played: Iterable[View]) -> int:
    """Most viewers present at one instant: tried at every instant at which a span begins."""
    spans = [
        (start_ms, end_ms, view.viewer) for view in played for start_ms, end_ms in view.present
    ]
    return max(
        (
            len({viewer for start, end, viewer in spans if start <= instant < end})
            for instant in {start for start, _, _ in spans}
        ),
        default=0,
    )


def _add_viewer_day(rows: Tally, day: ViewerDay) -> None:
    rows["platform", "", "viewers"] += 1
    rows["platform", "", "first_of_week"] += day.first_of_week
    rows["platform", "", "first_of_month"] += day.first_of_month
    rows["region", day.country, "viewers"] += 1
    rows["provider", day.provider, "viewers"] += 1
    rows["provider", day.provider, f"startup_{day.startup_bin}"] += 1
    rows["provider", day.provider, f"rebuffer_{day.rebuffer_bin}"] += 1


def _zeros(
    videos: Mapping[str, OracleVideo],
    continent_of_country: Mapping[str, str],
    providers: Iterable[str],
) -> Tally:
    watched = ("viewers", "watch_seconds")
    continents = {f"viewers_{continent}" for continent in continent_of_country.values()}
    bins = [f"{histogram}_{i}" for histogram in ("startup", "rebuffer") for i in range(8)]
    firsts = ("first_of_week", "first_of_month")
    metrics: dict[str, Iterable[str]] = {
        "platform": (*watched, "views", "peak_viewers", *firsts),
        "video": (*watched, *(f"furthest_bin_{i:02}" for i in range(BINS))),
        "creator": (*watched, *continents),
        "provider": ("viewers", *bins),
        "region": ("viewers",),
    }
    keys: dict[str, Iterable[str]] = {
        "platform": ("",),
        "video": videos,
        "creator": {video.creator_id for video in videos.values()},
        "provider": providers,
        "region": continent_of_country,
    }
    return defaultdict(
        int,
        {
            (scope, key, metric): 0
            for scope, names in metrics.items()
            for key, metric in itertools.product(keys[scope], names)
        },
    )
