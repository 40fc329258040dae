"""The contributions of a day and its tally say the same: what is proved is what is noised.

A release that were drawn from other sums than those its contributions have could never be proved,
and its budget would be spent. Pure; problems name scopes and metrics, never values or keys' sums.
"""

from collections.abc import Sequence
from typing import Final

import polars as pl

from analytics_pipeline.core.listing import Listing
from analytics_pipeline.core.tally import TallyRow

_Name = tuple[str, str, str]
#: Column of each scope's key.
_KEYS: Final = {
    "platform": "platform",
    "video": "video_id",
    "creator": "creator_id",
    "provider": "provider",
    "region": "country",
}
#: Yes or no of a viewer-day, and the metric that counts it.
_BITS: Final = {
    "at_peak": "peak_viewers",
    "first_of_month": "first_of_month",
    "first_of_week": "first_of_week",
}
#: Columns each of whose values has a metric: scope, column, the metric's name.
_CELLS: Final = (
    ("video", "furthest_bin", "furthest_bin_{:02d}"),
    ("creator", "continent", "viewers_{}"),
    ("provider", "startup_bin", "startup_{}"),
    ("provider", "rebuffer_bin", "rebuffer_{}"),
)


def find_differences(
    contributions: pl.DataFrame, tally: Sequence[TallyRow], listing: Listing
) -> list[str]:
    """Which figures of the tally are not the sums of the contributions, by scope and metric."""
    sums = sum_contributions(contributions, listing)
    released = {(row.scope, row.key, row.metric): row.value for row in tally}
    metrics = {(scope, metric) for scope, _, metric in released}
    differing = {
        (scope, metric)
        for scope, key, metric in sums.keys() | released.keys()
        if (scope, metric) in metrics
        and sums.get((scope, key, metric), 0) != released.get((scope, key, metric), 0)
    }
    return [
        f"the contributions do not sum to the tally: {scope} {metric}"
        for scope, metric in sorted(differing)
    ]


def sum_contributions(contributions: pl.DataFrame, listing: Listing) -> dict[_Name, int]:
    """(scope, key, metric) → exact sum, for whatever has one."""
    owners = pl.DataFrame(
        [(video.video_id, video.creator_id) for video in listing.videos],
        schema={"video_id": pl.String, "creator_id": pl.String},
        orient="row",
    )
    frame = contributions.join(owners, on="video_id", how="left").with_columns(platform=pl.lit(""))
    viewers = pl.col("viewer")
    counted = {
        "viewers": viewers.n_unique(),
        "views": pl.len(),
        "watch_seconds": pl.col("seconds").sum(),
        **{metric: viewers.filter(column).n_unique() for column, metric in _BITS.items()},
    }
    sums: dict[_Name, int] = {}
    for scope, column in _KEYS.items():
        for row in frame.group_by(column).agg(**counted).iter_rows(named=True):
            sums |= {(scope, row[column] or "", metric): row[metric] for metric in counted}
    for scope, column, metric in _CELLS:
        cells = frame.group_by(_KEYS[scope], column).agg(viewers.n_unique())
        for key, cell, count in cells.iter_rows():
            sums[scope, key or "", metric.format(cell)] = count
    return sums
