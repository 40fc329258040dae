"""Load over HTTP: keep-alive connections that post ready-made uploads as fast as they are taken.

Belongs here: the client, and the bare server it is measured against. Does not belong here: what
is posted.
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple, cast

#: ``python -c BARE_SERVER <port>``: granian and an application that reads the body and answers
BARE_SERVER: Final = """
import asyncio, sys, uvloop
from analytics_pipeline.web.server import run_asgi

async def app(scope, receive, send):
    while (await receive()).get("more_body"):
        pass
    await send({"type": "http.response.start", "status": 202, "headers": []})
    await send({"type": "http.response.body", "body": b"{}"})

uvloop.run(run_asgi(app, "127.0.0.1", int(sys.argv[1])))
"""


class Upload(NamedTuple):
    """A request to come; the address is what a proxy would have put into X-Forwarded-For."""

    body: bytes
    address: str = ""
    user_agent: str = "benchmark"

    def head(self) -> bytes:
        """Request line and headers."""
        forwarded = f"x-forwarded-for: {self.address}\r\n" if self.address else ""
        return (
            "POST /api/v1/batches HTTP/1.1\r\nhost: localhost\r\n"
            f"user-agent: {self.user_agent}\r\n{forwarded}"
            f"content-type: text/plain\r\ncontent-length: {len(self.body)}\r\n\r\n"
        ).encode("ascii")


class _Client(asyncio.Protocol):
    """One keep-alive connection: next request as soon as the answer is complete."""

    def __init__(
        self, uploads: list[Upload], latencies: list[float], done: "asyncio.Future[None]"
    ) -> None:
        self._uploads = uploads
        self._latencies = latencies
        self._done = done
        self._received = b""
        self._sent_at = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is none by inheritance
        self._send_next()

    def _send_next(self) -> None:
        if not self._uploads:
            self._done.set_result(None)
            self._transport.close()
            return
        upload = self._uploads.pop()
        self._sent_at = time.perf_counter()
        self._transport.writelines([upload.head(), upload.body])

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


async def post_all(
    port: int, uploads: Sequence[Upload], connections: int
) -> tuple[float, list[float]]:
    """Post every upload, in order; returns (seconds, latencies in seconds)."""
    loop = asyncio.get_running_loop()
    latencies: list[float] = []
    pending = list(reversed(uploads))
    finished = [loop.create_future() for _ in range(connections)]
    started = time.perf_counter()
    clients: list[Callable[[], _Client]] = [
        lambda done=done: _Client(pending, latencies, done)  # type: ignore[misc]
        for done in finished
    ]
    for client in clients:
        await loop.create_connection(client, "127.0.0.1", port)
    await asyncio.gather(*finished)
    return time.perf_counter() - started, latencies
