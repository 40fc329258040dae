"""One deployment that really ran, shared by all end-to-end tests."""

import os
import subprocess
import sys
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from pathlib import Path

import pytest

from analytics_pipeline.cli.simulate import last_full_days
from analytics_pipeline.settings import Settings, load_settings
from analytics_pipeline.simulator import SimulatedSession, SimulationSpec, build_videos, simulate
from tests.support.home_copy import HomeCopy
from tests.support.view_oracle import OracleEvent, OracleVideo

EVENTS = 3000
DAYS = 3
SEED = 11


@dataclass(frozen=True)
class Deployment:
    """What `analytics-pipeline demo` left behind, and what was sent to it."""

    home: Path
    spec: SimulationSpec
    output: str

    @property
    def environ(self) -> dict[str, str]:
        return {**os.environ, "ANALYTICS_HOME": str(self.home)}

    @property
    def settings(self) -> Settings:
        return load_settings(self.environ)

    @cached_property
    def sessions(self) -> list[SimulatedSession]:
        """The simulation is seeded: these are the very sessions that were sent."""
        return list(simulate(self.spec))

    @cached_property
    def events(self) -> list[OracleEvent]:
        """All events; a viewer is named by address and browser, which nothing stored may hold."""
        return [
            OracleEvent(
                session_id=event.session_id,
                video_id=event.video_id,
                type=event.type,
                at_ms=event.at_ms,
                viewer=f"{session.viewer.address}|{session.viewer.user_agent}",
                country=session.viewer.country,
                seq=event.seq,
                position_ms=event.position_ms,
                startup_ms=event.startup_ms,
                delivered_bytes=event.delivered_bytes,
                provider=event.provider,
                first_of_week=event.first_of_week,
                first_of_month=event.first_of_month,
            )
            for session in self.sessions
            for event in session.events
        ]

    @cached_property
    def videos(self) -> dict[str, OracleVideo]:
        return {
            video.video_id: OracleVideo(video.video_id, video.creator_id, video.duration_ms)
            for video in build_videos(self.spec)
        }

    def cli(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run `analytics-pipeline` on this deployment."""
        return subprocess.run(
            [sys.executable, "-m", "analytics_pipeline", *arguments],
            env=self.environ,
            capture_output=True,
            text=True,
            timeout=280,
            check=False,
        )


@pytest.fixture(scope="session")
def deployment(tmp_path_factory: pytest.TempPathFactory) -> Deployment:
    """The main job: API, sealer, Dagster, chain and verification as real processes."""
    home = tmp_path_factory.mktemp("e2e") / "home"
    first_day = last_full_days(DAYS)[0]
    arguments = ("--home", str(home), "--events", str(EVENTS), "--days", str(DAYS))
    ran = subprocess.run(
        [sys.executable, "-m", "analytics_pipeline", "demo", *arguments, "--seed", str(SEED)],
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    spec = SimulationSpec(
        first_day=first_day, days=DAYS, target_events=EVENTS, videos=40, creators=8, seed=SEED
    )
    return Deployment(home, spec, ran.stdout)


@pytest.fixture
def copy(deployment: Deployment, tmp_path: Path) -> HomeCopy:
    """The deployment's state, to be spoilt."""
    days = [deployment.spec.first_day + timedelta(days=offset) for offset in range(DAYS)]
    return HomeCopy.make(deployment.home, tmp_path / "home", days)
