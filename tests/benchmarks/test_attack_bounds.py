"""The statistics of the attack suite: exact where they can be reckoned, and never too sure."""

import math

import numpy as np
import pytest
from dp_accounting.pld.privacy_loss_mechanism import GaussianPrivacyLoss

from benchmarks.attack.bounds import (
    binomial_lower,
    binomial_upper,
    detectable_mu,
    gaussian_epsilon,
    gaussian_mu_of,
    lower_bound,
)

DELTA = 1e-6


@pytest.mark.parametrize(("hits", "rounds"), [(1, 10), (7, 10), (31, 60), (500, 1000)])
@pytest.mark.parametrize("alpha", [0.05, 0.001])
def test_binomial_bounds_are_exact(hits: int, rounds: int, alpha: float) -> None:
    """At the lower bound so many hits or more have the probability alpha; likewise above."""

    def probability(counts: range, p: float) -> float:
        return sum(math.comb(rounds, k) * p**k * (1 - p) ** (rounds - k) for k in counts)

    low, high = (bound(hits, rounds, alpha) for bound in (binomial_lower, binomial_upper))
    assert probability(range(hits, rounds + 1), low) == pytest.approx(alpha)
    assert probability(range(hits + 1), high) == pytest.approx(alpha)


def test_binomial_bounds_at_the_ends() -> None:
    """Nothing was hit, everything was hit: the closed forms."""
    assert binomial_lower(0, 50, 0.05) == 0
    assert binomial_upper(50, 50, 0.05) == 1
    assert binomial_lower(50, 50, 0.05) == pytest.approx(0.05 ** (1 / 50))
    assert binomial_upper(0, 50, 0.05) == pytest.approx(1 - 0.05 ** (1 / 50))


@pytest.mark.parametrize("mu", [0.05, 0.25, 0.5, 1.0, 4.0])
def test_epsilon_of_a_gaussian_is_googles(mu: float) -> None:
    """dp-accounting finds δ at our ε; and the way back leads to μ."""
    epsilon = gaussian_epsilon(mu, DELTA)
    theirs = GaussianPrivacyLoss(standard_deviation=1 / mu).get_delta_for_epsilon(epsilon)
    assert theirs == pytest.approx(DELTA, rel=1e-4)
    assert gaussian_mu_of(epsilon, DELTA) == pytest.approx(mu, rel=1e-6)


@pytest.mark.parametrize("mu", [0.0, 0.3, 1.0])
def test_lower_bounds_are_rarely_too_high_and_often_close(mu: float) -> None:
    """Over 200 attacks on an ideal Gaussian: too sure in at most 5 % (17 of 200 would be a chance
    of 1 in 50), and what `detectable_mu` promises to find is found."""
    random = np.random.default_rng(11)
    exact = gaussian_epsilon(mu, DELTA)
    too_high = found = 0
    runs = 2_000
    needed = detectable_mu(mu, 2 * runs, 0.05)
    for _ in range(200):
        for true_mu in (mu, needed):
            out, in_ = (random.normal(mean, 1, runs) - 0.5 * true_mu for mean in (0, true_mu))
            bound = lower_bound(out, in_, DELTA, 0.05)
            if true_mu == mu:
                too_high += bound.epsilon > exact
            else:
                found += bound.epsilon_gaussian > exact
    assert too_high < 17
    assert found > 180


def test_the_direct_bound_needs_no_gaussian() -> None:
    """Randomised response, ε = 2: found to within 10 %, never exceeded; and so is its mirror."""
    random = np.random.default_rng(12)
    truth = math.exp(2) / (1 + math.exp(2))
    out, in_ = (np.where(random.random(40_000) < p, 1.0, -1.0) for p in (1 - truth, truth))
    assert 1.8 < lower_bound(out, in_, DELTA, 0.05).epsilon_direct < 2
    assert lower_bound(in_, out, DELTA, 0.05).epsilon_direct < 2
