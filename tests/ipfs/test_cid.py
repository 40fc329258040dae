"""CIDs have one spelling, and a block is only made by hashing."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analytics_pipeline.core import cid
from analytics_pipeline.core.errors import IntegrityError, InvalidInput

HELLO = "bafkreifzjut3te2nhyekklss27nh3k72ysco7y32koao5eei66wof36n5e"


def test_known_cid() -> None:
    """`hello world` has the CID Kubo gives it."""
    assert cid.cid_of_block(cid.RAW, b"hello world") == HELLO
    assert cid.cid_to_bytes(HELLO)[4:] == hashlib.sha256(b"hello world").digest()


@given(st.sampled_from([cid.RAW, cid.DAG_PB]), st.binary(min_size=32, max_size=32))
def test_text_and_bytes_are_inverse(codec: int, digest: bytes) -> None:
    """Every binary CID survives the way through text."""
    raw = bytes((1, codec, 0x12, 0x20)) + digest
    assert cid.cid_to_bytes(cid.cid_from_bytes(raw)) == raw


@given(st.text(max_size=80))
def test_any_text_is_parsed_or_refused(text: str) -> None:
    """Arbitrary text raises InvalidInput and nothing else."""
    try:
        assert cid.cid_from_bytes(cid.cid_to_bytes(text)) == text
    except InvalidInput:
        return


@given(st.integers(0, 58), st.sampled_from("abcdefghijklmnopqrstuvwxyz234567"))
def test_one_spelling_only(position: int, letter: str) -> None:
    """Changing any letter gives another CID or none: unused bits count too."""
    changed = HELLO[:position] + letter + HELLO[position + 1 :]
    if changed == HELLO:
        return
    try:
        assert cid.cid_to_bytes(changed) != cid.cid_to_bytes(HELLO)
    except InvalidInput:
        return


@pytest.mark.parametrize(
    "text",
    [
        "",
        HELLO.upper(),
        HELLO + "a",
        HELLO[:-1],
        "QmTkzDwWqPbnAh5YiV5VwcTLnGdwSNsNTn2aDxdXBFca7D",
        "z" + HELLO[1:],
        HELLO[:-1] + "f",
        "../" + HELLO[3:],
    ],
)
def test_other_spellings_are_refused(text: str) -> None:
    """Upper case, CIDv0, other bases, stray bits and paths are no CIDs here."""
    with pytest.raises(InvalidInput):
        cid.cid_to_bytes(text)


@pytest.mark.parametrize("prefix", ["00551220", "01721220", "01551320", "01551221"])
def test_other_binary_cids_are_refused(prefix: str) -> None:
    """Another version, codec, hash or digest length is refused."""
    raw = bytes.fromhex(prefix) + bytes(32)
    with pytest.raises(InvalidInput):
        cid.cid_from_bytes(raw)


@given(st.binary(min_size=1, max_size=200), st.data())
def test_a_changed_byte_is_noticed(data: bytes, draw: st.DataObject) -> None:
    """verify_block names the CID whichever byte was changed."""
    block = cid.build_block(cid.RAW, data)
    assert cid.verify_block(block.cid, data) == block
    position = draw.draw(st.integers(0, len(data) - 1))
    wrong = bytearray(data)
    wrong[position] ^= draw.draw(st.integers(1, 255))
    with pytest.raises(IntegrityError, match=block.cid):
        cid.verify_block(block.cid, bytes(wrong))
