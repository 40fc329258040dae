"""The envelope: opens to what was sealed, and to nothing else whatever is changed."""

import random
from dataclasses import replace
from datetime import date
from hashlib import sha256

import cbor2
import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from hypothesis import given
from hypothesis import strategies as st

from analytics_pipeline.core import merkle
from analytics_pipeline.core.errors import DecryptionFailed, InvalidSegment
from analytics_pipeline.core.segment import (
    FORMAT,
    MIN_PADDED_BYTES,
    SegmentHeader,
    batch_digest,
    open_segment,
    pad,
    padme_length,
    parse_key_commitment,
    seal_segment,
    unpad,
)

HEADER = SegmentHeader(
    platform="demo",
    day=date(2025, 1, 2),
    segment_id="000102030405060708090a0b0c0d0e0f",
    schema="viewership-events/1",
    wrapping_key_id="wrap-000001-00000000",
    batch_digest=batch_digest(["batch-0000000001", "batch-0000000002"]),
)
KEY, NONCE = bytes(range(32)), bytes(range(12))
CONTENT = b"PAR1 stands for any content"
SEALED = seal_segment(CONTENT, HEADER, data_key=KEY, nonce=NONCE)
PREFIX_BYTES = len(SEALED.envelope) - MIN_PADDED_BYTES - 16


def reopen(envelope: bytes = SEALED.envelope, **change: object) -> bytes:
    known = {"data_key": KEY, "key_commitment": SEALED.key_commitment, **change}
    return open_segment(envelope, known.pop("header", HEADER), **known)


@given(st.binary(max_size=300), st.binary(min_size=32, max_size=32))
def test_round_trip(content: bytes, key: bytes):
    """Any content under any key comes back; also content that looks like padding."""
    for each in (content, content + b"\x80", content + b"\0\0"):
        sealed = seal_segment(each, HEADER, data_key=key, nonce=NONCE)
        commitment = sealed.key_commitment
        opened = open_segment(sealed.envelope, HEADER, data_key=key, key_commitment=commitment)
        assert opened == each
        assert parse_key_commitment(sealed.envelope) == commitment


def test_opens_without_this_code():
    """An independent reading of the page with plain CBOR, HKDF and AES-GCM opens the envelope."""
    message = cbor2.loads(SEALED.envelope)
    protected, unprotected, ciphertext = message.value
    aad = HEADER.to_bytes()
    context = sha256(aad).digest()
    labels = (b"viewership-segment/1/key\n", b"viewership-segment/1/commitment\n")
    key, commitment = (
        HKDF(SHA256(), 32, unprotected[5], label + context).derive(KEY) for label in labels
    )
    assert message.tag == 16
    assert cbor2.loads(protected) == {
        1: 3,
        3: "application/vnd.apache.parquet",
        -65537: commitment,
    }
    structure = cbor2.dumps(["Encrypt0", protected, aad])
    padded = AESGCM(key).decrypt(unprotected[5], ciphertext, structure)
    assert padded == CONTENT + b"\x80" + bytes(MIN_PADDED_BYTES - len(CONTENT) - 1)


def flipped(position: int, bit: int = 0) -> bytes:
    altered = bytearray(SEALED.envelope)
    altered[position] ^= 1 << bit
    return bytes(altered)


def assert_refused(envelope: bytes) -> None:
    with pytest.raises((DecryptionFailed, InvalidSegment)):
        reopen(envelope)


@pytest.mark.parametrize("position", range(PREFIX_BYTES))
def test_every_flipped_bit_of_the_frame_is_refused(position: int):
    """Tag, headers, commitment, nonce, lengths: no bit may differ."""
    for bit in range(8):
        assert_refused(flipped(position, bit))


def test_flipped_bytes_of_the_ciphertext_are_refused():
    """Anywhere in the ciphertext and its tag."""
    end = len(SEALED.envelope)
    places = [*range(PREFIX_BYTES, PREFIX_BYTES + 40), *range(end - 32, end)]
    for position in [*places, *random.Random(1).sample(range(PREFIX_BYTES, end), 150)]:
        assert_refused(flipped(position, position % 8))


@pytest.mark.slow
def test_every_flipped_byte_is_refused():
    """All of them."""
    for position in range(len(SEALED.envelope)):
        assert_refused(flipped(position, position % 8))


@pytest.mark.parametrize("cut", [0, 1, 2, 50, PREFIX_BYTES, len(SEALED.envelope) - 1])
def test_truncated_or_longer_is_refused(cut: int):
    """Neither a beginning of the envelope nor the envelope and more is the envelope."""
    assert_refused(SEALED.envelope[:cut])
    assert_refused(SEALED.envelope + SEALED.envelope[:1] * (cut + 1))


@given(st.binary(max_size=400))
def test_garbage_is_refused_by_name(data: bytes):
    """Arbitrary bytes end in InvalidSegment, never in another exception."""
    with pytest.raises(InvalidSegment):
        reopen(data)


@given(
    st.recursive(
        st.integers() | st.binary(max_size=40) | st.text(max_size=5) | st.none(),
        lambda inner: (
            st.lists(inner, max_size=4)
            | st.dictionaries(st.integers(-3, 6), inner, max_size=3)
            | st.builds(cbor2.CBORTag, st.sampled_from([16, 96, 17, 2]), inner)
        ),
        max_leaves=12,
    )
)
def test_other_cbor_is_refused_by_name(value: object):
    """So does well-formed CBOR that is no segment."""
    with pytest.raises(InvalidSegment):
        reopen(cbor2.dumps(value))


def rebuilt(protected: object, unprotected: object, tag: int = 16) -> bytes:
    ciphertext = cbor2.loads(SEALED.envelope).value[2]
    return cbor2.dumps(cbor2.CBORTag(tag, [cbor2.dumps(protected), unprotected, ciphertext]))


