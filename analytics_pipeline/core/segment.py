"""The sealed segment: one COSE_Encrypt0 message around a padded Parquet file.

    envelope  = tag 16 [ protected {1: A256GCM, 3: content type, -65537: key commitment},
                         unprotected {5: nonce}, ciphertext ]                        RFC 9052
    aad       = JCS of the header, as COSE's external additional data                RFC 8785
    key, key commitment = HKDF-SHA256 of (data key, nonce, SHA-256(aad))             RFC 5869
    plaintext = content ‖ 0x80 ‖ 0x00…, its length rounded up by Padmé

Page with a worked example and numbered rules: `spec/segment.md`. GCM alone lets one ciphertext open
under two keys; deriving key and commitment together from key, nonce and header commits to all three
(UtC with hashed context, Bellare & Hoang, EUROCRYPT 2022, eprint 2022/268). Padmé: Nikitin et al.,
"Reducing Metadata Leakage from Encrypted Files and Communication with PURBs", PETS 2019, section 4.

Belongs here: the format, both ways. Randomness is passed in. Does not belong here: what the content
is (`storage.segments`), wrapping of data keys (`storage.keyring`).
"""

import hmac
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from hashlib import sha256
from typing import Any, Final

import cbor2
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cwt import COSE, COSEKey
from cwt.exceptions import CWTError

from analytics_pipeline.core import canonical, merkle
from analytics_pipeline.core.errors import DecryptionFailed, InvalidSegment

FORMAT: Final = "viewership-segment/1"
CONTENT_TYPE: Final = "application/vnd.apache.parquet"
DATA_KEY_BYTES: Final = 32
NONCE_BYTES: Final = 12
COMMITMENT_BYTES: Final = 32
#: content is padded to at least this, so that quiet hours look alike
MIN_PADDED_BYTES: Final = 64 * 1024
MAX_PADDED_BYTES: Final = 1024 * 1024 * 1024

_ALG, _CONTENT_TYPE, _NONCE, _KEY_COMMITMENT = 1, 3, 5, -65537  # below -65536: private use
_A256GCM: Final = 3
_ENCRYPT0_TAG: Final = 16


@dataclass(frozen=True)
class SegmentHeader:
    """What a segment is bound to, and cannot be moved away from.

    ``batch_digest`` is `batch_digest` of the batches whose events it holds; ``schema`` names its
    columns; ``wrapping_key_id`` the wrapping key in force when it was sealed (its data key may be
    re-wrapped later, the header stays).
    """

    platform: str
    day: date
    segment_id: str
    schema: str
    wrapping_key_id: str
    batch_digest: str

    def to_bytes(self) -> bytes:
        """Canonical JSON: the external additional data."""
        return canonical.encode({"format": FORMAT, **vars(self), "day": self.day.isoformat()})


@dataclass(frozen=True)
class SealedSegment:
    """An envelope and its key commitment (``0x`` and 64 hex digits)."""

    envelope: bytes
    key_commitment: str


def batch_digest(batch_ids: Iterable[str]) -> str:
    """RFC 6962 root over the sorted, distinct batch ids, as ``0x…``: says which batches went in,
    and lets one of them be shown to be among them."""
    return canonical.hash_text(merkle.root([each.encode() for each in sorted(set(batch_ids))]))


def padme_length(length: int) -> int:
    """Padmé: the smallest length ≥ `length` whose lowest bits are zero.

    Of the ⌊log2 L⌋ + 1 bits of a length L only the ⌊log2 log2 L⌋ + 2 highest stay free, so sizes
    up to M leak O(log log M) bits, for at most 12 % more bytes.
    """
    if length < 2:
        return length
    exponent = length.bit_length() - 1
    zero_bits = exponent - exponent.bit_length()
    mask = (1 << zero_bits) - 1
    return (length + mask) & ~mask


def pad(content: bytes) -> bytes:
    """Append 0x80 and zeros (ISO/IEC 7816-4) up to the Padmé length."""
    target = max(MIN_PADDED_BYTES, padme_length(len(content) + 1))
    if target > MAX_PADDED_BYTES:
        raise InvalidSegment("content", f"larger than {MAX_PADDED_BYTES} bytes")
    return (content + b"\x80").ljust(target, b"\0")


def unpad(padded: bytes) -> bytes:
    """Inverse of `pad`. Raises InvalidSegment if `pad` would not have given these bytes."""
    stripped = padded.rstrip(b"\0")
    if not stripped.endswith(b"\x80"):
        raise InvalidSegment("padding", "has no end marker")
    if len(padded) != max(MIN_PADDED_BYTES, padme_length(len(stripped))):
        raise InvalidSegment("padding", "is not of the Padmé length")
    return stripped[:-1]


