"""One deployment, built once: a random day, the hand-made day and one that changes later."""

import subprocess
from dataclasses import dataclass
from datetime import timedelta

import pytest

from tests.dbt import hand_made, random_day
from tests.dbt.deployment import Deployment

RANDOM_DAY = hand_made.DAY - timedelta(days=1)
LATER_DAY = hand_made.DAY + timedelta(days=1)
SEED = 20260104


@dataclass(frozen=True)
class Built:
    """A deployment after `dbt build` of three days in one run."""

    deployment: Deployment
    result: subprocess.CompletedProcess[str]


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    deployment = Deployment(tmp_path_factory.mktemp("dbt"))
    deployment.write_videos([*hand_made.VIDEOS, *random_day.VIDEOS])
    deployment.write_events(RANDOM_DAY, random_day.random_events(RANDOM_DAY, SEED))
    deployment.write_events(hand_made.DAY, hand_made.EVENTS)
    later = hand_made.event("B", "v3", "play", 86_400_000 + 5, position_ms=0)
    deployment.write_events(LATER_DAY, [later])
    result = deployment.build(RANDOM_DAY, LATER_DAY)
    assert result.returncode == 0, result.stdout + result.stderr
    return Built(deployment, result)
