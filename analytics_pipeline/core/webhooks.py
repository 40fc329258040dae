"""Webhook calls as the Standard Webhooks specification (1.0.0) has them, and where they may go.

    signed content     {webhook-id}.{webhook-timestamp}.{body}
    webhook-signature  v1a,{base64 of an Ed25519 signature} …, one for each key, apart by a space
    public key         whpk_{base64 of 32 bytes}

Belongs here: bytes, headers, rules about addresses, when to try again. Does not belong here: keys
(`storage.webhook_keys`), names to addresses and connections (`alerts.calling`).
"""

import base64
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)
from typing import Final
from urllib.parse import urlsplit

from analytics_pipeline.core.errors import InvalidInput

PUBLIC_KEY_PREFIX: Final = "whpk_"
_SIGNATURE: Final = "v1a"
MAX_URL: Final = 2048
_HOST: Final = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9._-]*[A-Za-z0-9_])?\.?")

#: A call that nobody took is tried again for this long, then it is dead.
GIVE_UP_AFTER: Final = timedelta(days=3)
FIRST_PAUSE: Final = timedelta(seconds=10)
LONGEST_PAUSE: Final = timedelta(hours=6)

Address = IPv4Address | IPv6Address
#: Addresses that look public to Python, and are not to be called on a stranger's word: protocol
#: assignments, 6to4 relays, a cloud's host; and everything that carries another address.
_REFUSED: Final = tuple(
    map(
        ip_network,
        (
            *("192.0.0.0/24", "192.88.99.0/24", "168.63.129.16/32"),
            *("2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20"),
        ),
    )
)
#: All of IPv6 that is handed out to the public.
_GLOBAL_UNICAST: Final = IPv6Network("2000::/3")
#: An IPv4 address behind a translator (RFC 6052).
_NAT64: Final = IPv6Network("64:ff9b::/96")


@dataclass(frozen=True)
class Target:
    """Where calls of a rule go.

    Args:
        url: as it was given; its path may be a secret of the receiver's.
        inward: the operator said that it may be on this machine or a private network.
    """

    url: str
    inward: bool = False

    @property
    def host(self) -> str:
        """Host and port, for logs: without what may be secret."""
        return urlsplit(self.url).netloc

    @property
    def origin(self) -> str:
        """Scheme, host and port, for readers: without what may be secret."""
        parts = urlsplit(self.url)
        return f"{parts.scheme}://{parts.netloc}"

    @property
    def is_secure(self) -> bool:
        """Whether it is called by https."""
        return urlsplit(self.url).scheme == "https"


def signed_content(event_id: str, timestamp: int, body: bytes) -> bytes:
    """What is signed.

    Args:
        event_id: has no full stop.
        timestamp: of the attempt, Unix time in seconds.
    """
    return f"{event_id}.{timestamp}.".encode() + body


def build_headers(event_id: str, timestamp: int, signatures: Iterable[bytes]) -> dict[str, str]:
    """The headers of one attempt."""
    listed = (f"{_SIGNATURE},{base64.b64encode(one).decode('ascii')}" for one in signatures)
    return {
        "content-type": "application/json",
        "webhook-id": event_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": " ".join(listed),
    }


def public_key_text(raw: bytes) -> str:
    """How a public key is shown to receivers."""
    return PUBLIC_KEY_PREFIX + base64.b64encode(raw).decode("ascii")


def next_attempt(
    created_at: datetime, now: datetime, attempts: int, *, jitter: float, asked_seconds: int = 0
) -> datetime | None:
    """When to try a call again; None: it is dead.

    Args:
        attempts: made so far, at least 1.
        jitter: 0 … 1, random, so that calls do not come back all at once.
        asked_seconds: what the receiver wants to be left alone for (Retry-After); taken up to the
            longest pause.
    """
    doubled = FIRST_PAUSE * 2 ** min(attempts - 1, 20)
    pause = min(LONGEST_PAUSE, max(doubled, timedelta(seconds=asked_seconds)))
    due = now + pause * (1 + jitter / 4)
    return due if due < created_at + GIVE_UP_AFTER else None


def parse_url(text: str, *, inward: bool = False) -> Target:
    """An address to call.

    Args:
        inward: also take http, for this machine, and addresses that are not public.
    Raises:
        InvalidInput: field ``url``; the text is not repeated, for it may hold a secret.
    """
    if len(text) > MAX_URL or not text.isascii() or not text.isprintable() or " " in text:
        raise InvalidInput("url", f"must be at most {MAX_URL} visible ASCII characters")
    try:
        parts = urlsplit(text)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        raise InvalidInput("url", "is no URL") from None
    if parts.scheme not in ("https", "http"):
        raise InvalidInput("url", "must begin with https://")
    if parts.username is not None or parts.password is not None or parts.fragment or port == 0:
        raise InvalidInput("url", "may have no user, password, fragment or port 0")
    address = _literal(host)
    if address is None and not _HOST.fullmatch(host):
        raise InvalidInput("url", "names no host")
    if parts.scheme == "http" and not (inward and _is_this_machine(host, address)):
        raise InvalidInput("url", "must begin with https://; http is for this machine only")
    if not inward and address is not None and (why := refuse_address(address)):
        raise InvalidInput("url", f"is {why}")
    return Target(text, inward)


def refuse_address(address: Address) -> str | None:
    """Why an address is not to be called on a stranger's word; None if it may be."""
    if isinstance(address, IPv6Address):
        carried = address.ipv4_mapped
        if address in _NAT64:
            carried = IPv4Address(address.packed[-4:])
        if carried is not None:
            return refuse_address(carried)
        if address.scope_id is not None or address not in _GLOBAL_UNICAST:
            return "no public address"
    if not address.is_global or address.is_multicast or address.is_reserved:
        return "no public address"
    if any(_contains(network, address) for network in _REFUSED):
        return "a reserved address"
    return None


def _contains(network: IPv4Network | IPv6Network, address: Address) -> bool:
    return network.version == address.version and address in network


def _literal(host: str) -> Address | None:
    try:
        return ip_address(host)
    except ValueError:
        return None


def _is_this_machine(host: str, address: Address | None) -> bool:
    return host == "localhost" if address is None else address.is_loopback
