"""Node, and a small API at the other end of the SDK's wire."""

import base64
import json
import os
import shutil
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from analytics_pipeline.core.batch import (
    HPKE_SUITE,
    Frame,
    hpke_info,
    parse_frame,
    parse_payload,
)
from analytics_pipeline.core.event import Event, parse_event
from tests.chain.node_tools import node_command, npm_command

SDK = Path(__file__).parents[2] / "sdk"
BUNDLE = SDK / "dist" / "analytics.mjs"


def install_sdk(folder: Path) -> Path:
    """A copy of sdk/ with its locked packages installed, without running their scripts."""
    copy = folder / "sdk"
    shutil.copytree(SDK, copy, ignore=shutil.ignore_patterns("node_modules", "build"))
    run_in(copy, *npm_command(), "ci", "--ignore-scripts", "--no-audit", "--no-fund")
    return copy


def run_in(folder: Path, *command: str, **environ: str) -> str:
    """Run a command; its output. Fails with what it said if it failed."""
    ran = subprocess.run(
        command,
        cwd=folder,
        env={**os.environ, **environ},
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout


def run_node(source: str, *arguments: str, timeout: float = 60) -> Any:
    """Run a module in Node; what it prints last, as JSON."""
    command = [*node_command(), "--input-type=module", "-e", source, *arguments]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=timeout, check=False)
    assert ran.returncode == 0, ran.stderr
    return json.loads(ran.stdout.splitlines()[-1])


@dataclass
class Wire:
    """An API that answers with prepared statuses (then 202) and keeps what it was sent."""

    statuses: list[int] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    private_key: X25519PrivateKey = field(default_factory=X25519PrivateKey.generate)
    url: str = ""

    def options(self, **changes: Any) -> dict[str, Any]:
        """Options for `init`."""
        raw = self.private_key.public_key().public_bytes_raw()
        return {
            "projectId": "demo",
            "apiKey": "ak_test",
            "endpoint": self.url,
            "keyId": "key-1",
            "publicKey": base64.urlsafe_b64encode(raw).decode().rstrip("="),
            **changes,
        }

    def frames(self) -> list[Frame]:
        return [parse_frame(body) for body in self.bodies]

    def events(self) -> list[Event]:
        """Events of all uploads, opened with Python's HPKE."""
        events = []
        for frame in self.frames():
            header = frame.header
            info = hpke_info(header.project, header.key_id, header.batch_id)
            payload = HPKE_SUITE.decrypt(frame.sealed, self.private_key, info)
            events += [parse_event(raw) for raw in parse_payload(payload)]
        return events


@contextmanager
def open_wire(*statuses: int) -> Iterator[Wire]:
    """A `Wire` that listens on this machine."""
    wire = Wire(list(statuses))

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            wire.bodies.append(self.rfile.read(int(self.headers["Content-Length"])))
            wire.headers.append({name.lower(): value for name, value in self.headers.items()})
            self.send_response(wire.statuses.pop(0) if wire.statuses else 202)
            answer = b'{"accepted": true, "duplicate": false}'
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, format: str, *args: Any) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    wire.url = f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield wire
    finally:
        server.shutdown()
        server.server_close()
