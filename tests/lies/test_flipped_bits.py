"""A flipped bit anywhere in a bundle folder names the check that failed."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analytics_pipeline.core import canonical
from analytics_pipeline.core.bundle import BUNDLE_FILES, CHAIN_FILE, FOLDER_FILES
from analytics_pipeline.core.verify import verify_bundle
from analytics_pipeline.core.verify_errors import VerificationFailed
from tests.support.world import DAYS, Lies, World, honest_world

FOLDER = honest_world().folder(DAYS[1], 2)
TERMS = World().terms


def assert_flip_is_noticed(path: str, bit: int) -> None:
    altered = bytearray(FOLDER[path])
    altered[bit // 8] ^= 1 << bit % 8
    with pytest.raises(VerificationFailed) as caught:
        verify_bundle({**FOLDER, path: bytes(altered)}, terms=TERMS)
    assert caught.value.results[-1].passed is False, (path, bit)


def test_random_flips_in_every_file() -> None:
    """800 random single-bit flips, spread over the files, are all noticed."""
    source = random.Random(1)
    for number in range(800):
        path = FOLDER_FILES[number % len(FOLDER_FILES)]
        assert_flip_is_noticed(path, source.randrange(8 * len(FOLDER[path])))


def test_a_flip_in_every_byte_of_the_chain_file() -> None:
    """chain.json has no byte that no check covers (it is the only file without a CID)."""
    source = random.Random(2)
    for position in range(len(FOLDER[CHAIN_FILE])):
        assert_flip_is_noticed(CHAIN_FILE, 8 * position + source.randrange(8))


@pytest.mark.slow
@pytest.mark.parametrize("path", FOLDER_FILES)
def test_every_bit_of_every_file(path: str) -> None:
    """Exhaustive: each of the about 100,000 bits of a small folder."""
    for bit in range(8 * len(FOLDER[path])):
        assert_flip_is_noticed(path, bit)


@pytest.mark.parametrize("path", FOLDER_FILES)
def test_truncated_and_extended_files(path: str) -> None:
    """Cutting a byte off, emptying and extending a file are noticed like a flip."""
    whole = FOLDER[path]
    for altered in (whole[:-1], b"", whole + b"\n", whole + whole):
        with pytest.raises(VerificationFailed):
            verify_bundle({**FOLDER, path: altered}, terms=TERMS)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ("header", "rows", "segments", "format", "day", "bounds", "queries", "regions")
            ),
            inner,
            max_size=6,
        )
    ),
    max_leaves=12,
)


@given(st.sampled_from(BUNDLE_FILES), json_values | st.binary(max_size=40))
def test_published_nonsense_is_a_named_failure(name: str, nonsense: object) -> None:
    """Whatever an operator publishes instead, verification names a failure and never crashes."""
    data = nonsense if isinstance(nonsense, bytes) else canonical.encode(nonsense)
    world = World()
    world.publish(DAYS[0], lies=Lies(bundle=lambda files: {**files, name: data}))
    with pytest.raises(VerificationFailed):
        verify_bundle(world.folder(DAYS[0], 1), terms=TERMS)


@given(json_values | st.binary(max_size=40))
def test_any_chain_file_is_a_named_failure(nonsense: object) -> None:
    """Arbitrary bytes as chain.json give a VerificationFailed."""
    data = nonsense if isinstance(nonsense, bytes) else canonical.encode(nonsense)
    with pytest.raises(VerificationFailed):
        verify_bundle({**FOLDER, CHAIN_FILE: data}, terms=TERMS)
