"""The sampler against the distribution it is to have, and against OpenDP's exact sampler.

100,000 draws of every kind of figure, ours from a fixed seed, theirs from the operating system.
All scores are standard normal if the hypothesis holds: 5.5 is passed once in 50 million times.
"""

import math
from functools import cache
from statistics import fmean, pvariance
from typing import Final

import pytest

from analytics_pipeline.core.gaussian import ideal_probabilities
from analytics_pipeline.core.policy import DEFAULT_POLICY, Query
from analytics_pipeline.core.sampler import (
    Drawn,
    Seed,
    block_count,
    draw_words,
    half_width,
    noise_of,
    word_format,
)
from analytics_pipeline.release.noise import library_mechanism
from tests.release.statistics import fifths, fit, independence, same

DRAWS = 100_000
LIMIT = 5.5
SEED = Seed(20260301, 0)
NONCE = 77
#: Of each way to draw one, in every run: with dithers (their number odd or even) and without.
ALWAYS: Final = {"platform.viewers", "platform.views", "video.viewers", "video.watch_seconds"}
#: One of each kind: queries of equal σ and unit draw alike.
KINDS = [
    pytest.param(
        number, query, id=query.name, marks=[] if query.name in ALWAYS else pytest.mark.slow
    )
    for number, query in {
        (query.sigma_thousandths, query.unit): (number, query)
        for number, query in enumerate(DEFAULT_POLICY.queries)
    }.values()
]


@cache
def drawn(number: int) -> Drawn:
    """At least 100,000 draws of a query, in whole blocks."""
    query = DEFAULT_POLICY.queries[number]
    return draw_words(SEED.value, NONCE, number, query, block_count(query, DRAWS))


def units(number: int, query: Query) -> list[int]:
    """The Gaussian part of the noise, in units."""
    return [place - half_width(query) for place in drawn(number).places[:DRAWS]]


def opendp_units(query: Query) -> list[int]:
    """100,000 draws of OpenDP's discrete Gaussian with the query's σ."""
    return list(library_mechanism(query)([0] * DRAWS))


@pytest.mark.parametrize(("number", "query"), KINDS)
def test_units_are_discrete_gaussian(number: int, query: Query) -> None:
    """The histogram fits the exact probabilities, and OpenDP's histogram fits ours."""
    ours = units(number, query)
    ideal = ideal_probabilities(query.sigma_thousandths)
    width = half_width(query)
    assert abs(fit(ours, {n: float(ideal[abs(n)]) for n in range(-width, width + 1)})) < LIMIT
    assert abs(same(ours, opendp_units(query))) < LIMIT


@pytest.mark.parametrize(("number", "query"), KINDS)
def test_noise_has_the_stated_moments(number: int, query: Query) -> None:
    """Mean 0 (−1/2 where the unit is even: a dither has no middle) and the public σ."""
    noise = noise_of(query, drawn(number), DRAWS)
    middle = 0 if query.unit % 2 else -0.5
    assert abs(fmean(noise) - middle) < LIMIT * query.sigma / math.sqrt(DRAWS)
    assert abs(pvariance(noise) / query.sigma**2 - 1) < LIMIT * math.sqrt(2 / DRAWS) + 2e-4
    outside = sum(abs(n) > query.error_95 for n in noise) / DRAWS
    assert 0.04 < outside < 0.055


@pytest.mark.parametrize(("number", "query"), KINDS)
def test_dithers_are_uniform_and_independent(number: int, query: Query) -> None:
    """Every dither is as likely as any other, and says nothing about the units beside it."""
    dithers = drawn(number).dithers[:DRAWS]
    if query.unit == 1:
        assert not any(dithers)
        return
    assert abs(fit(dithers, dict.fromkeys(range(query.unit), 1 / query.unit))) < LIMIT
    pairs = zip(fifths(units(number, query)), fifths(dithers), strict=True)
    assert abs(independence(pairs)) < LIMIT


@pytest.mark.parametrize(("number", "query"), KINDS)
def test_figures_of_a_word_are_independent(number: int, query: Query) -> None:
    """Any two digits, or dithers, of one word; and neighbours in different words."""
    figures = word_format(query.unit).figures
    for values in (drawn(number).places, drawn(number).dithers):
        if not any(values):
            continue
        fifth = fifths(values)
        for first in range(figures):
            for distance in (1, figures):
                later = fifth[first + distance :: figures]
                pairs = zip(fifth[first::figures], later, strict=False)
                assert abs(independence(pairs)) < LIMIT


@pytest.mark.slow
def test_start_up_bins_have_noise_of_their_own() -> None:
    """The same σ and unit under another query number: another sample of one distribution."""
    bins = DEFAULT_POLICY.queries.index(DEFAULT_POLICY.by_row["provider", "startup_0"])
    viewers = DEFAULT_POLICY.queries.index(DEFAULT_POLICY.by_row["platform", "viewers"])
    query = DEFAULT_POLICY.queries[bins]
    assert query.sigma == DEFAULT_POLICY.queries[viewers].sigma
    ours, others = units(bins, query), units(viewers, query)
    assert abs(same(ours, others)) < LIMIT
    assert abs(independence(zip(fifths(ours), fifths(others), strict=True))) < LIMIT


def test_the_scores_notice_what_they_are_for() -> None:
    """A σ off by 5 %, a dither that misses a value, digits that follow each other: all found."""
    number, query = next((n, q) for n, q in enumerate(DEFAULT_POLICY.queries) if q.unit == 100)
    ours = units(number, query)
    wrong = ideal_probabilities(query.sigma_thousandths * 105 // 100)
    width = half_width(query)
    assert fit(ours, {n: float(wrong[abs(n)]) for n in range(-width, width + 1)}) > LIMIT
    stretched = [round(n * 1.05) for n in ours]
    assert same(stretched, opendp_units(query)) > LIMIT
    dithers = [max(1, dither) for dither in drawn(number).dithers[:DRAWS]]
    assert fit(dithers, dict.fromkeys(range(100), 0.01)) > LIMIT
    following = [(a + b) % 5 for a, b in zip(fifths(ours), fifths(ours[1:]), strict=False)]
    shifted = [
        a if place % 20 else b
        for place, (a, b) in enumerate(zip(following, fifths(ours), strict=False))
    ]
    assert independence(zip(shifted, fifths(ours), strict=False)) > LIMIT
