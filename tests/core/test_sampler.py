"""The sampler: words by hand, digits that make up their word, secrets that stay secret."""

import re
import secrets
import subprocess
import sys
from bisect import bisect_right
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analytics_pipeline.core import sampler
from analytics_pipeline.core.errors import InvalidInput, NoiseOutOfRange
from analytics_pipeline.core.field import MODULUS
from analytics_pipeline.core.gaussian import thresholds
from analytics_pipeline.core.listing import ListedVideo, build_listing
from analytics_pipeline.core.policy import DEFAULT_POLICY, Query
from analytics_pipeline.core.poseidon2 import permute
from analytics_pipeline.core.sampler import (
    Drawn,
    Seed,
    block_count,
    draw_noise,
    draw_vector,
    draw_words,
    figure_names,
    half_width,
    word_format,
)
from tests.support import noise_vectors
from tests.support.world import SMALL_POLICY

SEED = Seed(1234567, 89)
BY_NAME = {query.name: (number, query) for number, query in enumerate(DEFAULT_POLICY.queries)}
LISTING = build_listing([ListedVideo("bo", "x"), ListedVideo("ana", "z"), ListedVideo("bo", "a")])
elements = st.integers(0, MODULUS - 1)


def test_a_unit_1_word_by_hand() -> None:
    """Block 2 of query 14: three words of three digits of 84 bits, the first a little longer."""
    number, query = BY_NAME["video.viewers"]
    assert number == 14
    label = int.from_bytes(b"viewership/noise/1", "big")
    words = permute((SEED.value, 42, 14 * 2**32 + 2, label))[:3]
    digits = [part for h in words for part in (h >> 168, (h >> 84) % 2**84, h % 2**84)]
    ranges = [MODULUS >> 168, 2**84, 2**84] * 3
    places = [
        bisect_right(thresholds(12910, r), d) - 1 for r, d in zip(ranges, digits, strict=True)
    ]
    drawn = draw_words(SEED.value, 42, number, query, 3)
    assert drawn.digits[18:] == digits
    assert drawn.places[18:] == places
    assert drawn.dithers == [0] * 27
    assert draw_vector(SEED, 42, number, query, 27)[18:] == [place - 130 for place in places]