def seal_segment(
    content: bytes, header: SegmentHeader, *, data_key: bytes, nonce: bytes
) -> SealedSegment:
    """Seal one segment.

    Args:
        data_key: 32 fresh random bytes, used for this segment only.
        nonce: 12 fresh random bytes.
    """
    if len(data_key) != DATA_KEY_BYTES or len(nonce) != NONCE_BYTES:
        raise ValueError(f"needs a data key of {DATA_KEY_BYTES} and a nonce of {NONCE_BYTES} bytes")
    aad = header.to_bytes()
    key, commitment = _derive(data_key, nonce, aad)
    protected = {_ALG: _A256GCM, _CONTENT_TYPE: CONTENT_TYPE, _KEY_COMMITMENT: commitment}
    envelope = COSE.new().encode_and_encrypt(
        pad(content), key, protected, {_NONCE: nonce}, external_aad=aad
    )
    return SealedSegment(envelope, canonical.hash_text(commitment))


def open_segment(
    envelope: bytes, header: SegmentHeader, *, data_key: bytes, key_commitment: str
) -> bytes:
    """Open one segment. The numbers are those of `spec/segment.md`.

    Args:
        header: what the catalogue says the segment is; must be what it was sealed as.
        key_commitment: what the catalogue (and the manifest) says.
    Raises:
        InvalidSegment: the envelope breaks the format; ``field`` says where.
        DecryptionFailed: another key, another header, or an altered ciphertext.
    """
    protected, nonce = _parse_envelope(envelope)  # (1) (2)
    commitment: bytes = protected[_KEY_COMMITMENT]
    if canonical.hash_text(commitment) != key_commitment:  # (3)
        raise DecryptionFailed(f"segment {header.segment_id}: not the key commitment on record")
    aad = header.to_bytes()
    key, derived = _derive(data_key, nonce, aad)
    if not hmac.compare_digest(derived, commitment):  # (4)
        raise DecryptionFailed(
            f"segment {header.segment_id}: the data key or the header is not the one it was "
            "sealed with"
        )
    try:
        padded = COSE.new().decode(envelope, key, external_aad=aad)  # (5)
    except (CWTError, ValueError):
        raise DecryptionFailed(f"segment {header.segment_id}: the ciphertext was altered") from None
    return unpad(padded)  # (6)


def parse_key_commitment(envelope: bytes) -> str:
    """The commitment an envelope carries: anybody can compare it with a manifest. Raises
    InvalidSegment."""
    protected, _nonce = _parse_envelope(envelope)
    return canonical.hash_text(protected[_KEY_COMMITMENT])


def _derive(data_key: bytes, nonce: bytes, aad: bytes) -> tuple[Any, bytes]:
    """(content key, key commitment): HKDF-SHA256 with the nonce as salt, one label each."""
    context = sha256(aad).digest()
    key = HKDF(SHA256(), 32, nonce, f"{FORMAT}/key\n".encode() + context).derive(data_key)
    label = f"{FORMAT}/commitment\n".encode()
    commitment = HKDF(SHA256(), COMMITMENT_BYTES, nonce, label + context).derive(data_key)
    return COSEKey.from_symmetric_key(key, alg="A256GCM"), commitment


def _parse_envelope(envelope: bytes) -> tuple[dict[int, Any], bytes]:
    """(protected header, nonce) of a well-formed envelope in its one encoding."""
    try:
        message = cbor2.loads(envelope)
        protected = cbor2.loads(message.value[0])
        parts = (message.tag, *message.value)
        again = cbor2.dumps(message)
        protected_again = cbor2.dumps(protected)
    except Exception:  # cbor2 lets errors of any kind through on bytes it did not write
        raise InvalidSegment("envelope", "is not a COSE_Encrypt0 message") from None
    if len(parts) != 4 or parts[0] != _ENCRYPT0_TAG:
        raise InvalidSegment("envelope", "is not a COSE_Encrypt0 message")
    if again != envelope or protected_again != parts[1]:
        raise InvalidSegment("envelope", "is not in its shortest encoding")
    if list(protected) != [_ALG, _CONTENT_TYPE, _KEY_COMMITMENT]:
        raise InvalidSegment("envelope.protected", "does not hold exactly labels 1, 3 and -65537")
    if protected[_ALG] != _A256GCM or protected[_CONTENT_TYPE] != CONTENT_TYPE:
        raise InvalidSegment("envelope.protected", "names another algorithm or content type")
    if not _is_bytes(protected[_KEY_COMMITMENT], COMMITMENT_BYTES):
        raise InvalidSegment("envelope.protected", f"commitment is not {COMMITMENT_BYTES} bytes")
    unprotected = parts[2]
    if not isinstance(unprotected, dict) or list(unprotected) != [_NONCE]:
        raise InvalidSegment("envelope.unprotected", "does not hold exactly label 5")
    if not _is_bytes(unprotected[_NONCE], NONCE_BYTES):
        raise InvalidSegment("envelope.unprotected", f"nonce is not {NONCE_BYTES} bytes")
    if not isinstance(parts[3], bytes):
        raise InvalidSegment("envelope.ciphertext", "is not a byte string")
    return protected, unprotected[_NONCE]


def _is_bytes(value: object, length: int) -> bool:
    return isinstance(value, bytes) and len(value) == length
