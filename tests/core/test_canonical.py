"""Canonical JSON against RFC 8785's own samples, and the parser that takes nothing else."""

import struct
import subprocess
import sys

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from analytics_pipeline.core import canonical
from analytics_pipeline.core.errors import InvalidInput

# RFC 8785 appendix B: IEEE 754 bits and their text.
NUMBERS = (
    ("0000000000000000", "0"),
    ("8000000000000000", "0"),
    ("0000000000000001", "5e-324"),
    ("8000000000000001", "-5e-324"),
    ("7fefffffffffffff", "1.7976931348623157e+308"),
    ("ffefffffffffffff", "-1.7976931348623157e+308"),
    ("4340000000000000", "9007199254740992"),
    ("c340000000000000", "-9007199254740992"),
    ("4430000000000000", "295147905179352830000"),
    ("44b52d02c7e14af5", "9.999999999999997e+22"),
    ("44b52d02c7e14af6", "1e+23"),
    ("44b52d02c7e14af7", "1.0000000000000001e+23"),
    ("444b1ae4d6e2ef4e", "999999999999999700000"),
    ("444b1ae4d6e2ef4f", "999999999999999900000"),
    ("444b1ae4d6e2ef50", "1e+21"),
    ("3eb0c6f7a0b5ed8c", "9.999999999999997e-7"),
    ("3eb0c6f7a0b5ed8d", "0.000001"),
    ("41b3de4355555553", "333333333.3333332"),
    ("41b3de4355555554", "333333333.33333325"),
    ("41b3de4355555555", "333333333.3333333"),
    ("41b3de4355555556", "333333333.3333334"),
    ("41b3de4355555557", "333333333.33333343"),
    ("becbf647612f3696", "-0.0000033333333333333333"),
    ("43143ff3c1cb0959", "1424953923781206.2"),
)


@pytest.mark.parametrize(("bits", "text"), NUMBERS)
def test_numbers_of_the_rfc(bits: str, text: str) -> None:
    """Every sample of appendix B is written as the RFC writes it."""
    (value,) = struct.unpack(">d", bytes.fromhex(bits))
    assert canonical.encode(value) == text.encode()


def test_example_of_the_rfc() -> None:
    """The worked example of sections 3.2.2 and 3.2.3."""
    value = {
        "numbers": [333333333.33333329, 1e30, 4.50, 2e-3, 0.000000000000000000000000001],
        "string": "\u20ac$\u000f\u000aA'\u0042\u0022\u005c\\\"/",
        "literals": [None, True, False],
    }
    assert canonical.encode(value).decode() == (
        '{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],'
        '"string":"€$\\u000f\\nA\'B\\"\\\\\\\\\\"/"}'
    )


def test_members_are_ordered_by_utf16() -> None:
    """Section 3.2.3: a surrogate pair sorts before U+FB33."""
    keys = ["\u20ac", "\r", "\ufb33", "1", "\U0001f600", "\u0080", "\u00f6"]
    parsed = canonical.parse(canonical.encode(dict.fromkeys(keys, 0)))
    assert list(parsed) == ["\r", "1", "\u0080", "\u00f6", "\u20ac", "\U0001f600", "\ufb33"]


def reference(value: object) -> bytes | None:
    """What the library for RFC 8785 says; None if the value has no canonical form."""
    try:
        return rfc8785.dumps(value)  # type: ignore[arg-type]
    except (rfc8785.CanonicalizationError, UnicodeEncodeError):
        return None


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner),
    max_leaves=12,
)


@given(anything)
def test_the_fast_way_is_the_librarys(value: object) -> None:
    """Python's own encoder is used for plain values; nobody can tell which one wrote the bytes."""
    expected = reference(value)
    if expected is not None:
        assert canonical.encode(value) == expected
        return
    with pytest.raises(InvalidInput):
        canonical.encode(value)


@pytest.mark.parametrize("value", [*range(32), 0x7F, 0x80, 0x2028, 0x2029, 0xFFFF, 0x1F600])
def test_every_escape_is_the_librarys(value: int) -> None:
    """Control characters, and what JavaScript treats specially."""
    text = f'a{chr(value)}b"\\/'
    assert canonical.encode([text]) == reference([text])


@given(st.floats(1e-5, 1e16) | st.integers(-(2**54), 2**54) | st.floats(width=32))
def test_numbers_at_the_edge_of_the_fast_way(value: float) -> None:
    """Where one notation ends and another begins."""
    for each in (value, -value):
        expected = reference(each)
        assert expected is None or canonical.encode([each]) == b"[" + expected + b"]"


