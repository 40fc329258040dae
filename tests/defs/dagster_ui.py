"""Dagster's UI, daemon and code server as `analytics-pipeline up` starts them, spoken to in GraphQL
as the browser does."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import httpx

from analytics_pipeline.defs.instance import environment
from analytics_pipeline.settings import Settings
from tests.support.killing import free_port

_LAUNCH = """mutation Launch($params: LaunchBackfillParams!) {
  launchPartitionBackfill(backfillParams: $params) {
    __typename
    ... on LaunchBackfillSuccess { backfillId }
    ... on PythonError { message }
  }
}"""
_STATUS = """query Status($id: String!) {
  partitionBackfillOrError(backfillId: $id) { ... on PartitionBackfill { status } }
}"""
_RUNS = """query Runs($id: String!) {
  runsOrError(filter: {tags: [{key: "dagster/backfill", value: $id}]}) {
    ... on Runs { results { runId status startTime endTime tags { key value } } }
  }
}"""
_ASSETS = "{ assetNodes { assetKey { path } isExecutable isPartitioned } }"
_SENSORS = """{ workspaceOrError { ... on Workspace { locationEntries { locationOrLoadError {
  ... on RepositoryLocation { repositories { sensors { id name } } } } } } } }"""
_STOP = """mutation Stop($id: String!) { stopSensor(id: $id) { __typename } }"""
_EVENTS = """query Events($key: AssetKeyInput!) { assetOrError(assetKey: $key) { ... on Asset {
  assetMaterializations(limit: 20) { description metadataEntries { label
    ... on TextMetadataEntry { text } ... on MarkdownMetadataEntry { mdStr } } } } } }"""


@dataclass
class DagsterUi:
    """A running UI."""

    url: str
    log: Path

    def ask(self, query: str, **variables: Any) -> Any:
        """The answer's data. Fails on any error."""
        answer = httpx.post(
            f"{self.url}/graphql",
            json={"query": query, "variables": variables},
            timeout=60,
            trust_env=False,
        ).json()
        assert "errors" not in answer, answer
        return answer["data"]

    def stop_sensor(self, name: str) -> None:
        """The switch under *Automation*."""
        [entry] = self.ask(_SENSORS)["workspaceOrError"]["locationEntries"]
        [repository] = entry["locationOrLoadError"]["repositories"]
        [found] = [sensor["id"] for sensor in repository["sensors"] if sensor["name"] == name]
        assert self.ask(_STOP, id=found)["stopSensor"]["__typename"] == "StopSensorMutationResult"

    def materialize_all(self, days: Sequence[date]) -> str:
        """*Materialize all* → days → *Launch backfill*. Returns the backfill's id."""
        nodes = self.ask(_ASSETS)["assetNodes"]
        keys = [{"path": n["assetKey"]["path"]} for n in nodes if n["isExecutable"]]
        params = {"assetSelection": keys, "partitionNames": [day.isoformat() for day in days]}
        launched = self.ask(_LAUNCH, params=params)["launchPartitionBackfill"]
        assert launched["__typename"] == "LaunchBackfillSuccess", launched
        return str(launched["backfillId"])

    def wait(self, backfill: str, seconds: float) -> str:
        """Until the backfill has ended. Returns its status."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            status = self.ask(_STATUS, id=backfill)["partitionBackfillOrError"]["status"]
            if status not in ("REQUESTED", "CANCELING", "FAILING"):
                return str(status)
            time.sleep(2)
        raise AssertionError(f"not ended in time: {self.log.read_text()[-3000:]}")

    def runs(self, backfill: str) -> list[dict[str, Any]]:
        """Its runs in the order in which they started, tags as a mapping."""
        found = self.ask(_RUNS, id=backfill)["runsOrError"]["results"]
        runs = [{**r, "tags": {t["key"]: t["value"] for t in r["tags"]}} for r in found]
        return sorted(runs, key=lambda run: run["startTime"] or float("inf"))

    def summary(self, backfill: str, seconds: float = 120) -> dict[str, str]:
        """What the asset *backfills* says of it; waited for."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            asset = self.ask(_EVENTS, key={"path": ["backfills"]})["assetOrError"]
            for event in asset.get("assetMaterializations", []):
                entries = event["metadataEntries"]
                shown = {e["label"]: e.get("text") or e.get("mdStr") for e in entries}
                if shown["backfill"] == backfill:
                    return shown
            time.sleep(2)
        raise AssertionError("no summary")


@contextmanager
def running_ui(settings: Settings) -> Iterator[DagsterUi]:
    """Start it, wait until it answers, and stop all of its processes afterwards."""
    port = free_port()
    log = settings.home / "logs" / "dagster-ui.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "analytics_pipeline.defs", "ui", "--port", str(port)]
    with log.open("wb") as sink:
        process = subprocess.Popen(
            command,
            env={**os.environ, **environment(settings)},
            stdout=sink,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    url = f"http://127.0.0.1:{port}"
    try:
        _wait_until_up(url, process, log)
        yield DagsterUi(url, log)
    finally:
        process.terminate()
        try:
            process.wait(60)
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)


def _wait_until_up(url: str, process: "subprocess.Popen[bytes]", log: Path) -> None:
    deadline = time.monotonic() + 180
    while time.monotonic() < deadline:
        assert process.poll() is None, log.read_text()[-3000:]
        try:
            httpx.get(f"{url}/server_info", timeout=5, trust_env=False).raise_for_status()
            return
        except httpx.HTTPError:
            time.sleep(0.5)
    raise AssertionError(log.read_text()[-3000:])
