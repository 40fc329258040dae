"""Values the way the registry contract encodes and hashes them.

Belongs here: words of the contract ABI, binary CIDs, platform ids, range checks. Records are in
`core.chain_record`, their chain in `core.record`.
"""

import base64
import re
from datetime import date
from typing import Any, Final

from analytics_pipeline.core.day import day_number
from analytics_pipeline.core.errors import InvalidRecord
from analytics_pipeline.core.keccak import checksum_address, keccak256

MAX_SAFE_INTEGER: Final = 2**53 - 1  # RFC 8785 section 3.2.2.3
MAX_CID_BYTES: Final = 64
_PLATFORM = re.compile(r"[A-Za-z0-9._-]{1,64}")


def cid_text(raw: bytes) -> str:
    """Multibase base32 (``b…``) of a binary CID; any bytes have exactly one such text."""
    return "b" + base64.b32encode(raw).decode("ascii").rstrip("=").lower()


def cid_raw(text: str, field: str = "cid") -> bytes:
    """Inverse of `cid_text`. Raises InvalidRecord unless `text` is the one text of its bytes."""
    body = text[1:].upper()
    try:
        raw = base64.b32decode(body + "=" * (-len(body) % 8))
    except ValueError:
        raise InvalidRecord(field, "not base32") from None
    if cid_text(raw) != text or not 4 <= len(raw) <= MAX_CID_BYTES or raw[0] != 1:
        raise InvalidRecord(field, "not a CIDv1 in lower-case base32")
    return raw


def word(value: int | bytes) -> bytes:
    """One 32-byte word of the contract ABI for a uint or bytes32."""
    return value if isinstance(value, bytes) else value.to_bytes(32, "big")


def address_word(address: str) -> bytes:
    return bytes.fromhex(address[2:]).rjust(32, b"\0")


def hash_words(*words: bytes) -> bytes:
    return keccak256(b"".join(words))


def platform_id(platform: str) -> bytes:
    """The 32-byte name of a platform on chain. Raises InvalidRecord."""
    if not _PLATFORM.fullmatch(platform):
        raise InvalidRecord("platform", "must match [A-Za-z0-9._-]{1,64}")
    return keccak256(platform.encode("ascii"))


def genesis_head(chain_id: int, registry: str, platform: str) -> bytes:
    """Head of a platform without records; binds chain, contract and platform."""
    return hash_words(word(chain_id), address_word(registry), platform_id(platform))


def check_uint(name: str, value: Any, minimum: int, maximum: int) -> None:
    if type(value) is not int or not minimum <= value <= maximum:
        raise InvalidRecord(name, f"must be an integer in {minimum}..{maximum}")


def check_hash(name: str, value: Any) -> None:
    if not isinstance(value, bytes) or len(value) != 32:
        raise InvalidRecord(name, "must be 32 bytes")


def check_address(name: str, value: Any) -> None:
    if not isinstance(value, str) or not re.fullmatch(r"0x[0-9A-Fa-f]{40}", value):
        raise InvalidRecord(name, "must be an address (0x and 40 hex digits)")
    if checksum_address(value) != value:
        raise InvalidRecord(name, "wrong address checksum (EIP-55)")


def check_day(name: str, value: Any) -> None:
    if type(value) is not date or day_number(value) < 0:
        raise InvalidRecord(name, "must be a day from 1970-01-01 on")
