"""Accounting identities between tally rows: they hold for every correctly bounded tally.

A tally that breaks one was computed wrongly, and noise scaled to the bounds would not protect it.
Pure; problems name scopes and keys, never values.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence

from analytics_pipeline.core.policy import RETENTION_BINS, Bounds, furthest_bin_metric
from analytics_pipeline.core.tally import TallyRow


def find_broken_identities(tally: Sequence[TallyRow], bounds: Bounds) -> list[str]:
    """Names of the identities and bounds the tally breaks."""
    value = {(row.scope, row.key, row.metric): row.value for row in tally}
    total: dict[tuple[str, str], int] = defaultdict(int)
    for row in tally:
        total[row.scope, row.metric] += row.value
    viewers, views, seconds = (
        value["platform", "", metric] for metric in ("viewers", "views", "watch_seconds")
    )
    rules = {
        "viewers of all regions = viewers": total["region", "viewers"] == viewers,
        "viewers of all videos = views": total["video", "viewers"] == views,
        "watch seconds of all videos = watch seconds": total["video", "watch_seconds"] == seconds,
        "watch seconds of all creators = watch seconds": total["creator", "watch_seconds"]
        == seconds,
        "viewers <= views": viewers <= views,
        "views <= viewers x videos a viewer-day": views <= viewers * bounds.videos_per_viewer_day,
        "watch seconds <= viewers x seconds a viewer-day": seconds
        <= viewers * bounds.seconds_per_day,
    }
    broken = [rule for rule, holds in rules.items() if not holds]
    return broken + _find_broken_videos(value, bounds)


def _find_broken_videos(value: dict[tuple[str, str, str], int], bounds: Bounds) -> list[str]:
    broken = []
    for scope, key, metric in value:
        if (scope, metric) != ("video", "viewers"):
            continue
        viewers = value[scope, key, metric]
        if value["video", key, "watch_seconds"] > viewers * bounds.seconds_per_video:
            broken.append(f"watch seconds <= viewers x seconds a video ({key})")
        if _sum(value, key) != viewers:
            broken.append(f"viewers of all bins = viewers ({key})")
        if viewers > value["platform", "", "viewers"]:
            broken.append(f"viewers of the video <= viewers ({key})")
    return broken


def _sum(value: dict[tuple[str, str, str], int], video: str) -> int:
    bins: Iterable[int] = range(RETENTION_BINS)
    return sum(value["video", video, furthest_bin_metric(position)] for position in bins)
