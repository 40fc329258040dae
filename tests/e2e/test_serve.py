"""The read API as a process, over what the main job published: real sockets, real proofs."""

import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from analytics_pipeline.cli.children import free_port
from analytics_pipeline.core.merkle import verify_inclusion
from analytics_pipeline.core.report import Report
from analytics_pipeline.published.sources import open_sources
from analytics_pipeline.storage.catalogue import load_counts, open_catalogue
from analytics_pipeline.storage.read_keys import create_read_key
from tests.e2e.conftest import Deployment

WAIT_SECONDS = 120


@dataclass(frozen=True)
class Serving:
    """A running process on a home of its own, and its operator's key."""

    home: Path
    process: subprocess.Popen[bytes]
    client: httpx.Client
    operator_key: str
    log: Path

    def json(self, path: str, **params: Any) -> Any:
        response = self.client.get(path, params=params or None)
        assert response.status_code == 200, response.text
        return response.json()


@pytest.fixture(scope="module")
def serving(deployment: Deployment, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    """On a home that has chain, blocks and catalogue, and no key that opens anything."""
    home = tmp_path_factory.mktemp("serve") / "home"
    home.mkdir()
    for name in ("chain.sqlite", "catalogue.sqlite"):
        for file in deployment.home.glob(f"{name}*"):
            shutil.copy(file, home / file.name)
    shutil.copytree(deployment.home / "ipfs", home / "ipfs")
    key = create_read_key(home / "keys" / "read_keys.json", "me", "operator", datetime.now(UTC))
    port = free_port()
    environ = {
        **deployment.environ,
        "ANALYTICS_HOME": str(home),
        "ANALYTICS_SERVE_PORT": str(port),
        "ANALYTICS_SERVE_REFRESH_SECONDS": "1",
        "ANALYTICS_SERVE_RATE_LIMIT": "100000",
    }
    log = home / "serve.log"
    with log.open("wb") as sink:
        process = subprocess.Popen(
            [sys.executable, "-m", "analytics_pipeline", "serve"],
            env=environ,
            stdout=sink,
            stderr=sink,
        )
    client = httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=20, verify=False)
    try:
        _wait_until_verified(client, process, log, deployment.spec.days)
        yield Serving(home, process, client, key, log)
    finally:
        client.close()
        process.terminate()
        process.wait(20)


def _wait_until_verified(
    client: httpx.Client, process: subprocess.Popen[bytes], log: Path, days: int
) -> None:
    deadline = time.monotonic() + WAIT_SECONDS
    while time.monotonic() < deadline:
        assert process.poll() is None, log.read_text()
        try:
            found = client.get("/api/v1/days").json()["data"]
        except httpx.TransportError:
            found = []
        if [day["verification"]["state"] for day in found] == ["verified"] * days:
            return
        time.sleep(0.2)
    raise AssertionError(f"the days were not verified in time: {log.read_text()}")


@pytest.fixture(scope="module")
def reports(deployment: Deployment) -> list[Report]:
    """What was published, read from chain and IPFS."""
    days = [deployment.spec.first_day + timedelta(days=n) for n in range(deployment.spec.days)]
    with open_sources(deployment.settings) as sources:
        return [sources.load_day("demo", day).report for day in days]


def test_numbers_are_those_of_the_reports(serving: Serving, reports: list[Report]) -> None:
    """Every figure of every day, and each proof leads to the root on record."""
    rows, leaves = [], []
    for report in reports:
        day = report.header.day.isoformat()
        rows += [(day, *row.name, row.value, row.error_95) for row in report.rows]
        leaves += report.leaves[1:]
    roots = {day["day"]: day["report_root"] for day in serving.json("/api/v1/days")["data"]}
    found: list[Any] = []
    params: dict[str, Any] = {"limit": 1000}
    while True:
        page = serving.json("/api/v1/figures", **params)
        found += page["data"]
        if page["page"]["next"] is None:
            break
        params["cursor"] = page["page"]["next"]
    columns = ("day", "scope", "key", "metric", "value", "error_95")
    assert [tuple(figure[name] for name in columns) for figure in found] == rows
    for figure, leaf in list(zip(found, leaves, strict=True))[::37]:
        proof = figure["proof"]
        assert proof["report_root"] == roots[figure["day"]]
        siblings = [bytes.fromhex(sibling[2:]) for sibling in proof["siblings"]]
        root = bytes.fromhex(proof["report_root"][2:])
        assert verify_inclusion(leaf, proof["leaf_index"], proof["tree_size"], siblings, root)


def test_every_day_was_verified_with_its_proof(serving: Serving) -> None:
    """By the process itself, on what it can read without a key."""
    for day in serving.json("/api/v1/days")["data"]:
        assert day["verification"] == {
            "state": "verified",
            "checks": 16,
            "reservations": ["DevelopmentChain"],
            "error": None,
        }
        assert day["setup"] == "development"
    platform = serving.json("/api/v1/platform")
    assert platform["development"] is True
    assert platform["rpc_urls"] == ["/rpc"]
    assert platform["stale"] is None


def test_the_process_needs_no_key_of_the_deployment(serving: Serving) -> None:
    """What is in its home: read keys alone, no salts, queue, raw layer or warehouse."""
    assert [path.name for path in (serving.home / "keys").iterdir() if path.suffix == ".json"] == [
        "read_keys.json"
    ]
    for name in ("salts", "queue.sqlite", "raw", "warehouse.duckdb"):
        assert not (serving.home / name).exists()


def test_operations_are_the_catalogues_counts(serving: Serving, deployment: Deployment) -> None:
    """For the operator's key alone; received = accepted + duplicate + rejected."""
    assert serving.client.get("/api/v1/operations").status_code == 401
    headers = {"x-api-key": serving.operator_key}
    answer = serving.client.get("/api/v1/operations", headers=headers)
    assert answer.headers["cache-control"] == "no-store"
    days = answer.json()["data"]
    assert len(days) == deployment.spec.days
    with closing(open_catalogue(deployment.settings.catalogue_location)) as catalogue:
        counts = load_counts(catalogue, "demo")
    for day in days:
        known = counts[datetime.fromisoformat(day["day"]).date()]
        assert day["accepted"] == known.accepted > 0
        assert day["received"] == day["accepted"] + day["duplicate"] + sum(day["rejected"].values())
        assert day["segments"] >= 1
        assert day["records"] == 2
        assert day["erased"] is False


def test_nothing_of_who_asked_is_logged(serving: Serving) -> None:
    """No access log, no address."""
    serving.client.get("/api/v1/figures", headers={"user-agent": "a-very-rare-browser"})
    serving.client.get("/api/v1/figures", params={"scope": "nonsense"})
    logged = serving.log.read_text()
    assert "a-very-rare-browser" not in logged
    assert "/api/v1" not in logged
    assert logged.count("127.0.0.1") == 1  # where it listens


def test_it_ends_when_it_is_told_to(serving: Serving) -> None:
    """Last of this file: SIGTERM is a clean end."""
    serving.process.send_signal(signal.SIGTERM)
    assert serving.process.wait(20) == 0
