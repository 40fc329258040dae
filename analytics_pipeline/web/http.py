"""The few HTTP mechanics that bare ASGI leaves open.

Belongs here: headers, reading a body under a limit, sending. Does not belong here: what a request
means.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import Any, Final

from analytics_pipeline.web.problem import INVALID, TOO_LARGE, TOO_SLOW, Problem

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
HeaderList = list[tuple[bytes, bytes]]

BODY_TIMEOUT_SECONDS: Final = 15.0
_BEARER: Final = b"bearer "


class ClientGone(Exception):
    """The client closed the connection before its body was complete; nobody reads an answer."""


def build_headers(pairs: Iterable[tuple[bytes, bytes]]) -> dict[bytes, bytes]:
    """Header lines by lower-case name; repeated lines are joined with commas (RFC 9110, 5.3)."""
    headers: dict[bytes, bytes] = {}
    for name, value in pairs:
        headers[name] = headers[name] + b"," + value if name in headers else value
    return headers


def sent_key(headers: dict[bytes, bytes]) -> str:
    """The key of a request: ``Authorization: Bearer``, else ``X-API-Key``, else empty."""
    authorization = headers.get(b"authorization", b"")
    if authorization[:7].lower() == _BEARER:
        return authorization[7:].strip().decode("latin-1")
    return headers.get(b"x-api-key", b"").decode("latin-1")


async def read_body(headers: dict[bytes, bytes], receive: Receive, limit: int) -> bytes:
    """Read the body, refusing at the first byte that is too many.

    Raises:
        Problem: announced or actual size over `limit` bytes (413), or not here in time (408).
        ClientGone: the connection closed.
    """
    announced = headers.get(b"content-length")
    if announced is not None:
        if not announced.isdigit():
            raise Problem(INVALID, "Content-Length is not a number", "Content-Length")
        if len(announced) > 18 or int(announced) > limit:
            raise Problem(TOO_LARGE, f"at most {limit} bytes")
    try:
        async with asyncio.timeout(BODY_TIMEOUT_SECONDS):
            return await _read_chunks(receive, limit)
    except TimeoutError:
        raise Problem(TOO_SLOW, f"after {BODY_TIMEOUT_SECONDS:.0f} s") from None


async def _read_chunks(receive: Receive, limit: int) -> bytes:
    chunks: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientGone
        chunk: bytes = message.get("body", b"")
        size += len(chunk)
        if size > limit:
            raise Problem(TOO_LARGE, f"at most {limit} bytes")
        chunks.append(chunk)
        if not message.get("more_body", False):
            return chunks[0] if len(chunks) == 1 else b"".join(chunks)


async def send_response(send: Send, status: int, headers: HeaderList, body: bytes) -> None:
    """Send a complete response."""
    headers.append((b"content-length", str(len(body)).encode()))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
