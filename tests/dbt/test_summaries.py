"""A day of devices that count for themselves, one of them a liar: the SQL trusts none."""

from datetime import date
from pathlib import Path
from typing import Any

import pytest

from analytics_pipeline.core.day import day_start_ms
from analytics_pipeline.core.policy import Bounds
from tests.dbt.deployment import PLATFORM, Deployment

DAY = date(2026, 1, 7)
VIDEOS = [(PLATFORM, f"v{number:02}", "ada", 100_000) for number in range(12)]
GREEDY, MODEST = "9" * 32, "1" * 32


def summary(viewer: str, video: int, watched_ms: int, seq: int, **fields: Any) -> dict[str, Any]:
    """One summary of `DAY`; a viewer has one group."""
    return {
        "session_id": f"group-{viewer[:16]}",
        "video_id": f"v{video:02}",
        "type": "summary",
        "at_ms": day_start_ms(DAY) + video,
        "seq": seq,
        "position_ms": min(watched_ms, 99_999),
        "provider": "ipfs",
        "viewer": viewer,
        "country": "ZZ",
        "received_at_ms": seq,
        "watched_ms": watched_ms,
        "stalled_ms": 0,
        **fields,
    }


EVENTS = [
    *(summary(GREEDY, video, 86_400_000, seq) for video in range(12) for seq in (5, 6)),
    summary(MODEST, 3, 40_000, 12, first_of_week=True, first_of_month=False),
    summary(MODEST, 3, 61_999, 11, first_of_week=True, first_of_month=False),  # overtaken
    summary(MODEST, 3, 10_000, 10),
    summary(MODEST, 4, 0, 13),
]


@pytest.fixture(scope="module")
def deployment(tmp_path_factory: pytest.TempPathFactory) -> Deployment:
    """Built with every data test of the project."""
    home: Path = tmp_path_factory.mktemp("summaries")
    deployment = Deployment(home)
    deployment.write_videos(VIDEOS)
    deployment.write_events(DAY, EVENTS)
    result = deployment.build(DAY, DAY, "--exclude-resource-type", "unit_test")
    assert result.returncode == 0, result.stdout + result.stderr
    return deployment


def test_a_lying_device_adds_no_more_than_a_viewer_may(deployment: Deployment) -> None:
    """Ten of its twelve videos, 900 s of each, 3600 s in all: the bounds of any viewer-day."""
    bounds = Bounds()
    tally = {
        (row["scope"], row["key"], row["metric"]): row["value"]
        for row in deployment.rows("tally", DAY)
    }
    assert tally["platform", "", "viewers"] == 2
    assert tally["platform", "", "views"] == bounds.videos_per_viewer_day + 2
    assert tally["platform", "", "watch_seconds"] == bounds.seconds_per_day + 61
    for _, video_id, _, _ in VIDEOS:
        assert tally["video", video_id, "viewers"] <= 2
        assert tally["video", video_id, "watch_seconds"] <= bounds.seconds_per_video + 61


def test_the_largest_summary_counts_and_nobody_is_present(deployment: Deployment) -> None:
    """61 s whatever came after; plays without a moment at which they could be seen together."""
    (platform,) = deployment.rows("platform_day", DAY)
    assert platform["plays"] == platform["views"] == 14
    assert platform["daily_active_viewers"] == 2
    assert platform["watch_seconds"] == 12 * 86_400 + 61.999
    (concurrency,) = deployment.rows("concurrency_day", DAY)
    assert concurrency["peak_concurrent_views"] == 0
    assert deployment.rows("concurrency_minute", DAY) == []
    (region,) = [row for row in deployment.rows("region_day", DAY) if row["viewers"]]
    assert (region["country"], region["viewers"]) == ("ZZ", 2)
