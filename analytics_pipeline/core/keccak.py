"""Keccak-256 as Ethereum uses it, and the spelling of addresses that carries a checksum (EIP-55).

From `eth_hash`, not `eth_utils`, which has the same function behind half a second of imports: a
verifier should begin at once. Belongs here: bytes in, bytes out.
"""

from eth_hash.auto import keccak as _keccak


def keccak256(data: bytes) -> bytes:
    """32 bytes."""
    return bytes(_keccak(data))


def checksum_address(address: str) -> str:
    """``0x`` and 40 hexadecimal digits, of which letters are capital where the hash says so.

    Args:
        address: the same in any case.
    """
    digits = address[2:].lower()
    digest = keccak256(digits.encode("ascii")).hex()
    letters = zip(digits, digest, strict=False)
    return "0x" + "".join(d.upper() if int(h, 16) >= 8 else d for d, h in letters)
