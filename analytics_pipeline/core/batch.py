"""One client upload on the wire: header, HPKE ciphertext, and the payload inside.

    frame    = header length (uint16, big-endian) ‖ header (UTF-8 JSON) ‖ sealed
    sealed   = enc (32 bytes) ‖ ciphertext                      RFC 9180 base mode
    suite    = DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, ChaCha20-Poly1305
    info     = "viewership-batch/1\\n" project "\\n" key_id "\\n" batch_id    (ASCII)
    payload  = {"v": 1, "events": [Event, ...]}                 UTF-8 JSON, 1..500 events

The header binds nothing by itself: project, key and batch id are authenticated through `info`
(the library's single-shot API takes no additional data). Belongs here: parsing and building.
Opening needs a private key and lives with the keys (`storage.keyring`).
"""

from typing import Annotated, Any, Final

import msgspec
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PublicKey
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite
from msgspec import Meta

from analytics_pipeline.core.errors import InvalidBatch
from analytics_pipeline.core.event import describe_validation_error

MAX_FRAME_BYTES: Final = 256 * 1024
MAX_HEADER_BYTES: Final = 1024
MAX_EVENTS: Final = 500
HPKE_OVERHEAD_BYTES: Final = 48  # enc 32 + tag 16
HPKE_SUITE: Final = Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.CHACHA20_POLY1305)

Name = Annotated[str, Meta(min_length=1, max_length=64, pattern=r"\A[A-Za-z0-9._-]+\Z")]
BatchId = Annotated[str, Meta(min_length=16, max_length=64, pattern=r"\A[A-Za-z0-9_-]+\Z")]


class BatchHeader(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Clear text beside a sealed batch. The API key rides here because beacons cannot set headers
    without a CORS preflight; it is dropped before the batch is queued."""

    v: Annotated[int, Meta(ge=1, le=1)]
    project: Name
    key_id: Name
    batch_id: BatchId
    api_key: Annotated[str, Meta(max_length=128)] = ""


class Frame(msgspec.Struct, frozen=True):
    """A parsed upload."""

    header: BatchHeader
    sealed: bytes


def hpke_info(project: str, key_id: str, batch_id: str) -> bytes:
    """The `info` string both sides feed to HPKE."""
    return f"viewership-batch/1\n{project}\n{key_id}\n{batch_id}".encode("ascii")


def parse_frame(body: bytes) -> Frame:
    """Split and check an upload. Raises InvalidBatch naming the field."""
    if len(body) < 2:
        raise InvalidBatch("frame", "shorter than its length prefix")
    size = int.from_bytes(body[:2], "big")
    if not 2 <= size <= MAX_HEADER_BYTES:
        raise InvalidBatch("frame", f"header length {size} is outside 2..{MAX_HEADER_BYTES}")
    if len(body) < 2 + size + HPKE_OVERHEAD_BYTES + 2:
        raise InvalidBatch("frame", "shorter than header and HPKE overhead")
    try:
        header = msgspec.json.decode(body[2 : 2 + size], type=BatchHeader)
    except msgspec.ValidationError as error:
        field, problem = describe_validation_error(error)
        raise InvalidBatch("header" if field == "event" else f"header.{field}", problem) from None
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise InvalidBatch("header", "not UTF-8 JSON") from None
    return Frame(header, body[2 + size :])


def build_frame(header: BatchHeader, sealed: bytes) -> bytes:
    """Inverse of `parse_frame`."""
    encoded = msgspec.json.encode(header)
    return len(encoded).to_bytes(2, "big") + encoded + sealed


def seal_payload(payload: bytes, public_key: X25519PublicKey, info: bytes) -> bytes:
    """HPKE single-shot seal: enc ‖ ciphertext. Anybody can; nobody without the key can open."""
    return HPKE_SUITE.encrypt(payload, public_key, info)


def build_payload(events: list[Any]) -> bytes:
    """Encode events (structs or mappings) as a batch payload."""
    return msgspec.json.encode({"v": 1, "events": events})


class _Payload(msgspec.Struct, forbid_unknown_fields=True):
    v: Annotated[int, Meta(ge=1, le=1)]
    events: Annotated[list[Any], Meta(min_length=1, max_length=MAX_EVENTS)]


def parse_payload(payload: bytes) -> list[Any]:
    """The decoded, not yet validated events of a payload (validate each with `parse_event`, so
    that one bad event does not cost its neighbours). Raises InvalidBatch."""
    try:
        return msgspec.json.decode(payload, type=_Payload).events
    except msgspec.ValidationError as error:
        field, problem = describe_validation_error(error)
        raise InvalidBatch("payload" if field == "event" else f"payload.{field}", problem) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise InvalidBatch("payload", "not UTF-8 JSON") from None
