"""What an attacker's successes prove about ε: lower bounds that hold with a stated confidence.

    binomial   exact (Clopper–Pearson) one-sided bounds of a probability
    direct     (ε, δ) itself: P(in says "in") ≤ e^ε P(out says "in") + δ, for any mechanism
    gaussian   μ of Gaussian differential privacy, from the share of right guesses; then ε at δ

Belongs here: statistics. Does not belong here: whose guesses they are (`game`).
"""

import functools
import math
from dataclasses import dataclass
from statistics import NormalDist
from typing import Final

import numpy as np
import numpy.typing as npt

Scores = npt.NDArray[np.float64]
#: Share of the runs on which the direct bound chooses its threshold; they count no more after it.
TRAINING: Final = 0.2
_THRESHOLDS: Final = 200
_NORMAL: Final = NormalDist()
_STEPS: Final = 60


@dataclass(frozen=True)
class Bound:
    """Lower bounds of ε at δ, each with the confidence 1 − alpha / 2: both hold with 1 − alpha.

    ``epsilon_direct`` assumes nothing. ``epsilon_gaussian`` says: a mechanism that is no better
    than a Gaussian one of this ε. (All of ours are Gaussian; the direct bound of so weak a signal
    would need many millions of runs.)
    """

    right: int
    rounds: int
    mu: float
    epsilon_gaussian: float
    epsilon_direct: float

    @property
    def epsilon(self) -> float:
        """The larger one."""
        return max(self.epsilon_gaussian, self.epsilon_direct)


def lower_bound(out: Scores, in_: Scores, delta: float, alpha: float) -> Bound:
    """What two samples of an attacker's scores prove; a score above 0 says "in".

    Args:
        out, in_: scores of equally many independent releases without and with the viewer.
        alpha: 1 − confidence.
    """
    right = int((in_ > 0).sum() + (out <= 0).sum())
    rounds = len(out) + len(in_)
    mu = gaussian_mu(right, rounds, alpha / 2)
    direct = direct_epsilon(out, in_, delta, alpha / 2)
    return Bound(right, rounds, mu, gaussian_epsilon(mu, delta), direct)


def gaussian_mu(right: int, rounds: int, alpha: float) -> float:
    """The least μ with which so many right guesses are not too lucky.

    Half of the rounds are "in". Under μ-GDP no attacker is right more often than Φ(μ / 2) of the
    time (Dong, Roth & Su 2022: the trade-off curve G_μ at its fixed point); and the sum of rounds
    of two kinds is spread no wider than that of equal ones (Hoeffding 1956), so a binomial bound
    holds for it.
    """
    share = binomial_lower(right, rounds, alpha)
    return max(0.0, 2 * _NORMAL.inv_cdf(share)) if share > 0 else 0.0


def normal_cdf(z: float) -> float:
    """Φ, exact far out as well. (`NormalDist.cdf` computes small tails as 1 − nearly 1.)"""
    return math.erfc(-z / math.sqrt(2)) / 2


def gaussian_epsilon(mu: float, delta: float) -> float:
    """ε at δ of a μ-GDP mechanism, exactly (Balle & Wang 2018, Theorem 8)."""

    def delta_of(epsilon: float) -> float:
        tail = math.exp(epsilon) * normal_cdf(-epsilon / mu - mu / 2)
        return normal_cdf(mu / 2 - epsilon / mu) - tail

    if mu <= 0 or delta_of(0.0) <= delta:
        return 0.0
    low, high = 0.0, mu * mu / 2 + 10 * mu
    for _ in range(_STEPS):
        middle = (low + high) / 2
        low, high = (middle, high) if delta_of(middle) > delta else (low, middle)
    return low


def gaussian_mu_of(epsilon: float, delta: float) -> float:
    """The μ whose ε at δ is this one."""
    low, high = 0.0, 10.0
    for _ in range(_STEPS):
        middle = (low + high) / 2
        low, high = (middle, high) if gaussian_epsilon(middle, delta) < epsilon else (low, middle)
    return low


