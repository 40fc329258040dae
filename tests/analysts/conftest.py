"""A deployment with keys of its own, its exports built by dbt: three days, one of few viewers."""

import os
import subprocess
import sys
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import polars as pl
import pytest

from analytics_pipeline.core.day import day_start_ms
from analytics_pipeline.settings import Settings, load_settings
from analytics_pipeline.storage.keyring import Keyring
from analytics_pipeline.storage.warehouse import open_warehouse
from tests.dbt import random_day
from tests.dbt.deployment import Deployment

FIRST_DAY = date(2026, 3, 2)
DAYS = [FIRST_DAY + timedelta(days=offset) for offset in range(3)]
SESSIONS = (400, 250, 9)


@dataclass(frozen=True)
class Home:
    """The folder of a deployment, and the command line on it."""

    settings: Settings

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """`analytics-pipeline …`."""
        return subprocess.run(
            [sys.executable, "-m", "analytics_pipeline", *arguments],
            env={**os.environ, "ANALYTICS_HOME": str(self.settings.home)},
            capture_output=True,
            text=True,
            timeout=240,
            check=False,
        )

    def sql(self, query: str) -> pl.DataFrame:
        """Asked of the encrypted warehouse itself."""
        key = Keyring(self.settings.keys_dir).storage_key("warehouse")
        with open_warehouse(self.settings.warehouse_path, key, read_only=True) as con:
            return con.sql(query).pl()


def make_home(folder: Path, days: list[date], sessions: tuple[int, ...] = SESSIONS) -> Home:
    """Keys, events, videos, and `dbt build` of the exports and all above them."""
    settings = load_settings({"ANALYTICS_HOME": str(folder)})
    folder.mkdir()
    keyring = Keyring.create(settings.keys_dir)
    deployment = Deployment(
        folder,
        warehouse_key=keyring.storage_key("warehouse"),
        raw_key=keyring.storage_key("raw"),
        selection_key=keyring.storage_key("video-selection"),
        retention_dir=keyring.retention.folder,
    )
    deployment.write_videos(random_day.VIDEOS)
    for number, day in enumerate(days):
        events = random_day.random_events(day, number, sessions[number])
        first = random_day.VIDEOS[0][1]
        crowd = [
            {
                "session_id": f"crowd-{who}",
                "viewer": f"{who:032x}",
                "country": "DE",
                "video_id": first,
                "type": kind,
                "seq": seq,
                "provider": "ipfs",
                "at_ms": day_start_ms(day) + 43_200_000 + 20_000 * seq,
                "position_ms": 0,
                "received_at_ms": 0,
            }
            for who in range(sessions[number] // 10)
            for seq, kind in enumerate(("play", "heartbeat"))
        ]
        deployment.write_events(day, [*events, *crowd])
    build = deployment.build(
        *(days[0], days[-1], "--select", "+path:models/exports", "path:models/semantic"),
        *("--exclude-resource-type", "unit_test"),
    )
    assert build.returncode == 0, build.stdout + build.stderr
    return Home(settings)


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """Built once."""
    return make_home(tmp_path_factory.mktemp("analysts") / "home", DAYS)