values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53) + 1, 2**53 - 1)
    | st.floats(allow_nan=False, allow_infinity=False, min_value=-1e15, max_value=1e15)
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=10),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(
        st.characters(exclude_categories=["Cs"]), max_size=5), inner, max_size=4),
)  # fmt: skip


@given(values)
def test_round_trip(value: object) -> None:
    """What was encoded parses to the same value and to the same bytes."""
    data = canonical.encode(value)
    assert canonical.parse(data) == value
    assert canonical.encode(canonical.parse(data)) == data


@given(st.binary(max_size=60))
def test_any_bytes_parse_or_are_refused(data: bytes) -> None:
    """Nothing but InvalidInput leaves the parser, and what it accepts is canonical."""
    try:
        value = canonical.parse(data)
    except InvalidInput:
        return
    assert canonical.encode(value) == data


@pytest.mark.parametrize(
    "text",
    [
        b'{"a":1,"a":2}',
        b'{"b":1,"a":2}',
        b'{"a": 1}',
        b'{"a":1}\n',
        b'\xef\xbb\xbf{"a":1}',
        b'{"a":1.0}',
        b'{"a":1e0}',
        b'{"a":-0}',
        b'{"a":9007199254740992}',
        b'{"a":NaN}',
        b'{"a":1e999}',
        b'{"a":"\\u0041"}',
        b'{"a":"\\ud800"}',
        b'{"\\ud800":1}',
        b'{"a":"\\/"}',
        b'"\xff"',
        b"",
        b"[" * 100_000,
        b"]" * 100_000 + b"[" * 200_000,
        b'"]]]]]",' + b'["]",' * 100_000,
        b'{"a\\"]":' * 100_000,
        b"1" * 5_000,
    ],
)
def test_other_spellings_are_refused(text: bytes) -> None:
    """One value has one spelling; duplicates, odd numbers and escapes are errors."""
    with pytest.raises(InvalidInput):
        canonical.parse(text)


def test_a_text_without_end_is_read_once() -> None:
    """Each escaped quote could be where a text begins: a small file would take hours."""
    with pytest.raises(InvalidInput, match="is not JSON"):
        canonical.parse(b'"' + b'\\"' * 200_000)
    with pytest.raises(InvalidInput, match="is not JSON"):
        canonical.parse(b'["' + b'\\"' * 200_000 + b"\\")


def test_depth_is_bounded_whatever_the_recursion_limit() -> None:
    """Libraries of the chain raise Python's limit beyond what the stack holds."""
    script = (
        "import sys; sys.setrecursionlimit(1_000_000)\n"
        "from analytics_pipeline.core import canonical\n"
        "from analytics_pipeline.core.errors import InvalidInput\n"
        "deepest = b'[' * canonical.MAX_DEPTH + b']' * canonical.MAX_DEPTH\n"
        "assert canonical.encode(canonical.parse(deepest)) == deepest\n"
        "for bad in (b'[' + deepest + b']', b'[' * 500_000, b'{\"a\":' * 500_000):\n"
        "    try: canonical.parse(bad)\n"
        "    except InvalidInput: continue\n"
        "    sys.exit('was parsed')\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True, timeout=60)


@pytest.mark.parametrize(
    "value", [float("nan"), float("inf"), 2**53, {1: 2}, b"x", "\ud800", {"\ud800": 1}, {1}]
)
def test_what_json_cannot_carry_is_refused(value: object) -> None:
    """Encoding refuses instead of approximating."""
    with pytest.raises(InvalidInput):
        canonical.encode(value)


def test_hashes_are_written_one_way() -> None:
    """0x and lower case; anything else is refused, naming the field."""
    digest = bytes(range(32))
    assert canonical.parse_hash(canonical.hash_text(digest), "root") == digest
    for text in (digest.hex(), "0x" + digest.hex().upper(), "0x00", 5, "0x" + digest.hex() + "\n"):
        with pytest.raises(InvalidInput, match="root"):
            canonical.parse_hash(text, "root")


def test_members_must_be_exactly_those_named() -> None:
    """The error names the missing or surplus member."""
    members = frozenset(("a", "b"))
    with pytest.raises(InvalidInput, match=r"thing\.b: is missing"):
        canonical.check_members({"a": 1}, members, "thing")
    with pytest.raises(InvalidInput, match=r"thing\.c: is not a member"):
        canonical.check_members({"a": 1, "b": 2, "c": 3}, members, "thing")
    with pytest.raises(InvalidInput, match="must be an object"):
        canonical.check_members([], members, "thing")