@pytest.mark.parametrize(
    ("envelope", "field"),
    [
        (rebuilt({1: 3}, {5: NONCE}), "protected"),
        (
            rebuilt({1: 1, 3: "application/vnd.apache.parquet", -65537: b""}, {5: NONCE}),
            "algorithm",
        ),
        (rebuilt({1: 3, 3: "text/csv", -65537: bytes(32)}, {5: NONCE}), "content type"),
        (
            rebuilt({1: 3, 3: "application/vnd.apache.parquet", -65537: b"x"}, {5: NONCE}),
            "commitment",
        ),
        (
            rebuilt(
                {1: 3, 3: "application/vnd.apache.parquet", -65537: bytes(32)},
                {5: NONCE, 4: b"kid"},
            ),
            "label 5",
        ),
        (
            rebuilt({1: 3, 3: "application/vnd.apache.parquet", -65537: bytes(32)}, {5: b"short"}),
            "nonce",
        ),
        (
            rebuilt(
                {1: 3, 3: "application/vnd.apache.parquet", -65537: bytes(32)}, {5: NONCE}, tag=96
            ),
            "COSE_Encrypt0",
        ),
    ],
)
def test_other_headers_are_refused_by_field(envelope: bytes, field: str):
    """One algorithm, one content type, these labels and no others."""
    with pytest.raises(InvalidSegment, match=field):
        reopen(envelope)


def test_other_encodings_are_refused():
    """The same message in indefinite-length or longer encodings is another file, and refused."""
    protected, unprotected, ciphertext = cbor2.loads(SEALED.envelope).value
    body = b"".join(cbor2.dumps(part) for part in (protected, unprotected, ciphertext))
    for envelope in (
        b"\xd0\x9f" + body + b"\xff",
        b"\xd8\x10\x83" + body,
        b"\xd0\x98\x03" + body,
    ):
        with pytest.raises(InvalidSegment, match="shortest encoding"):
            reopen(envelope)


@pytest.mark.parametrize(
    "change",
    [
        {"platform": "demo2"},
        {"day": date(2025, 1, 3)},
        {"segment_id": "f" * 32},
        {"schema": "viewership-events/2"},
        {"wrapping_key_id": "wrap-000002-00000000"},
        {"batch_digest": batch_digest(["batch-0000000001"])},
    ],
)
def test_header_is_bound(change: dict):
    """Every field of the header is authenticated."""
    with pytest.raises(DecryptionFailed, match="header"):
        reopen(header=replace(HEADER, **change))


def test_wrong_key_and_wrong_commitment():
    """Another key fails before anything is decrypted; so does another commitment on record."""
    with pytest.raises(DecryptionFailed, match="data key"):
        reopen(data_key=bytes(32))
    with pytest.raises(DecryptionFailed, match="on record"):
        reopen(key_commitment="0x" + "00" * 32)


def test_commitment_commits_to_key_nonce_and_header():
    """Changing any of the three changes the commitment, so no envelope opens under two."""
    commitments = {
        SEALED.key_commitment,
        seal_segment(CONTENT, HEADER, data_key=bytes(32), nonce=NONCE).key_commitment,
        seal_segment(CONTENT, HEADER, data_key=KEY, nonce=bytes(12)).key_commitment,
        seal_segment(
            CONTENT, replace(HEADER, platform="x"), data_key=KEY, nonce=NONCE
        ).key_commitment,
    }
    assert len(commitments) == 4
    assert seal_segment(b"", HEADER, data_key=KEY, nonce=NONCE).key_commitment in commitments


def test_wrong_sizes_are_programming_errors():
    """Keys and nonces of other sizes are refused before anything is sealed."""
    for key, nonce in ((KEY[:16], NONCE), (KEY, NONCE[:8])):
        with pytest.raises(ValueError, match="32"):
            seal_segment(CONTENT, HEADER, data_key=key, nonce=nonce)


@pytest.mark.parametrize(
    ("length", "padded"), [(0, 0), (1, 1), (9, 10), (100, 104), (1000, 1024), (10**6, 1015808)]
)
def test_padme_values(length: int, padded: int):
    """Values worked out by hand from the paper's rule."""
    assert padme_length(length) == padded


@given(st.integers(2, 2**40), st.integers(0, 2**20))
def test_padme_properties(length: int, more: int):
    """Never shorter, at most 12 % longer, monotone, stable, and few free bits."""
    padded = padme_length(length)
    assert length <= padded <= length * 1.12 + 1
    assert padme_length(padded) == padded
    assert padme_length(length + more) >= padded
    exponent = padded.bit_length() - 1
    free_bits = exponent.bit_length() + 1
    assert padded % (1 << max(0, padded.bit_length() - free_bits)) == 0


@given(st.binary(max_size=100_000))
def test_padding_round_trip(content: bytes):
    """Padding comes off exactly, and short contents all look alike."""
    padded = pad(content)
    assert unpad(padded) == content
    assert len(padded) >= MIN_PADDED_BYTES
    for wrong in (padded + b"\0", padded[:-1], content, bytes(len(padded))):
        with pytest.raises(InvalidSegment, match="padding"):
            unpad(wrong)


def test_batch_digest_is_a_merkle_root():
    """Order and repetition of ids do not matter, and membership can be shown."""
    ids = ["b" * 16, "a" * 16, "c" * 16]
    digest = batch_digest(ids)
    assert digest == batch_digest([*ids[::-1], ids[0]])
    leaves = [each.encode() for each in sorted(ids)]
    root = bytes.fromhex(digest[2:])
    proof = merkle.inclusion_proof(leaves, 1)
    assert merkle.verify_inclusion(leaves[1], 1, 3, proof, root)
    assert FORMAT == "viewership-segment/1"
