"""Which address a request came from. Pure; the address lives no longer than its caller runs.

Belongs here: parsing, and which proxies are believed. Does not belong here: what replaces an
address (`ingest.client`, `serve.access`).
"""

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Final

from analytics_pipeline.core.errors import InvalidSettings

_MAX_HOPS: Final = 32
_IPV6_SITE_BYTES: Final = 8

Address = IPv4Address | IPv6Address


def parse_address(text: str) -> Address:
    """Parse ``192.0.2.1``, ``192.0.2.1:443``, ``2001:db8::1`` or ``[2001:db8::1]:443``; an
    IPv4-mapped IPv6 address becomes IPv4. Raises ValueError without repeating the text."""
    text = text.strip()
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ip_address(text.partition("%")[0])
    except ValueError:
        raise ValueError("not an IP address") from None
    return (address.ipv4_mapped or address) if isinstance(address, IPv6Address) else address


class TrustedProxies:
    """The proxies whose ``X-Forwarded-For`` is believed: addresses or networks."""

    def __init__(self, entries: Sequence[str]) -> None:
        """Raises InvalidSettings if an entry is neither an address nor a network."""
        try:
            self._networks = [ip_network(entry, strict=False) for entry in entries]
        except ValueError as error:
            raise InvalidSettings("ANALYTICS_TRUSTED_PROXIES", str(error)) from None

    def __contains__(self, address: Address) -> bool:
        return any(
            address in network
            for network in self._networks
            if isinstance(network, IPv6Network) == isinstance(address, IPv6Address)
        )

    def client_address(self, peer: str, forwarded_for: bytes | None) -> Address:
        """The rightmost address of the chain that is not a trusted proxy.

        Each proxy appends the address it saw, so everything left of the rightmost untrusted hop was
        written by the client and proves nothing. A hop that is no address ends the walk.

        Args:
            peer: the address the connection came from.
            forwarded_for: the X-Forwarded-For header, lines joined with commas.
        """
        address = parse_address(peer)
        if forwarded_for is None or address not in self:
            return address
        for hop in reversed(forwarded_for.split(b",")[-_MAX_HOPS:]):
            try:
                address = parse_address(hop.decode("ascii"))
            except ValueError:
                return address
            if address not in self:
                return address
        return address


def site_bytes(address: Address) -> bytes:
    """What of an address stands for who uses it: of IPv6 only the /64, for devices change the rest
    by themselves (RFC 8981)."""
    packed = address.packed
    return packed[:_IPV6_SITE_BYTES] if isinstance(address, IPv6Address) else packed
