"""Accounting identities between tally rows: they hold for every correctly bounded tally.

A tally that breaks one was computed wrongly, and noise scaled to the bounds would not protect it.
Pure; problems name scopes and keys, never values.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Final

from analytics_pipeline.core.histograms import (
    FURTHEST_BIN_METRICS,
    REBUFFER_METRICS,
    STARTUP_METRICS,
)
from analytics_pipeline.core.policy import CONTINENT_METRICS, Bounds
from analytics_pipeline.core.tally import TallyRow

_Values = Mapping[tuple[str, str, str], int]
#: Metrics that divide the viewers of a key: each of them stands in exactly one.
_DIVISIONS: Final = (
    ("video", "bins", FURTHEST_BIN_METRICS),
    ("creator", "continents", CONTINENT_METRICS),
    ("provider", "start-up bins", STARTUP_METRICS),
    ("provider", "rebuffer bins", REBUFFER_METRICS),
)


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
        "viewers of all providers = viewers": total["provider", "viewers"] == viewers,
        "viewers of all videos = views": total["video", "viewers"] == views,
        "viewers <= viewers of all creators <= views": viewers
        <= total["creator", "viewers"]
        <= views,
        "watch seconds of all videos = watch seconds": total["video", "watch_seconds"] == seconds,
        "watch seconds of all creators = watch seconds": total["creator", "watch_seconds"]
        == seconds,
        "viewers <= views": viewers <= views,
        "views <= viewers x videos a viewer-day": views <= viewers * bounds.videos_per_viewer_day,
        "watch seconds <= viewers x seconds a viewer-day": seconds
        <= viewers * bounds.seconds_per_day,
    }
    for metric in ("peak_viewers", "first_of_week", "first_of_month"):
        rules[f"{metric} <= viewers"] = value["platform", "", metric] <= viewers
    broken = [rule for rule, holds in rules.items() if not holds]
    return [*broken, *_find_broken_divisions(value), *_find_broken_keys(value, bounds)]


def _find_broken_divisions(value: _Values) -> list[str]:
    return [
        f"viewers of all {parts} = viewers ({key})"
        for scope, parts, metrics in _DIVISIONS
        for key in _keys(value, scope)
        if sum(value[scope, key, metric] for metric in metrics) != value[scope, key, "viewers"]
    ]


def _find_broken_keys(value: _Values, bounds: Bounds) -> list[str]:
    broken = []
    for scope in ("video", "creator"):
        for key in _keys(value, scope):
            if value[scope, key, "viewers"] > value["platform", "", "viewers"]:
                broken.append(f"viewers of the {scope} <= viewers ({key})")
    for key in _keys(value, "video"):
        most = value["video", key, "viewers"] * bounds.seconds_per_video
        if value["video", key, "watch_seconds"] > most:
            broken.append(f"watch seconds <= viewers x seconds a video ({key})")
    for key in _keys(value, "creator"):
        most = value["creator", key, "viewers"] * bounds.seconds_per_day
        if value["creator", key, "watch_seconds"] > most:
            broken.append(f"watch seconds <= viewers x seconds a viewer-day ({key})")
    return broken


def _keys(value: _Values, scope: str) -> list[str]:
    return [key for s, key, metric in value if (s, metric) == (scope, "viewers")]
