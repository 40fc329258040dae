"""On a deployment that really runs: a day with far fewer viewers is one signed call, and its
correction one withdrawal."""

import os
import subprocess
import sys
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from analytics_pipeline.cli import children
from analytics_pipeline.cli.simulate import last_full_days
from analytics_pipeline.core.day import day_of_ms
from analytics_pipeline.settings import Settings, load_settings
from analytics_pipeline.simulator import (
    Endpoint,
    SimulatedSession,
    SimulationSpec,
    build_videos,
    post_sessions,
    simulate,
)
from analytics_pipeline.storage.api_keys import create_api_key
from analytics_pipeline.storage.catalogue import Video, open_catalogue, put_videos
from analytics_pipeline.storage.keyring import Keyring
from analytics_pipeline.storage.public_keys import active_public_key
from tests.alerts.receiver import Receiver

DAYS = last_full_days(3)
SPEC = SimulationSpec(
    first_day=DAYS[0],
    days=3,
    viewers_per_day=250,
    videos=10,
    creators=2,
    sessions_per_viewer=1.0,
    seed=5,
)

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


@dataclass(frozen=True)
class Deployment:
    """A home folder, an API in front of it, and commands."""

    settings: Settings
    environ: dict[str, str]

    @classmethod
    def create(cls, home: Path) -> "Deployment":
        environ = {
            **os.environ,
            "ANALYTICS_HOME": str(home),
            "ANALYTICS_API_PORT": str(children.free_port()),
            "ANALYTICS_TRUSTED_PROXIES": "127.0.0.1",
        }
        settings = load_settings(environ)
        Keyring.create(settings.keys_dir)
        with closing(open_catalogue(settings.catalogue_location)) as catalogue:
            videos = [
                Video(v.video_id, v.creator_id, v.title, v.duration_ms) for v in build_videos(SPEC)
            ]
            put_videos(catalogue, settings.platform, videos)
        return cls(settings, environ)

    def send(self, sessions: list[SimulatedSession]) -> None:
        """Over HTTP, then sealed."""
        settings = self.settings
        now = datetime.now(UTC)
        secret = create_api_key(settings.api_keys_path, settings.platform, "test", [], now)
        entry = active_public_key(settings.keys_dir)
        url = f"http://{settings.api_host}:{settings.api_port}"
        log = settings.home / "logs" / "ingest.log"
        api = children.start("ingest", environ=self.environ, log=log)
        try:
            children.wait_for_http(f"{url}/healthz", api, log)
            endpoint = Endpoint(url, settings.platform, secret, entry.key_id, entry.public_key)
            post_sessions(sessions, endpoint)
        finally:
            children.stop(api)
        self.cli("seal", "--once")

    def cli(self, *arguments: str) -> str:
        ran = subprocess.run(
            [sys.executable, "-m", "analytics_pipeline", *arguments],
            env=self.environ,
            capture_output=True,
            text=True,
            timeout=600,
            check=False,
        )
        assert ran.returncode == 0, ran.stdout + ran.stderr
        return ran.stdout


def test_a_fallen_day_is_called_for_and_its_correction_withdraws(
    tmp_path: Path, receiver: Receiver
) -> None:
    """Two usual days and one of which a fifth arrived in time; then the rest arrives. Whoever is to
    be called for a missing day, a failed verification or stalling hears nothing all the while."""
    deployment = Deployment.create(tmp_path / "home")
    url = ("--url", receiver.url, "--allow-private")
    drop = deployment.cli("alerts", "add", "drop", *url, "--days", "2").strip()
    deployment.cli("alerts", "add", "missing-day", *url, "--hours", "240")
    deployment.cli("alerts", "add", "failed-verification", *url)
    deployment.cli("alerts", "add", "rebuffer", *url, "--provider", "ipfs", "--percent", "90")
    sessions = list(simulate(SPEC))
    last = [s for s in sessions if day_of_ms(s.events[0].at_ms) == DAYS[2]]
    in_time, late = last[: len(last) // 5], last[len(last) // 5 :]
    deployment.send([s for s in sessions if s not in last] + in_time)
    deployment.cli("compute", str(DAYS[0]), str(DAYS[2]))
    for _ in range(2):
        deployment.cli("alerts", "run", "--once")
    [raised] = receiver.calls
    data = raised.document["data"]
    assert raised.document["type"] == "alert.drop.raised"
    assert data["rule"]["id"] == drop
    assert (data["day"], data["revision"]) == (str(DAYS[2]), 1)
    usual = [figure["value"] for figure in data["figures"][1:]]
    assert min(usual) > 150
    deployment.send(late)
    deployment.cli("compute", str(DAYS[2]))
    for _ in range(2):
        deployment.cli("alerts", "run", "--once")
    [_, withdrawn] = receiver.calls
    data = withdrawn.document["data"]
    assert withdrawn.document["type"] == "alert.drop.withdrawn"
    assert data["withdraws"] == raised.event_id
    assert (data["day"], data["revision"]) == (str(DAYS[2]), 2)
    assert data["figures"][0]["value"] > 150
    key = deployment.cli("alerts", "key").split()[0]
    assert all(call.is_signed_by(key) for call in receiver.calls)
    verify = data["check"]["command"].split()[1:]
    deployment.cli(*verify[: verify.index("--chain")])
