"""In or out: somebody who knows both neighbouring tallies, and the release of one of them, guesses.

The score is the logarithm of the likelihood ratio, so no attacker is right more often. It uses the
cells in which the two tallies differ; all others have the same law with her and without. Noise is
taken for Gaussian here. That cannot make a bound too large: another score only guesses worse.

Cells are attacked before suppression, which looks at noised values only, hence can only take from
an attacker. `published_score` is what is left after it. Belongs here: cells, scores and findings.
Does not belong here: days (`days`), statistics (`bounds`).
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from analytics_pipeline.core.accounting import DELTA, NANO, epsilon_of
from analytics_pipeline.core.policy import Policy, Query
from analytics_pipeline.core.sampler import figure_names
from benchmarks.attack.bounds import (
    Bound,
    Scores,
    detectable_mu,
    gaussian_epsilon,
    gaussian_mu_of,
    lower_bound,
    normal_cdf,
)
from benchmarks.attack.days import LISTING, worst_day
from benchmarks.attack.noise import Noise
from benchmarks.attack.tallies import Tally

Cells = npt.NDArray[np.int64]
RELEASE = "release"


@dataclass(frozen=True)
class Change:
    """The cells of a query in which two tallies differ: places in its vector, values without the
    viewer, and what she adds."""

    query: Query
    places: Cells
    base: Cells
    added: Cells

    @property
    def units_squared(self) -> float:
        """Σ (added / unit)²: the policy says that it is `sensitivity_squared` at most."""
        return float(((self.added / self.query.unit) ** 2).sum())

    @property
    def mu_squared(self) -> float:
        """(Σ of squares) / σ²: how far apart noise leaves the two."""
        return self.units_squared / (self.query.sigma_thousandths / 1000) ** 2

    def within(self, figures: int) -> "Change":
        """Only the cells among the first figures. (An attacker may look away.)"""
        near = self.places < figures
        return Change(self.query, self.places[near], self.base[near], self.added[near])


def find_change(query: Query, policy: Policy, out: Tally, in_: Tally) -> Change:
    """The cells of a query in which two tallies differ."""
    names = figure_names(query, policy, LISTING)
    base = np.array([out[name] for name in names], np.int64)
    added = np.array([in_[name] for name in names], np.int64) - base
    places = np.flatnonzero(added)
    return Change(query, places, base[places], added[places])


def figures_needed(changes: Sequence[Change]) -> dict[str, int]:
    """Query → figures of its vector up to the last cell that any change touches."""
    needed: dict[str, int] = {}
    for change in changes:
        last = int(change.places.max(initial=0))
        needed[change.query.name] = max(needed.get(change.query.name, 1), last + 1)
    return needed


def release(change: Change, noise: Noise, viewer_is_in: bool) -> Scores:
    """The noised values of the cells, release by release."""
    exact = change.base + change.added if viewer_is_in else change.base
    return np.asarray(exact + noise[change.query.name][:, change.places], np.float64)


def score(change: Change, released: Scores) -> Scores:
    """ln of the likelihood with her, divided by the one without."""
    return np.asarray(_log_ratios(change, released).sum(axis=1), np.float64)


def published_score(change: Change, released: Scores) -> Scores:
    """The same for who sees of a value below the threshold only that it is below."""
    query = change.query
    hidden_ratio = [
        _log_cdf((query.threshold - 0.5 - base - added) / query.sigma)
        - _log_cdf((query.threshold - 0.5 - base) / query.sigma)
        for base, added in zip(change.base.tolist(), change.added.tolist(), strict=True)
    ]
    shown = released >= query.threshold
    ratios = np.where(shown, _log_ratios(change, released), np.array(hidden_ratio))
    return np.asarray(ratios.sum(axis=1), np.float64)


def _log_ratios(change: Change, released: Scores) -> Scores:
    variance = (change.query.unit * change.query.sigma_thousandths / 1000) ** 2
    middle = change.base + change.added / 2 - (0.5 if change.query.unit % 2 == 0 else 0)
    return np.asarray(change.added * (released - middle) / variance, np.float64)


def _log_cdf(z: float) -> float:
    return math.log(max(normal_cdf(z), 1e-300))


@dataclass(frozen=True)
class Findings:
    """Bounds of each query, and of the whole release (`RELEASE`), beside what is stated."""

    rho_nano: Mapping[str, int]
    bounds: Mapping[str, Bound]

    def epsilon_stated(self, name: str) -> float:
        """What the policy promises of a query or release."""
        return epsilon_of(self.rho_nano[name])

    @property
    def exceeded(self) -> list[str]:
        """What has provably been broken; the worst comes first."""
        broken = {
            name: bound.epsilon / self.epsilon_stated(name)
            for name, bound in self.bounds.items()
            if bound.epsilon > self.epsilon_stated(name)
        }
        return sorted(broken, key=broken.__getitem__, reverse=True)


def alpha_of(policy: Policy, confidence: float) -> float:
    """Of each bound, so that those of all queries and of the release hold together."""
    return (1 - confidence) / (len(policy.queries) + 1)


def worst_changes(policy: Policy, tallies: Mapping[str, Tally]) -> dict[str, list[Change]]:
    """What is attacked: each query on its worst day; all together on the one that is worst then."""
    changes = {
        query.name: [find_change(query, policy, tallies["out"], tallies[worst_day(query.name)])]
        for query in policy.queries
    }
    days = sorted({worst_day(query.name) for query in policy.queries})
    together = [
        [find_change(query, policy, tallies["out"], tallies[day]) for query in policy.queries]
        for day in days
    ]
    return {**changes, RELEASE: max(together, key=lambda c: sum(each.mu_squared for each in c))}


def score_all(
    changes: Sequence[Change],
    noise: Noise,
    viewer_is_in: bool,
    scored: Callable[[Change, Scores], Scores] = score,
) -> Scores:
    """Scores of a release's queries together: their noise is independent, so they add up."""
    near = [change.within(noise[change.query.name].shape[1]) for change in changes]
    each = [scored(change, release(change, noise, viewer_is_in)) for change in near]
    return np.asarray(np.sum(each, axis=0), np.float64)


