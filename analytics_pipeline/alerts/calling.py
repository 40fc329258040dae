"""One call over HTTP, to an address that was looked at first.

A rule may come from a stranger, and its address with it. So the host's name is resolved once, every
address it has is judged, and the connection goes to one of those and nowhere else: a name that
means something different a moment later changes nothing. No redirect is followed, nothing of the
answer but its status and Retry-After is read, no proxy of the environment is asked, and the whole
call ends after `TIMEOUT_SECONDS`.

Belongs here: names, connections, answers. Does not belong here: which addresses are refused
(`core.webhooks`), what a failed call leads to (`delivery`).
"""

import asyncio
import socket
import ssl
from collections.abc import Awaitable, Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address
from typing import Any, Final

import httpcore

from analytics_pipeline import __version__
from analytics_pipeline.core.webhooks import Address, Target, refuse_address

TIMEOUT_SECONDS: Final = 15.0
_USER_AGENT: Final = f"analytics-pipeline-alerts/{__version__}"
_LONGEST_RETRY_AFTER: Final = 9  # digits

#: Host, port → every address of it, in the order they should be tried.
Resolve = Callable[[str, int], Awaitable[list[Address]]]


class _Refused(Exception):
    """The host may not be called."""


@dataclass(frozen=True)
class Answer:
    """What became of a call.

    Args:
        status: of the response; None: there was none.
        problem: why it does not count as taken, in words that name no path; None: it was taken.
        retry_after_seconds: what the receiver asked for; 0: nothing.
    """

    status: int | None
    problem: str | None = None
    retry_after_seconds: int = 0


async def resolve_host(host: str, port: int) -> list[Address]:
    """Addresses of a host, as this machine's resolver gives them."""
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [ip_address(entry[4][0]) for entry in found]


class _Pinned(httpcore.AsyncNetworkBackend):
    """Connects to the host's address if none of its addresses is refused. TLS still asks for a
    certificate of the host's name."""

    def __init__(self, target: Target, resolve: Resolve) -> None:
        self._target = target
        self._resolve = resolve
        self._backend = httpcore.AnyIOBackend()

    async def connect_tcp(
        self, host: str, port: int, *args: Any, **options: Any
    ) -> httpcore.AsyncNetworkStream:
        addresses = await self._resolve(host, port)
        if not addresses:
            raise _Refused("its host has no address")
        if not self._target.inward:
            for address in addresses:
                if why := refuse_address(address):
                    raise _Refused(f"its host resolves to {why}")
        elif not self._target.is_secure and not all(a.is_loopback for a in addresses):
            raise _Refused("http is for this machine only")
        *others, last = map(_text, addresses)
        for other in others:
            with suppress(httpcore.ConnectError):
                return await self._backend.connect_tcp(other, port, *args, **options)
        return await self._backend.connect_tcp(last, port, *args, **options)

    async def connect_unix_socket(self, *_: Any, **__: Any) -> httpcore.AsyncNetworkStream:
        raise _Refused("it is no host")


def _text(address: Address) -> str:
    """As a socket takes it: a mapped address is the IPv4 address it carries."""
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return str(mapped or address)


async def call(
    target: Target,
    headers: Mapping[str, str],
    body: bytes,
    *,
    resolve: Resolve = resolve_host,
    timeout_seconds: float = TIMEOUT_SECONDS,
) -> Answer:
    """POST a body. Whatever happens is an answer; nothing is raised."""
    all_headers = [("user-agent", _USER_AGENT), ("connection", "close"), *headers.items()]
    try:
        async with (
            asyncio.timeout(timeout_seconds),
            httpcore.AsyncConnectionPool(
                ssl_context=ssl.create_default_context() if target.is_secure else None,
                network_backend=_Pinned(target, resolve),
            ) as pool,
            pool.stream("POST", target.url, headers=all_headers, content=body) as response,
        ):
            return _answer(response.status, response.headers)
    except TimeoutError:
        return Answer(None, f"no answer within {timeout_seconds:.0f} s")
    except _Refused as error:
        return Answer(None, f"not called: {error}")
    except (socket.gaierror, UnicodeError):
        return Answer(None, "the host's name does not resolve")
    except Exception as error:  # what a receiver does must not end the process
        return Answer(None, f"no connection: {_reason(error)}")


def _answer(status: int, headers: Iterable[tuple[bytes, bytes]]) -> Answer:
    if 200 <= status < 300:
        return Answer(status)
    asked = next((value for name, value in headers if name.lower() == b"retry-after"), b"")
    seconds = int(asked) if asked.isdigit() and len(asked) <= _LONGEST_RETRY_AFTER else 0
    problem = "a redirect, which is not followed" if 300 <= status < 400 else "refused"
    return Answer(status, f"{problem} (status {status})", seconds)


def _reason(error: BaseException) -> str:
    """The kind of failure; its text may quote what the other side sent."""
    cause = error.__cause__ or error.__context__ or error
    if isinstance(cause, ssl.SSLCertVerificationError):
        return f"certificate: {cause.verify_message}"
    return type(cause).__name__
