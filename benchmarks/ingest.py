"""``python -m benchmarks.ingest [--json]``: events accepted per second over real HTTP.

A client with keep-alive connections posts sealed batches of 50 events to the real API process and
waits for each 202 (that is, for the fsync). The baseline runs in the same minute with the same
client: granian and an application that reads the body and answers 202, nothing else. Both share
the machine with the client. A third figure puts the same batches into the queue without HTTP.
"""

import argparse
import asyncio
import json
import os
import secrets
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, cast

import uvloop

from analytics_pipeline.core.batch import (
    BatchHeader,
    build_frame,
    build_payload,
    hpke_info,
    seal_payload,
)
from analytics_pipeline.storage.api_keys import create_api_key
from analytics_pipeline.storage.keyring import Keyring
from analytics_pipeline.storage.public_keys import PublicKeyEntry, active_public_key
from analytics_pipeline.storage.queue import QueuedBatch, SqliteQueue

EVENTS_PER_BATCH: Final = 50
WARM_UP_SHARE: Final = 0.1
_BASELINE: Final = """
import asyncio, sys, uvloop
from analytics_pipeline.ingest.server import run_asgi

async def app(scope, receive, send):
    while (await receive()).get("more_body"):
        pass
    await send({"type": "http.response.start", "status": 202, "headers": []})
    await send({"type": "http.response.body", "body": b"{}"})

uvloop.run(run_asgi(app, "127.0.0.1", int(sys.argv[1])))
"""


@dataclass(frozen=True)
class Result:
    """Throughput and latency of one run; milliseconds are per request."""

    name: str
    events_per_second: int
    batches_per_second: int
    p50_ms: float
    p95_ms: float
    p99_ms: float


def build_bodies(count: int, key: PublicKeyEntry, api_key: str) -> list[bytes]:
    """Frames with realistic payloads, each sealed under its own batch id."""
    bodies = []
    now_ms = time.time_ns() // 1_000_000
    for _ in range(count):
        session, batch_id = secrets.token_urlsafe(12), secrets.token_urlsafe(16)
        events = [
            {
                "type": "heartbeat" if position else "play",
                "session_id": session,
                "video_id": "big-buck-bunny",
                "at_ms": now_ms + position * 10_000,
                "seq": position,
                "position_ms": position * 10_000,
                "delivered_bytes": 1_250_000,
                "provider": "ipfs",
            }
            for position in range(EVENTS_PER_BATCH)
        ]
        header = BatchHeader(1, "demo", key.key_id, batch_id, api_key)
        info = hpke_info("demo", key.key_id, batch_id)
        bodies.append(
            build_frame(header, seal_payload(build_payload(events), key.public_key, info))
        )
    return bodies


class _Client(asyncio.Protocol):
    """One keep-alive connection: next request as soon as the answer is complete."""

    def __init__(
        self, bodies: list[bytes], latencies: list[float], done: "asyncio.Future[None]"
    ) -> None:
        self._bodies = bodies
        self._latencies = latencies
        self._done = done
        self._received = b""
        self._sent_at = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is none by inheritance
        self._send_next()

    def _send_next(self) -> None:
        if not self._bodies:
            self._done.set_result(None)
            self._transport.close()
            return
        body = self._bodies.pop()
        head = (
            b"POST /api/v1/batches HTTP/1.1\r\nhost: localhost\r\nuser-agent: benchmark\r\n"
            b"content-type: text/plain\r\ncontent-length: %d\r\n\r\n" % len(body)
        )
        self._sent_at = time.perf_counter()
        self._transport.writelines([head, body])

    def data_received(self, data: bytes) -> None:
        self._received += data
        head, found, rest = self._received.partition(b"\r\n\r\n")
        if not found:
            return
        length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0] or b"2")
        if len(rest) < length:
            return
        if not head.startswith(b"HTTP/1.1 202"):
            self._done.set_exception(RuntimeError(f"refused: {self._received.decode()}"))
            self._transport.close()
            return
        self._latencies.append(time.perf_counter() - self._sent_at)
        self._received = b""
        self._send_next()

    def connection_lost(self, exc: Exception | None) -> None:
        if not self._done.done():
            self._done.set_exception(RuntimeError("the server closed the connection"))


