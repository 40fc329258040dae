"""Content identifiers: CIDv1, sha2-256, codecs `raw` and `dag-pb`, written in base32.

    binary  = 0x01 ‖ codec (0x55 raw, 0x70 dag-pb) ‖ 0x12 0x20 ‖ SHA-256 of block     36 bytes
    text    = "b" ‖ base32(binary), lower case, no padding                          59 characters

Sources: multiformats/cid, multiformats/multihash, RFC 4648 section 6. Belongs here: names of
blocks, and the only two ways to get a `Block` (hash its bytes, or check them against a name).
Does not belong here: what a block contains (`core.dagpb`), where it is kept (`storage.ipfs`).
"""

import base64
import hashlib
from typing import Final, NamedTuple

from analytics_pipeline.core.errors import IntegrityError, InvalidInput

RAW: Final = 0x55
DAG_PB: Final = 0x70
CID_BYTES: Final = 36
CID_CHARACTERS: Final = 59
#: Bitswap's limit; no larger block can travel between nodes.
MAX_BLOCK_BYTES: Final = 2 * 1024 * 1024

_SHA256_32: Final = b"\x12\x20"


class Block(NamedTuple):
    """Bytes together with the CID they hash to. Made by `build_block` and `verify_block` only, so
    that holding one means the check was made."""

    cid: str
    data: bytes


def cid_from_bytes(raw: bytes) -> str:
    """Text form of a binary CID.

    Raises:
        InvalidInput: other version, codec, hash or length than this project uses.
    """
    if len(raw) != CID_BYTES or raw[0] != 1 or raw[1] not in (RAW, DAG_PB):
        raise InvalidInput("cid", "not a binary CIDv1 of codec raw or dag-pb")
    if raw[2:4] != _SHA256_32:
        raise InvalidInput("cid", "its hash is not sha2-256")
    return "b" + base64.b32encode(raw).decode("ascii").rstrip("=").lower()


def cid_to_bytes(cid: str) -> bytes:
    """Binary form of a CID; the inverse of `cid_from_bytes`.

    Raises:
        InvalidInput: not the one text form of a CID this project uses. CIDv0 (`Qm…`) is refused.
    """
    if len(cid) != CID_CHARACTERS or not cid.startswith("b"):
        raise InvalidInput("cid", f"{cid[:CID_CHARACTERS]!r} is not a base32 CIDv1")
    try:
        raw = base64.b32decode(cid[1:].upper() + "======")
    except ValueError:
        raise InvalidInput("cid", f"{cid!r} is not base32") from None
    if cid_from_bytes(raw) != cid:
        raise InvalidInput("cid", f"{cid!r} is not the canonical spelling")
    return raw


def codec_of(cid: str) -> int:
    """`RAW` or `DAG_PB`. Raises InvalidInput for anything that is not such a CID."""
    return cid_to_bytes(cid)[1]


def multihash_of(cid: str) -> bytes:
    """The hash with its two-byte prefix: what block stores file blocks under."""
    return cid_to_bytes(cid)[2:]


def cid_of_block(codec: int, data: bytes | memoryview) -> str:
    """The CID of one block's bytes."""
    return cid_from_bytes(bytes((1, codec)) + _SHA256_32 + hashlib.sha256(data).digest())


def build_block(codec: int, data: bytes) -> Block:
    """Name bytes that were made here."""
    return Block(cid_of_block(codec, data), data)


def verify_block(cid: str, data: bytes) -> Block:
    """Check bytes that came from elsewhere against the name they were asked for by.

    Raises:
        IntegrityError: they hash to something else; the message names the CID.
        InvalidInput: `cid` is not a CID.
    """
    if hashlib.sha256(data).digest() != cid_to_bytes(cid)[4:]:
        raise IntegrityError(f"block {cid}: {len(data)} bytes received that do not hash to it")
    return Block(cid, data)
