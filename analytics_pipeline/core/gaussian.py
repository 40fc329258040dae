"""The discrete Gaussian as a table: which digit of a random word means which noise.

    p(k) ∝ exp(−k² / 2σ²) for k in −L … L, L = ⌈10σ⌉
    threshold j of a digit in [0, M) = M · Σ p of what lies below outcome j, rounded half to even

A digit d means the outcome j with thresholds[j] ≤ d < thresholds[j + 1], the noise j − L. Belongs
here: tables, and their distance from the distribution that has no end. Does not belong here: digits
(`core.sampler`), and what the distance means for privacy (`core.closeness`).

All arithmetic is decimal with 120 digits, whose exp is correctly rounded: every machine gets the
same table. (Thresholds have 26 digits, so any sound computation with 60 would give it, too.)
"""

import decimal
import functools
import itertools
from decimal import Decimal
from typing import Final

#: Outcomes reach this many σ to both sides; beyond lies a probability of 2⁻⁷⁶.
TAIL_SIGMAS: Final = 10
_CONTEXT: Final = decimal.Context(
    prec=120,
    rounding=decimal.ROUND_HALF_EVEN,
    Emin=decimal.MIN_EMIN,
    Emax=decimal.MAX_EMAX,
)
#: Where a sum over all integers may end: exp(−20²/2) < 10⁻⁸⁶.
_EVERYTHING_SIGMAS: Final = 20


def table_half_width(sigma_thousandths: int) -> int:
    """L: the largest noise, in units."""
    return -(-TAIL_SIGMAS * sigma_thousandths // 1000)


@functools.lru_cache(maxsize=64)
def thresholds(sigma_thousandths: int, digit_range: int) -> tuple[int, ...]:
    """0 = thresholds[0] < … < thresholds[2L + 1] = digit_range."""
    half_width = table_half_width(sigma_thousandths)
    with decimal.localcontext(_CONTEXT):
        weights = _weights(sigma_thousandths, half_width)
        whole = weights[0] + 2 * sum(weights[1:])
        below, steps = Decimal(0), [0]
        for noise in range(-half_width, half_width):
            below += weights[abs(noise)]
            steps.append(int((below * digit_range / whole).to_integral_value()))
    return (*steps, digit_range)


@functools.lru_cache(maxsize=64)
def ideal_probabilities(sigma_thousandths: int) -> tuple[Decimal, ...]:
    """p(0), p(1), … of the discrete Gaussian on all integers, to where they are below 10⁻⁸⁶."""
    with decimal.localcontext(_CONTEXT):
        weights = _weights(sigma_thousandths, 2 + _EVERYTHING_SIGMAS * sigma_thousandths // 1000)
        whole = weights[0] + 2 * sum(weights[1:])
        return tuple(weight / whole for weight in weights)


@functools.lru_cache(maxsize=64)
def statistical_distance(sigma_thousandths: int, digit_range: int) -> Decimal:
    """Total variation between the table's noise and the discrete Gaussian on all integers."""
    half_width = table_half_width(sigma_thousandths)
    ideal = ideal_probabilities(sigma_thousandths)
    with decimal.localcontext(_CONTEXT):
        differences = [
            abs(drawn - ideal[abs(noise)])
            for noise, drawn in enumerate(
                table_probabilities(sigma_thousandths, digit_range), start=-half_width
            )
        ]
        return (sum(differences, Decimal(0)) + 2 * sum(ideal[half_width + 1 :])) / 2


def table_probabilities(sigma_thousandths: int, digit_range: int) -> list[Decimal]:
    """Probability of each outcome −L … L if the digit is uniform."""
    steps = thresholds(sigma_thousandths, digit_range)
    with decimal.localcontext(_CONTEXT):
        return [Decimal(end - start) / digit_range for start, end in itertools.pairwise(steps)]


def _weights(sigma_thousandths: int, largest: int) -> list[Decimal]:
    """exp(−k² / 2σ²) for k = 0 … largest, in the context of the caller."""
    return [
        (Decimal(-(k**2) * 10**6) / (2 * sigma_thousandths**2)).exp() for k in range(largest + 1)
    ]
