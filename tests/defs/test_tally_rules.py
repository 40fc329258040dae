"""Tallies and contributions that no release may be made of are told before anything is spent."""

from dataclasses import replace

import polars as pl
import pytest

from analytics_pipeline.defs.steps import (
    day_commitments,
    inputs,
)
from analytics_pipeline.defs.stores import Stores
from tests.defs.support import (
    DAYS,
)

FIRST = DAYS[0]


@pytest.mark.parametrize(
    ("column", "value", "rule"),
    [
        ("country", "FR", "sum to the tally: region viewers"),
        ("furthest_bin", 2, "sum to the tally: video furthest_bin_02"),
        ("video_id", "video-1", "sum to the tally: creator watch_seconds"),
        ("seconds", 11, "sum to the tally: platform watch_seconds"),
        ("viewer", 2, "sum to the tally: platform viewers"),
        ("video_id", "video-9", "not in the listing"),
        ("seconds", 10**6, "not within the bound of a video"),
    ],
)
def test_contributions_that_are_not_the_tallys_are_told(
    loaded: Stores, column: str, value: object, rule: str
) -> None:
    """Their report could never be proved, and its budget would be gone. No value is shown."""
    [honest] = inputs.load_inputs(loaded, [FIRST])
    assert day_commitments.find_problems([honest]) == []
    first = pl.col("viewer") == 1
    frame = honest.contributions.with_columns(
        pl.when(first).then(pl.lit(value)).otherwise(pl.col(column)).cast(pl.Int64).alias(column)
        if isinstance(value, int)
        else pl.when(first).then(pl.lit(value)).otherwise(pl.col(column)).alias(column)
    )
    changed = replace(honest, contributions=frame)
    problems = day_commitments.find_problems([changed])
    if (column, value) == ("viewer", 2):  # the same viewer and video twice
        assert "not once for a viewer" in problems[0]
    else:
        assert any(rule in problem for problem in problems), problems
    assert not any(word in str(problems) for word in ("500", "5000", "499", "video-9"))
    assert changed.digest != honest.digest


@pytest.mark.parametrize(
    ("row", "value", "rule"),
    [
        (("platform", "", "viewers"), 501, "viewers of all regions = viewers"),
        (("platform", "", "views"), 6000, "views <= viewers x videos a viewer-day"),
        (("platform", "", "watch_seconds"), 10**7, "watch seconds <= viewers x seconds"),
        (
            ("video", "video-0", "watch_seconds"),
            10**6,
            "watch seconds <= viewers x seconds a video",
        ),
        (("video", "video-0", "furthest_bin_01"), 499, "viewers of all bins = viewers"),
        (("video", "video-1", "viewers"), 1, "viewers of all videos = views"),
        (("creator", "creator-1", "watch_seconds"), 1, "watch seconds of all creators"),
        (("creator", "creator-0", "viewers_zz"), 1, "viewers of all continents = viewers"),
        (("provider", "cdn", "viewers"), 1, "viewers of all providers = viewers"),
        (("provider", "ipfs", "startup_7"), 1, "viewers of all start-up bins = viewers"),
        (("provider", "ipfs", "rebuffer_0"), 499, "viewers of all rebuffer bins = viewers"),
        (("platform", "", "peak_viewers"), 501, "peak_viewers <= viewers"),
        (("platform", "", "first_of_month"), 501, "first_of_month <= viewers"),
        (("region", "US", "viewers"), -1, "must be an integer"),
    ],
)
def test_a_tally_outside_its_bounds_is_told(
    loaded: Stores, row: tuple[str, str, str], value: int, rule: str
) -> None:
    """Noise scaled to the bounds would not protect it, so it must not come to a release."""
    [honest] = inputs.load_inputs(loaded, [FIRST])
    rows = tuple((*old[:3], value) if old[:3] == row else old for old in honest.rows)
    problems = inputs.find_tally_problems([replace(honest, rows=rows)])
    assert any(rule in problem for problem in problems), problems
    assert not any("6000" in problem or "501" in problem for problem in problems)


def test_a_tally_must_have_the_public_keys(loaded: Stores) -> None:
    """Keys that depend on the data would tell what was watched."""
    [honest] = inputs.load_inputs(loaded, [FIRST])
    fewer = tuple(row for row in honest.rows if row[1] != "video-3")
    [problem] = inputs.find_tally_problems([replace(honest, rows=fewer)])
    assert "public video list" in problem
