"""Open-loop load over HTTP: requests are due at a constant rate, whether or not answers come.

A latency counts from when its request was due: a server that falls behind is not spared by a
client that waits for it. Belongs here: the client. Does not belong here: what is asked.
"""

import asyncio
import time
from collections import deque
from collections.abc import Sequence
from typing import Final, NamedTuple, cast

_TICK_SECONDS: Final = 0.001
_GIVE_UP_SECONDS: Final = 30.0


class Load(NamedTuple):
    """What a run gave: latencies in seconds, from when each request was due."""

    seconds: float
    latencies: list[float]
    received_bytes: int


class _Connection(asyncio.Protocol):
    """One keep-alive connection: takes the next request that is due once it has its answer."""

    def __init__(self, run: "_Run") -> None:
        self._run = run
        self._received = bytearray()
        self._missing = 0
        self._due_at = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is none by inheritance
        self._run.idle.append(self)

    def ask(self, request: bytes, due_at: float) -> None:
        self._due_at = due_at
        self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        self._run.received_bytes += len(data)
        if self._missing:
            self._missing -= len(data)
        else:
            self._received += data
            head, found, rest = bytes(self._received).partition(b"\r\n\r\n")
            if not found:
                return
            if not head.startswith((b"HTTP/1.1 200", b"HTTP/1.1 304")):
                self._run.fail(head)
                return
            length = head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0]
            self._missing = int(length or b"0") - len(rest)
            self._received.clear()
        if self._missing == 0:
            self._run.latencies.append(time.perf_counter() - self._due_at)
            self._run.next_for(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self._run.fail(b"the server closed the connection")


class _Run:
    """The state of one run, shared by its connections."""

    def __init__(self, count: int) -> None:
        self.latencies: list[float] = []
        self.received_bytes = 0
        self.idle: list[_Connection] = []
        self.waiting: deque[tuple[bytes, float]] = deque()
        self.failure = ""
        self._count = count

    @property
    def is_over(self) -> bool:
        return bool(self.failure) or len(self.latencies) == self._count

    def ask(self, request: bytes, due_at: float) -> None:
        """Send now if a connection is idle, else as soon as one is."""
        if self.idle:
            self.idle.pop().ask(request, due_at)
        else:
            self.waiting.append((request, due_at))

    def next_for(self, connection: _Connection) -> None:
        if self.waiting:
            connection.ask(*self.waiting.popleft())
        else:
            self.idle.append(connection)

    def fail(self, head: bytes) -> None:
        if not self.is_over:
            self.failure = head.partition(b"\r\n")[0].decode()


async def ask_at_rate(
    port: int, requests: Sequence[bytes], rate_per_second: int, connections: int
) -> Load:
    """Send all requests, each when it is due; 0 as the rate: all are due at once.

    Raises:
        RuntimeError: an answer was neither 200 nor 304, or none came in time.
    """
    loop = asyncio.get_running_loop()
    run = _Run(len(requests))
    for _ in range(connections):
        await loop.create_connection(lambda: _Connection(run), "127.0.0.1", port)
    started = time.perf_counter()
    sent = 0
    while not run.is_over:
        now = time.perf_counter()
        due = int((now - started) * rate_per_second) if rate_per_second else len(requests)
        for number in range(sent, min(due, len(requests))):
            due_at = started + number / rate_per_second if rate_per_second else now
            run.ask(requests[number], due_at)
        sent = max(sent, min(due, len(requests)))
        planned = len(requests) / rate_per_second if rate_per_second else 0.0
        if now - started > planned + _GIVE_UP_SECONDS:
            run.failure = f"{len(run.latencies)} of {len(requests)} answers came in time"
        await asyncio.sleep(_TICK_SECONDS)
    if run.failure:
        raise RuntimeError(run.failure)
    return Load(time.perf_counter() - started, run.latencies, run.received_bytes)