def detectable_mu(mu: float, rounds: int, alpha: float) -> float:
    """The μ of a mechanism that is proved to have more than ``mu`` 19 times in 20."""
    limit = normal_cdf(mu / 2)
    spread = math.sqrt(limit * (1 - limit) / rounds)
    share = limit + (_NORMAL.inv_cdf(1 - alpha / 2) + _NORMAL.inv_cdf(0.95)) * spread
    return 2 * _NORMAL.inv_cdf(share) if share < 1 else math.inf


def direct_epsilon(out: Scores, in_: Scores, delta: float, alpha: float) -> float:
    """A bound of (ε, δ) at one threshold and in one direction, chosen on the first runs."""
    chosen = max(1, int(TRAINING * len(out)))
    threshold, above = _choose(out[:chosen], in_[:chosen], delta, alpha)
    hits = [int(((s[chosen:] > threshold) == above).sum()) for s in (out, in_)]
    false, true = hits if above else hits[::-1]
    rounds = len(out) - chosen
    least = binomial_lower(true, rounds, alpha / 2) - delta
    most = binomial_upper(false, rounds, alpha / 2)
    return max(0.0, math.log(least / most)) if least > 0 else 0.0


def _choose(out: Scores, in_: Scores, delta: float, alpha: float) -> tuple[float, bool]:
    """Threshold and direction ("above says in", or "below says out") that promise the most."""
    both = np.quantile(np.concatenate([out, in_]), np.linspace(0, 1, _THRESHOLDS))
    best = (-math.inf, 0.0, True)
    z = _NORMAL.inv_cdf(1 - alpha / 2)
    for above in (True, False):
        shares = [((s[:, None] > both) == above).mean(axis=0) for s in (out, in_)]
        false, true = shares if above else shares[::-1]
        least = np.maximum(_wilson(true, len(out), -z) - delta, 1e-12)
        promise = np.log(least / _wilson(false, len(out), z))
        place = int(promise.argmax())
        best = max(best, (float(promise[place]), float(both[place]), above))
    return best[1], best[2]


def _wilson(share: Scores, rounds: int, z: float) -> Scores:
    """Wilson's approximate bound: above for positive z, below for negative."""
    spread = np.sqrt(share * (1 - share) / rounds + (z / (2 * rounds)) ** 2)
    centre = share + z * z / (2 * rounds)
    return np.asarray((centre + z * spread) / (1 + z * z / rounds), np.float64)


def binomial_lower(hits: int, rounds: int, alpha: float) -> float:
    """The p for which so many hits or more have the probability alpha (0 without hits)."""
    if hits == 0:
        return 0.0
    low, high = 0.0, hits / rounds
    for _ in range(_STEPS):
        middle = (low + high) / 2
        low, high = (middle, high) if _tail(hits, rounds, middle) < alpha else (low, middle)
    return low


def binomial_upper(hits: int, rounds: int, alpha: float) -> float:
    """The p for which so few hits or fewer have the probability alpha."""
    return 1 - binomial_lower(rounds - hits, rounds, alpha)


def _tail(hits: int, rounds: int, p: float) -> float:
    """P(at least so many hits)."""
    if p <= 0:
        return 0.0
    counts = np.arange(hits, rounds + 1)
    choices = _log_choices(rounds)[hits:]
    return float(np.exp(choices + counts * math.log(p) + (rounds - counts) * math.log1p(-p)).sum())


@functools.lru_cache(maxsize=16)
def _log_choices(rounds: int) -> Scores:
    """ln C(rounds, k) for k = 0 … rounds."""
    factorials = np.concatenate([[0.0], np.cumsum(np.log(np.arange(1, rounds + 1)))])
    return np.asarray(factorials[-1] - factorials - factorials[::-1], np.float64)
