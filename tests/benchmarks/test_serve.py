"""The benchmark of the read API asks what it says, and prints what docs/benchmarks.md explains."""

import asyncio
import json
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.open_loop import ask_at_rate

ROOT = Path(__file__).parents[2]
REQUEST = b"GET / HTTP/1.1\r\nhost: localhost\r\n\r\n"


async def _serve_slowly(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answers one request every 20 ms."""
    while await reader.readuntil(b"\r\n\r\n"):
        await asyncio.sleep(0.02)
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}")


async def _ask_slow_server(rate: int) -> list[float]:
    server = await asyncio.start_server(_serve_slowly, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        load = await ask_at_rate(port, [REQUEST] * 20, rate, 1)
    return load.latencies


def test_latency_counts_from_when_a_request_was_due() -> None:
    """A server that takes 20 ms and is asked every millisecond falls behind, and it shows: the last
    answer comes when nineteen others have come before it."""
    latencies = asyncio.run(_ask_slow_server(1000))
    assert len(latencies) == 20
    assert latencies == sorted(latencies)
    assert latencies[-1] > 19 * 0.02 - 19 * 0.001


@pytest.mark.slow
def test_the_benchmark_measures_both_servers() -> None:
    ran = subprocess.run(
        [sys.executable, "-m", "benchmarks.serve", "--rate", "200", "--seconds", "2", "--json"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    figures = json.loads(ran.stdout)
    page = (ROOT / "docs" / "benchmarks.md").read_text()
    for name in figures.keys() - {"machine"}:
        assert f"`{name.removeprefix('bare_')}`" in page
    assert 190 <= figures["requests_per_second"] <= 201
    assert 0 < figures["p50_ms"] <= figures["p95_ms"] <= figures["p99_ms"] <= figures["longest_ms"]