def attack(
    policy: Policy,
    changes: Mapping[str, Sequence[Change]],
    out: Noise,
    in_: Noise,
    confidence: float,
) -> Findings:
    """Play every game of `worst_changes`, against what the policy states."""
    alpha = alpha_of(policy, confidence)
    bounds = {
        name: lower_bound(score_all(c, out, False), score_all(c, in_, True), DELTA, alpha)
        for name, c in changes.items()
    }
    return Findings(rho_of(policy), bounds)


def rho_of(policy: Policy, releases: int = 1) -> dict[str, int]:
    """Nano-ρ of each query and of the whole release, for so many of them."""
    shares = {query.name: query.rho_nano for query in policy.queries}
    return {
        name: releases * rho
        for name, rho in {**shares, RELEASE: policy.rho_nano_per_release}.items()
    }


def describe(
    findings: Findings, changes: Mapping[str, Sequence[Change]], policy: Policy, confidence: float
) -> list[dict[str, Any]]:
    """A row for each metric, and one for the whole release."""
    return [
        _row(name, findings, changes[name], alpha_of(policy, confidence))
        for name in findings.bounds
    ]


def _row(name: str, findings: Findings, changes: Sequence[Change], alpha: float) -> dict[str, Any]:
    bound, rho_nano = findings.bounds[name], findings.rho_nano[name]
    stated = findings.epsilon_stated(name)
    mu_squared = sum(change.mu_squared for change in changes)
    detectable = detectable_mu(gaussian_mu_of(stated, DELTA), bound.rounds, alpha / 2)
    return {
        "metric": name,
        "rho": rho_nano / NANO,
        "epsilon_stated": round(stated, 4),
        "epsilon_exact": round(gaussian_epsilon(math.sqrt(2 * rho_nano / NANO), DELTA), 4),
        "epsilon_lower_bound": round(bound.epsilon, 4),
        "epsilon_lower_bound_direct": round(bound.epsilon_direct, 4),
        "right_guesses": round(bound.right / bound.rounds, 4),
        "share_of_rho_used": round(mu_squared / (2 * rho_nano / NANO), 4),
        "noise_caught_below": round(math.sqrt(mu_squared) / detectable, 2),
        "holds": bound.epsilon <= stated,
    }
