"""A real API process to talk to over HTTP, on a home folder of its own."""

import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx

from analytics_pipeline.core.batch import (
    BatchHeader,
    build_frame,
    build_payload,
    hpke_info,
    seal_payload,
)
from analytics_pipeline.core.viewer_model import ViewerModel
from analytics_pipeline.storage.api_keys import create_api_key
from analytics_pipeline.storage.keyring import Keyring
from analytics_pipeline.storage.public_keys import active_public_key
from analytics_pipeline.storage.queue import QueuedBatch, SqliteQueue

ORIGIN = "https://video.example"


def make_event(**changes: Any) -> dict[str, Any]:
    """A valid event of a sealed batch."""
    now_ms = time.time_ns() // 1_000_000
    event = {"type": "play", "session_id": "session-1", "video_id": "v1", "at_ms": now_ms}
    return {**event, **changes}


def make_plain(**changes: Any) -> dict[str, Any]:
    """A valid plain event, unlike any other unless told otherwise."""
    event = {
        "sessionId": secrets.token_hex(8),
        "videoId": "v1",
        "eventType": "play",
        "timestamp": time.time_ns() // 1_000_000,
    }
    return {**event, **changes}


_MAIN = """
import sys
from analytics_pipeline.ingest.__main__ import main
sys.argv = ["ingest"]
sys.exit(main())
"""


class Api:
    """One deployment: keys, an API key, and its API process while it runs."""

    #: code to run in the API's process before it starts
    prelude = ""

    def __init__(self, home: Path, **environ: str) -> None:
        self.home = home
        self.environ = environ
        self.keyring = Keyring.create(home / "keys")
        self.api_keys_path = home / "keys" / "api_keys.json"
        self.key_id = active_public_key(home / "keys").key_id
        self.api_key = self.new_api_key()
        self.log = home / "api.log"
        self.process: subprocess.Popen[bytes] | None = None

    def new_api_key(
        self,
        project: str = "demo",
        origins: Sequence[str] = (ORIGIN,),
        viewer_model: ViewerModel = "standard",
    ) -> str:
        now = datetime.now(UTC)
        return create_api_key(self.api_keys_path, project, "test", origins, now, viewer_model)

    def start(self) -> "Api":
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        environ = {
            **os.environ,
            "ANALYTICS_HOME": str(self.home),
            "ANALYTICS_API_PORT": str(self.port),
            "ANALYTICS_RATE_LIMIT_PER_VIEWER": "1000000",  # all tests are one viewer
            **self.environ,
        }
        with self.log.open("ab") as sink:
            self.process = subprocess.Popen(
                [sys.executable, "-c", self.prelude + _MAIN],
                env=environ,
                stdout=sink,
                stderr=sink,
            )
        url = f"http://127.0.0.1:{self.port}"
        self.client = httpx.Client(base_url=url, timeout=20, verify=False)  # plain HTTP, no TLS
        deadline = time.monotonic() + 30
        while True:
            try:
                self.client.get("/healthz").raise_for_status()
                return self
            except httpx.TransportError:
                assert self.process.poll() is None, self.log.read_text()
                assert time.monotonic() < deadline, "the API did not start"
                time.sleep(0.05)

    def stop(self, sign: int = signal.SIGTERM) -> int:
        assert self.process is not None
        self.process.send_signal(sign)
        self.client.close()
        return self.process.wait(15)

    def frame(
        self, batch_id: str | None = None, events: Sequence[Any] | None = None, **header: Any
    ) -> bytes:
        """A sealed batch with these events, or with one; `header` overrides header fields."""
        batch_id = batch_id or secrets.token_urlsafe(16)
        fields = {
            "v": 1,
            "project": "demo",
            "key_id": self.key_id,
            "batch_id": batch_id,
            "api_key": self.api_key,
            **header,
        }
        key = active_public_key(self.home / "keys").public_key
        info = hpke_info("demo", self.key_id, batch_id)
        sealed = seal_payload(build_payload(list(events or [make_event()])), key, info)
        return build_frame(BatchHeader(**fields), sealed)

    def post_frame(self, body: bytes | None = None, **headers: str) -> httpx.Response:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.client.post(
            "/api/v1/batches", content=self.frame() if body is None else body, headers=named
        )

    def post_plain(self, event: Any = None, **headers: str) -> httpx.Response:
        named = {"x-api-key": self.api_key}
        named.update({name.replace("_", "-"): value for name, value in headers.items()})
        return self.client.post("/api/ingest", json=event or make_plain(), headers=named)

    def queued(self) -> list[QueuedBatch]:
        """Everything in the queue, read by a second process as the sealer does."""
        queue = SqliteQueue(self.home / "queue.sqlite")
        try:
            return queue.peek(1_000_000)
        finally:
            queue.close()


def assert_problem(response: httpx.Response, status: int, field: str | None = None) -> None:
    """The response is an RFC 9457 document of that status, naming that field."""
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    document = response.json()
    assert document["status"] == status
    assert document["title"]
    assert document["type"].startswith("/problems/")
    assert document.get("field") == field
