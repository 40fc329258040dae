"""``python -m benchmarks.ingest [--json]``: events accepted per second over real HTTP.

A client with keep-alive connections posts sealed batches of 50 events to the real API process and
waits for each 202 (that is, for the fsync). The baseline runs in the same minute with the same
client: granian and an application that reads the body and answers 202, nothing else. Both share
the machine with the client. A third figure puts the same batches into the queue without HTTP.
"""

import argparse
import json
import secrets
import tempfile
import time
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

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
from benchmarks.http_client import BARE_SERVER, Upload, post_all
from benchmarks.machine import free_port, server

EVENTS_PER_BATCH: Final = 50
WARM_UP_SHARE: Final = 0.1


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


def measure(name: str, port: int, bodies: list[bytes], connections: int) -> Result:
    """Post the bodies (the first tenth to warm up) and summarise."""
    uploads = [Upload(body) for body in bodies]
    warm = int(len(uploads) * WARM_UP_SHARE)
    uvloop.run(post_all(port, uploads[:warm], connections))
    seconds, latencies = uvloop.run(post_all(port, uploads[warm:], connections))
    return summarise(name, seconds, latencies, len(uploads) - warm)


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
        with server(["-c", BARE_SERVER, str(port)], {}, port):
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
