"""The pseudonym that replaces the address a request came from.

Belongs here: a pure function of one request. Does not belong here: addresses (`web.addresses`), the
salts (`storage.salts`) and the country database (`storage.country`).
"""

import hashlib
import hmac
from typing import Final

from analytics_pipeline.web.addresses import Address, site_bytes

PSEUDONYM_HEX_DIGITS: Final = 32


def build_pseudonym(salt: bytes, project: str, address: Address, user_agent: bytes) -> str:
    """HMAC-SHA256(salt, project, address, user agent), cut to 128 bits, in hex.

    Fields are length-prefixed (uint32, big-endian) so that no two tuples run together. Of an IPv6
    address only the /64 counts.
    """
    fields = (project.encode(), site_bytes(address), user_agent)
    message = b"".join(len(field).to_bytes(4, "big") + field for field in fields)
    return hmac.new(salt, message, hashlib.sha256).hexdigest()[:PSEUDONYM_HEX_DIGITS]
