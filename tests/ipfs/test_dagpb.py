"""dag-pb has one accepted spelling."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analytics_pipeline.core import dagpb
from analytics_pipeline.core.cid import DAG_PB, RAW, build_block, cid_of_block
from analytics_pipeline.core.errors import InvalidContent

LEAF = cid_of_block(RAW, b"leaf")
LINKS = st.lists(
    st.builds(
        dagpb.Link,
        st.just(LEAF),
        st.text(st.characters(blacklist_categories=["Cs"]), max_size=10),
        st.integers(0, 2**62),
    ),
    max_size=5,
)
ONE_LINK = dagpb.encode_node([dagpb.Link(LEAF, "a", 4)], dagpb.DIRECTORY_DATA)


@given(LINKS, st.binary(max_size=30))
def test_round_trip(links: list[dagpb.Link], data: bytes) -> None:
    """What was encoded is decoded."""
    node = dagpb.parse_node(build_block(DAG_PB, dagpb.encode_node(links, data)))
    assert node == (tuple(links), data)


@given(st.binary(max_size=120))
def test_any_bytes_are_parsed_or_refused(data: bytes) -> None:
    """Arbitrary bytes raise InvalidContent and nothing else; accepted ones encode to themselves."""
    block = build_block(DAG_PB, data)
    try:
        links, payload = dagpb.parse_node(block)
    except InvalidContent:
        return
    assert dagpb.encode_node(list(links), payload) == data


@given(st.integers(0, len(ONE_LINK) - 1), st.integers(0, 255))
def test_mutated_nodes(position: int, value: int) -> None:
    """A changed byte gives another node in canonical form, or none."""
    data = ONE_LINK[:position] + bytes((value,)) + ONE_LINK[position + 1 :]
    try:
        links, payload = dagpb.parse_node(build_block(DAG_PB, data))
    except InvalidContent:
        return
    assert dagpb.encode_node(list(links), payload) == data


@pytest.mark.parametrize(
    "data",
    [
        b"",
        ONE_LINK[-4:] + ONE_LINK[:-4],  # data before links
        ONE_LINK + b"\x0a\x00",  # data twice
        ONE_LINK + b"\x18\x01",  # an unknown field
        b"\x0a\x82\x00\x08\x01",  # a padded length
        b"\x0a\x05\x08\x01",  # truncated
        b"\x08\x01",  # a number where bytes belong
        b"\x10\x01\x0a\x00",  # a number where a link belongs
        b"\x0d\x00\x00\x00\x00",  # a wire type dag-pb does not use
        b"\x12\x02\x12\x00\x0a\x00",  # a link without hash and size
        b"\xff" * 12,  # a number above 63 bits
    ],
)
def test_other_spellings_are_refused(data: bytes) -> None:
    """Anything but the canonical bytes is refused, naming the block."""
    block = build_block(DAG_PB, data)
    with pytest.raises(InvalidContent, match=block.cid):
        dagpb.parse_node(block)


@given(st.integers(0, 2**63 - 1))
def test_varints(value: int) -> None:
    """Numbers up to 63 bits survive and consume exactly their bytes."""
    encoded = dagpb.encode_varint(value)
    assert dagpb.decode_varint(encoded + b"\xff", 0) == (value, len(encoded))


@pytest.mark.parametrize(
    "message", [b"", b"\x08\x02\x20\x01", b"\x08\x02\x18\x02\x20\x01", b"\x08"]
)
def test_file_messages(message: bytes) -> None:
    """An inner file node must state type, total and parts, and they must add up."""
    block = build_block(DAG_PB, dagpb.encode_node([dagpb.Link(LEAF, "", 4)], message))
    with pytest.raises(InvalidContent, match=block.cid):
        dagpb.parse_file_node(block)
