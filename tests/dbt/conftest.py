"""One deployment, built once: a binge, a random day, the hand-made day, one that changes later."""

import subprocess
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import pytest

from analytics_pipeline.core.day import day_start_ms
from tests.dbt import hand_made, random_day
from tests.dbt.deployment import Deployment

BINGE_DAY = hand_made.DAY - timedelta(days=2)
RANDOM_DAY = hand_made.DAY - timedelta(days=1)
LATER_DAY = hand_made.DAY + timedelta(days=1)
SEED = 20260104
BINGE_VIDEOS = [row[1] for row in [*hand_made.VIDEOS[:3], *random_day.VIDEOS]]
BINGE_SECONDS = 500


def binge(day: date) -> list[dict[str, Any]]:
    """One viewer watches 500 s of each of 11 videos: more videos and seconds than count."""
    events = []
    for number, video_id in enumerate(BINGE_VIDEOS):
        start_ms = day_start_ms(day) + number * 3_600_000
        for kind, after_ms in (("play", 0), ("pause", BINGE_SECONDS * 1000)):
            fields = {"type": kind, "at_ms": start_ms + after_ms, "position_ms": after_ms}
            common = {"video_id": video_id, "seq": 0, "received_at_ms": 0}
            events.append(hand_made.SESSIONS["A"] | common | fields)
    return events


@dataclass(frozen=True)
class Built:
    """A deployment after `dbt build` of four days in one run."""

    deployment: Deployment
    result: subprocess.CompletedProcess[str]


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    deployment = Deployment(tmp_path_factory.mktemp("dbt"))
    deployment.write_videos([*hand_made.VIDEOS, *random_day.VIDEOS])
    deployment.write_events(BINGE_DAY, binge(BINGE_DAY))
    deployment.write_events(RANDOM_DAY, random_day.random_events(RANDOM_DAY, SEED))
    deployment.write_events(hand_made.DAY, hand_made.EVENTS)
    later = hand_made.event("B", "v3", "play", 86_400_000 + 5, position_ms=0)
    deployment.write_events(LATER_DAY, [later])
    result = deployment.build(BINGE_DAY, LATER_DAY)
    assert result.returncode == 0, result.stdout + result.stderr
    return Built(deployment, result)