async def post_all(port: int, bodies: list[bytes], connections: int) -> tuple[float, list[float]]:
    """Post every body; returns (seconds, latencies in seconds)."""
    loop = asyncio.get_running_loop()
    latencies: list[float] = []
    pending = list(bodies)
    finished = [loop.create_future() for _ in range(connections)]
    started = time.perf_counter()
    for done in finished:
        await loop.create_connection(
            lambda done=done: _Client(pending, latencies, done),  # type: ignore[misc]
            "127.0.0.1",
            port,
        )
    await asyncio.gather(*finished)
    return time.perf_counter() - started, latencies


@contextmanager
def server(arguments: Sequence[str], environ: dict[str, str], port: int) -> Any:
    """Run a server process until the block ends."""
    process = subprocess.Popen([sys.executable, *arguments], env={**os.environ, **environ})
    try:
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.05)
        yield
    finally:
        process.terminate()
        process.wait(10)


def free_port() -> int:
    """A free loopback port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def measure(name: str, port: int, bodies: list[bytes], connections: int) -> Result:
    """Post the bodies (the first tenth to warm up) and summarise."""
    warm = int(len(bodies) * WARM_UP_SHARE)
    uvloop.run(post_all(port, bodies[:warm], connections))
    seconds, latencies = uvloop.run(post_all(port, bodies[warm:], connections))
    return summarise(name, seconds, latencies, len(bodies) - warm)


def summarise(name: str, seconds: float, latencies: list[float], batches: int) -> Result:
    """Turn a run into a result."""
    ordered = sorted(latencies)

    def quantile_ms(share: float) -> float:
        return round(ordered[min(len(ordered) - 1, int(share * len(ordered)))] * 1000, 2)

    return Result(
        name,
        round(batches * EVENTS_PER_BATCH / seconds),
        round(batches / seconds),
        quantile_ms(0.5),
        quantile_ms(0.95),
        quantile_ms(0.99),
    )


def measure_queue(path: Path, bodies: list[bytes], group: int) -> Result:
    """The durable queue alone, in groups as large as there are connections."""
    queue = SqliteQueue(path)
    batches = [
        QueuedBatch(0, "demo", secrets.token_urlsafe(16), "k", body, "0" * 32, "ZZ", 0)
        for body in bodies
    ]
    latencies = []
    started = time.perf_counter()
    for first in range(0, len(batches), group):
        before = time.perf_counter()
        queue.put_many(batches[first : first + group])
        latencies.append(time.perf_counter() - before)
    seconds = time.perf_counter() - started
    queue.close()
    return summarise("queue without HTTP", seconds, latencies, len(batches))


def run(batches: int, connections: int) -> list[Result]:
    """All three measurements."""
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        Keyring.create(home / "keys")
        api_key = create_api_key(
            home / "keys" / "api_keys.json", "demo", "benchmark", [], datetime.now(UTC)
        )
        bodies = build_bodies(batches, active_public_key(home / "keys"), api_key)
        results = []
        port = free_port()
        environ = {
            "ANALYTICS_HOME": str(home),
            "ANALYTICS_API_PORT": str(port),
            "ANALYTICS_RATE_LIMIT": "1000000",
        }
        with server(["-m", "analytics_pipeline.ingest"], environ, port):
            results.append(measure("API, fsynced before the 202", port, bodies, connections))
        port = free_port()
        with server(["-c", _BASELINE, str(port)], {}, port):
            results.append(measure("granian answering 202", port, bodies, connections))
        results.append(measure_queue(home / "alone.sqlite", bodies, connections))
        return results


def main() -> None:
    """Print a table, or JSON."""
    parser = argparse.ArgumentParser(description=__doc__, prog="python -m benchmarks.ingest")
    parser.add_argument("--batches", type=int, default=20_000, help="batches of 50 events")
    parser.add_argument("--connections", type=int, default=64)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    results = run(options.batches, options.connections)
    if options.json:
        print(json.dumps([asdict(result) for result in results], indent=2))
        return
    print(f"{'':30}{'events/s':>10}{'batches/s':>11}{'p50 ms':>9}{'p95 ms':>9}{'p99 ms':>9}")
    for result in results:
        print(
            f"{result.name:30}{result.events_per_second:>10,}{result.batches_per_second:>11,}"
            f"{result.p50_ms:>9}{result.p95_ms:>9}{result.p99_ms:>9}"
        )


if __name__ == "__main__":
    main()
