"""How far the noise drawn is from ideal noise, and what that adds to δ.

ρ and ε hold for the discrete Gaussian on all integers. Ours ends at 10σ, has thresholds rounded to
whole digits, and refuses a word with a chance below 2⁻⁸⁰. Two bounds (argued in spec/policy.md):

    year_delta     total variation of everything drawn in a year, for one viewer-day
    viewer_excess  for a viewer of many days: only draws that her data can change matter

Belongs here: these numbers. They decide nothing: the page and the tests show them.
"""

import math
from decimal import Decimal
from typing import NamedTuple

from analytics_pipeline.core.field import MODULUS
from analytics_pipeline.core.gaussian import (
    ideal_probabilities,
    statistical_distance,
    table_half_width,
    table_probabilities,
)
from analytics_pipeline.core.policy import Policy, Query
from analytics_pipeline.core.sampler import word_format


class Excess(NamedTuple):
    """What finite tables add to (ε, δ)."""

    epsilon: Decimal
    delta: Decimal


def distance_of_a_draw(query: Query) -> Decimal:
    """Total variation of one figure's noise: its farthest table, and a refusal of its word."""
    shape = word_format(query.unit)
    refused = MODULUS - shape.digit_ranges[0] * shape.digit_weights[0]
    farthest = max(statistical_distance(query.sigma_thousandths, r) for r in shape.digit_ranges)
    return farthest + Decimal(refused) / MODULUS


def year_delta(
    policy: Policy, videos: int, creators: int, epsilon: float, releases: int = 2 * 366
) -> Decimal:
    """(1 + e^ε) times the total variation of all draws: added to δ where ε holds for ideal noise.

    Args:
        policy: whose queries are drawn.
        videos: listed, each day.
        creators: listed, each day.
        epsilon: for which δ is stated.
        releases: by default those of a leap year with every day corrected once.
    """
    keys = {"video": videos, "creator": creators, "platform": 1}
    keys |= {"region": len(policy.regions), "provider": len(policy.providers)}
    release = sum(
        keys[query.scope] * len(query.metrics) * distance_of_a_draw(query)
        for query in policy.queries
    )
    return releases * release * Decimal(1 + math.exp(epsilon))


def viewer_excess(policy: Policy, releases: int, tolerance: Decimal = Decimal("1e-7")) -> Excess:
    """Added to ε and δ for a viewer whose days are in that many releases.

    A release has some draws that her day can change. Where their noise is so near the centre that
    the table's probability is at least 1 / (1 + tolerance) of the ideal one, ε grows by the
    tolerance; that it is elsewhere, after her largest shift, has the probability added to δ.
    """
    draws, delta = 0, Decimal(0)
    for query in policy.queries:
        largest_shift = math.isqrt(query.sensitivity_squared)
        cells = min(policy.bounds.videos_per_viewer_day, query.sensitivity_squared)
        ideal = ideal_probabilities(query.sigma_thousandths)
        reach = _faithful_reach(query, tolerance) - largest_shift
        outside = 2 * sum(ideal[reach + 1 :])
        draws += cells
        delta += cells * (outside + distance_of_a_draw(query))
    return Excess(releases * draws * tolerance, releases * delta)


def _faithful_reach(query: Query, tolerance: Decimal) -> int:
    """Largest t with ideal ≤ (1 + tolerance)·drawn for all noise in −t … t, in all tables."""
    half_width = table_half_width(query.sigma_thousandths)
    ideal = ideal_probabilities(query.sigma_thousandths)
    reach = half_width
    for digit_range in set(word_format(query.unit).digit_ranges):
        drawn = table_probabilities(query.sigma_thousandths, digit_range)
        for noise in range(reach + 1):
            least = min(drawn[half_width + noise], drawn[half_width - noise])
            if ideal[noise] > (1 + tolerance) * least:
                reach = noise - 1
                break
    return reach
