"""Tables of the discrete Gaussian: against integer arithmetic, and their distance in δ."""

import decimal
import itertools
from decimal import Decimal
from fractions import Fraction

import pytest

from analytics_pipeline.core.accounting import DELTA, epsilon_of, published_epsilon
from analytics_pipeline.core.closeness import distance_of_a_draw, viewer_excess, year_delta
from analytics_pipeline.core.gaussian import (
    ideal_probabilities,
    statistical_distance,
    table_half_width,
    thresholds,
)
from analytics_pipeline.core.policy import DEFAULT_POLICY
from analytics_pipeline.core.sampler import word_format

TABLES = sorted(
    {
        (query.sigma_thousandths, digit_range)
        for query in DEFAULT_POLICY.queries
        for digit_range in word_format(query.unit).digit_ranges
    }
)


SCALE = 10**120


def scaled_weights(sigma_thousandths: int, largest: int) -> list[int]:
    """10¹²⁰·exp(−k² / 2σ²) in integers only: a power series for k = 1, then products, for
    k² − (k − 1)² = 2k − 1."""
    term = base = SCALE
    for n in itertools.count(1):
        term = -term * 10**6 // (2 * sigma_thousandths**2 * n)
        if abs(term) <= 1:
            break
        base += term
    weights, ratio = [SCALE], base
    for _ in range(largest):
        weights.append(weights[-1] * ratio // SCALE)
        ratio = ratio * base // SCALE * base // SCALE
    return weights


@pytest.mark.parametrize(("sigma_thousandths", "digit_range"), [*TABLES, (1200, 10**9)])
def test_thresholds_equal_those_of_integers(sigma_thousandths: int, digit_range: int) -> None:
    """A second computation, from the definition, gives every threshold to the last digit."""
    half_width = table_half_width(sigma_thousandths)
    weights = scaled_weights(sigma_thousandths, half_width)
    everything = [weights[abs(noise)] for noise in range(-half_width, half_width + 1)]
    whole = sum(everything)
    below = itertools.accumulate(everything, initial=0)
    expected = tuple(round(Fraction(digit_range * part, whole)) for part in below)
    assert thresholds(sigma_thousandths, digit_range) == expected


@pytest.mark.parametrize(("sigma_thousandths", "digit_range"), TABLES)
def test_tables_are_whole_and_symmetric(sigma_thousandths: int, digit_range: int) -> None:
    """From 0 to the range, 2L + 1 outcomes that all can occur, likeliest in the middle, and both
    sides equal but for the rounding."""
    steps = thresholds(sigma_thousandths, digit_range)
    half_width = -(-sigma_thousandths // 100)
    assert (steps[0], steps[-1], len(steps)) == (0, digit_range, 2 * half_width + 2)
    widths = [end - start for start, end in itertools.pairwise(steps)]
    assert min(widths) > 0
    assert max(widths) == widths[half_width]
    assert all(abs(a - b) <= 2 for a, b in zip(widths, reversed(widths), strict=True))


def test_tables_do_not_depend_on_the_callers_arithmetic() -> None:
    """Whatever decimal context is in force, the table is the same."""
    ours = thresholds(8945, 1 << 84)
    thresholds.cache_clear()
    with decimal.localcontext(decimal.Context(prec=3, rounding=decimal.ROUND_UP, Emin=-5, Emax=5)):
        assert thresholds(8945, 1 << 84) == ours


def test_the_distance_by_hand() -> None:
    """σ = 0.1: outcomes −1, 0, 1 with p(1) = e⁻⁵⁰ / (1 + 2e⁻⁵⁰ + …) ≈ 1.93e-22, all but lost in a
    range of 1000: the table always says 0."""
    assert thresholds(100, 1000) == (0, 0, 1000, 1000)
    expected = 2 * Decimal(-50).exp() / (1 + 2 * Decimal(-50).exp())
    assert abs(statistical_distance(100, 1000) / expected - 1) < Decimal("1e-20")


@pytest.mark.parametrize(("sigma_thousandths", "digit_range"), TABLES)
def test_the_distance_is_tail_and_rounding(sigma_thousandths: int, digit_range: int) -> None:
    """Not below what lies beyond L, not above that and half a digit for each threshold."""
    half_width = table_half_width(sigma_thousandths)
    tail = 2 * sum(ideal_probabilities(sigma_thousandths)[half_width + 1 :])
    distance = statistical_distance(sigma_thousandths, digit_range)
    assert tail / 2 < distance < tail + Decimal(2 * half_width + 1) / digit_range
    assert distance < Decimal(2) ** -74


def test_a_year_of_draws_adds_less_than_1e_12_to_delta() -> None:
    """Every draw of a leap year with 1,000 videos and each day corrected once, for one viewer-day;
    and 1,000 creators as well."""
    epsilon = published_epsilon(DEFAULT_POLICY.rho_nano_per_day)
    assert 0 < year_delta(DEFAULT_POLICY, 1000, 200, epsilon) < Decimal("1e-14")
    assert year_delta(DEFAULT_POLICY, 1000, 1000, epsilon) < Decimal("1e-12")
    farthest = max(distance_of_a_draw(query) for query in DEFAULT_POLICY.queries)
    assert 2 * 366 * 23_000 * farthest * 40 < Decimal("1e-12")


@pytest.mark.parametrize("releases", [1, 2, 30, 60])
def test_published_epsilons_have_room_for_finite_tables(releases: int) -> None:
    """What tables add to ε vanishes in its rounding up; what they add to δ is below 1e-12."""
    rho_nano = releases * DEFAULT_POLICY.rho_nano_per_release
    added = viewer_excess(DEFAULT_POLICY, releases)
    assert epsilon_of(rho_nano) + float(added.epsilon) < published_epsilon(rho_nano)
    assert 0 < added.delta < Decimal("1e-12") < Decimal(DELTA)


def test_a_viewer_of_a_whole_year() -> None:
    """732 releases that all hold her data: still below 1e-12."""
    assert viewer_excess(DEFAULT_POLICY, 732).delta < Decimal("1e-12")