def test_a_coarser_word_by_hand() -> None:
    """Block 0 of query 15 in units of 100: three words of two digits and two dithers."""
    number, query = BY_NAME["video.watch_seconds"]
    label = int.from_bytes(b"viewership/noise/1", "big")
    expected = []
    for h in permute((SEED.value, 42, 15 * 2**32, label))[:3]:
        rest, second_dither = divmod(h, 100)
        rest, first_dither = divmod(rest, 100)
        first, second = divmod(rest, 2**84)
        first_table = thresholds(79201, MODULUS // (2**84 * 100**2))
        first_place = bisect_right(first_table, first) - 1
        second_place = bisect_right(thresholds(79201, 2**84), second) - 1
        expected += [
            100 * (first_place - 793) + first_dither - 50,
            100 * (second_place - 793) + second_dither - 50,
        ]
    assert draw_vector(SEED, 42, number, query, 6) == expected
    assert draw_vector(SEED, 42, number, query, 5) == expected[:5]


@given(elements, elements, st.sampled_from(DEFAULT_POLICY.queries), st.integers(1, 3))
def test_digits_and_dithers_make_up_their_words(
    seed: int, nonce: int, query: Query, blocks: int
) -> None:
    """word = Σ digit·weight + Σ dither·weight, all of them in range, every place the right one."""
    drawn = draw_words(seed, nonce, 3, query, blocks)
    shape = word_format(query.unit)
    assert len(drawn.states) == blocks
    words = [word for state in drawn.states for word in state[:3]]
    assert len(drawn.digits) == len(drawn.places) == len(drawn.dithers)
    assert len(drawn.digits) == len(words) * shape.figures
    for position, word in enumerate(words):
        here = slice(position * shape.figures, (position + 1) * shape.figures)
        digits, dithers = drawn.digits[here], drawn.dithers[here]
        total = sum(d * w for d, w in zip(digits, shape.digit_weights, strict=True))
        total += sum(u * w for u, w in zip(dithers, shape.dither_weights, strict=False))
        assert total == word
        assert all(0 <= u < query.unit for u in dithers)
        for digit, place, limit in zip(digits, drawn.places[here], shape.digit_ranges, strict=True):
            table = thresholds(query.sigma_thousandths, limit)
            assert table[place] <= digit < table[place + 1]


@given(st.integers(1, 5000))
def test_digits_and_dithers_leave_nothing_of_the_field_out(unit: int) -> None:
    """Ranges and weights fit into each other; what the first digit cannot reach is below 2⁻⁸⁰."""
    shape = word_format(unit)
    assert shape.figures == (3 if unit == 1 else 2)
    parts = [*zip(shape.digit_weights, shape.digit_ranges, strict=True)]
    parts += [(weight, unit) for weight in shape.dither_weights]
    assert len(parts) == (3 if unit == 1 else 4)
    product = 1
    for weight, size in reversed(parts):
        assert weight == product
        product *= size
    assert 0 < MODULUS - product < MODULUS >> 80


def test_figures_have_the_order_of_the_statement() -> None:
    """video: 20·slot + bin; creator: slot, or 8·slot + continent; region and provider: place in the
    policy, for a histogram 8·place + bin; platform: one."""
    order = {q.name: figure_names(q, SMALL_POLICY, LISTING) for q in SMALL_POLICY.queries}
    assert order["video.furthest_bin"][20 * 2 + 7] == ("video", "x", "furthest_bin_07")
    assert [key for _, key, _ in order["video.watch_seconds"]] == ["z", "a", "x"]
    assert [key for _, key, _ in order["creator.viewers"]] == ["ana", "bo"]
    assert [key for _, key, _ in order["region.viewers"]] == ["DE", "US", "ZZ"]
    assert order["creator.continent"][8 + 3] == ("creator", "bo", "viewers_eu")
    assert [key for _, key, _ in order["provider.viewers"]] == ["cdn", "ipfs"]
    assert order["provider.startup"][8 + 7] == ("provider", "ipfs", "startup_7")
    assert order["platform.views"] == [("platform", "", "views")]


def test_a_release_draws_every_query_under_its_own_number() -> None:
    """The noise of a release is the vectors of its queries, numbered as in the policy."""
    noise = draw_noise(SEED, 5, SMALL_POLICY, LISTING)
    assert len(noise) == 3 * 22 + 2 * 10 + 2 * 17 + 3 + 6
    for number, query in enumerate(SMALL_POLICY.queries):
        names = figure_names(query, SMALL_POLICY, LISTING)
        vector = draw_vector(SEED, 5, number, query, len(names))
        assert [noise[name] for name in names] == vector


def test_longer_vectors_begin_with_shorter_ones() -> None:
    """A figure's noise depends on its place alone, not on how many follow."""
    for number, query in BY_NAME.values():
        long = draw_vector(SEED, 5, number, query, 40)
        for count in (0, 1, 8, 9, 10, 39):
            assert draw_vector(SEED, 5, number, query, count) == long[:count]
            assert 9 * block_count(query, count) >= count


def test_noise_depends_on_seed_nonce_and_query() -> None:
    """Another seed, nonce or query number: other noise. The salt only hides the seed."""
    _, query = BY_NAME["video.viewers"]
    ours = draw_vector(SEED, 5, 7, query, 100)
    assert ours == draw_vector(replace(SEED, salt=90), 5, 7, query, 100)
    for seed, nonce, number in (
        (replace(SEED, value=1234568), 5, 7),
        (SEED, 6, 7),
        (SEED, 5, 8),
    ):
        other = draw_vector(seed, nonce, number, query, 100)
        assert sum(a == b for a, b in zip(ours, other, strict=True)) < 20  # 3 expected


def test_a_word_out_of_range_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Words that no figure may be drawn from, 2⁻⁸⁵ of them; the last good word is good."""
    for _, query in BY_NAME.values():
        shape = word_format(query.unit)
        end = shape.digit_ranges[0] * shape.digit_weights[0]
        monkeypatch.setattr(sampler, "permute", lambda _, end=end: (end - 1, 0, 0, MODULUS - 1))
        assert draw_words(0, 0, 0, query, 1).places[0] == 2 * half_width(query)
        monkeypatch.setattr(sampler, "permute", lambda _, end=end: (0, 0, end, 0))
        with pytest.raises(NoiseOutOfRange, match=query.name):
            draw_words(0, 0, 0, query, 1)


@pytest.mark.parametrize("nonce", [-1, MODULUS])
def test_a_nonce_is_a_field_element(nonce: int) -> None:
    """Two spellings of one element would be two nonces with one noise."""
    with pytest.raises(InvalidInput, match="nonce"):
        draw_noise(SEED, nonce, SMALL_POLICY, LISTING)


def test_seeds_travel_as_64_bytes() -> None:
    """Seed and salt, and back; the commitment needs both."""
    seed = Seed.generate(secrets.randbelow)
    data = seed.to_bytes()
    assert len(data) == 64
    assert Seed.from_bytes(data) == seed
    label = int.from_bytes(b"viewership/seed/1", "big")
    assert seed.commitment == permute((seed.value, seed.salt, 0, label))[0]
    assert seed.commitment != replace(seed, salt=seed.salt ^ 1).commitment
    assert seed != Seed.generate(secrets.randbelow)


@pytest.mark.parametrize(
    "data", [b"", bytes(63), bytes(65), MODULUS.to_bytes(32, "big") + bytes(32), b"\xff" * 64]
)
def test_other_bytes_are_no_seed(data: bytes) -> None:
    """Refused, and the message does not repeat them."""
    with pytest.raises(InvalidInput, match="seed") as caught:
        Seed.from_bytes(data)
    assert data.hex()[:16] not in str(caught.value) or not data
    assert str(MODULUS) not in str(caught.value)


def test_the_vectors_for_other_languages_are_current() -> None:
    """tests/vectors/noise.json is what the code makes: words, digits, places, noise, tables. A
    change of it is another noise rule and needs another name."""
    assert noise_vectors.FILE.read_text() == noise_vectors.text()


def test_the_program_of_the_policy_page_draws_the_same() -> None:
    """spec/policy.md, run as printed without any library, prints the noise that it says."""
    page = (Path(__file__).parents[2] / "spec/policy.md").read_text()
    found = re.search(r"```python\n(.*?)```\n\nprints .*: (-?\d+) and (-?\d+)\.", page, re.DOTALL)
    assert found is not None
    command = [sys.executable, "-I", "-S", "-c", found[1]]
    printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    assert printed == [found[2], found[3]]
    number, query = BY_NAME["video.watch_seconds"]
    vector = draw_vector(noise_vectors.SEED, noise_vectors.NONCE, number, query, 2)
    assert [int(word) for word in printed] == vector


def test_secrets_do_not_print() -> None:
    """Neither the seed nor what was drawn shows in a repr, hence in no traceback or log."""
    seed = Seed(987654321987654321, 123456789123456789)
    assert repr(seed) == str(seed) == "Seed()"
    drawn = draw_words(seed.value, 5, 7, BY_NAME["video.viewers"][1], 1)
    assert isinstance(drawn, Drawn)
    assert not any(str(digit) in repr(drawn) for digit in drawn.digits)
