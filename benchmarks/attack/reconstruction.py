"""Reconstruction: who knows everything about a day but one view, and its release, fills the gap.

One of m views happened, all equally likely; the attacker takes the most likely one. Nobody can be
right more often than Φ(Φ⁻¹(1/m) + μ), if μ-GDP holds between each view and none at all: of m
disjoint guesses, none exceeds its share under "none" by more than the trade-off curve allows, and
that curve is concave. With ρ-zCDP of Gaussian noise, μ = √(2ρ). Belongs here: tasks and guesses.
"""

import math
from collections.abc import Mapping, Sequence
from statistics import NormalDist
from typing import Any

import numpy as np

from analytics_pipeline.core.accounting import NANO
from analytics_pipeline.core.policy import Policy
from benchmarks.attack.bounds import Scores, binomial_lower, normal_cdf
from benchmarks.attack.days import TASKS
from benchmarks.attack.game import Cells, Change, find_change, score
from benchmarks.attack.noise import Noise
from benchmarks.attack.tallies import Tally


def find_views(policy: Policy, tallies: Mapping[str, Tally]) -> dict[str, list[list[Change]]]:
    """Task → for each of its views the changes in all queries."""
    return {
        task: [
            [find_change(query, policy, tallies["out"], tallies[day]) for query in policy.queries]
            for day in days
        ]
        for task, days in TASKS.items()
    }


def reconstruct(
    policy: Policy, tallies: Mapping[str, Tally], noise: Noise, alpha: float
) -> list[dict[str, Any]]:
    """How often the attacker is right, per task.

    Args:
        noise: of whole releases; they are dealt out to the views in turn.
        alpha: 1 − confidence that nobody who merely guesses is right as often as
            ``right_at_least``, in any task.
    """
    mu = math.sqrt(2 * policy.rho_nano_per_release / NANO)
    rows = []
    for task, views in find_views(policy, tallies).items():
        truth = np.arange(len(noise[policy.queries[0].name])) % len(views)
        guesses = np.stack([_scores(view, views, truth, noise) for view in views]).argmax(axis=0)
        right = int((guesses == truth).sum())
        guessing = NormalDist().inv_cdf(1 / len(views))
        rows.append(
            {
                "task": task,
                "guessing": round(1 / len(views), 4),
                "right": round(right / len(truth), 4),
                "right_at_least": round(binomial_lower(right, len(truth), alpha / len(TASKS)), 4),
                "right_at_most_by_rho": round(normal_cdf(guessing + mu), 4),
            }
        )
    return rows


def _scores(
    view: Sequence[Change], views: Sequence[Sequence[Change]], truth: Cells, noise: Noise
) -> Scores:
    """How likely this view looks in each release."""
    total = np.zeros(len(truth))
    for number, change in enumerate(view):
        drawn = noise[change.query.name]
        # what the true view of each release adds to these cells
        added = np.zeros((len(views), drawn.shape[1]), np.int64)
        for row, other in enumerate(views):
            added[row, other[number].places] = other[number].added
        cells = change.places
        total += score(change, change.base + added[truth][:, cells] + drawn[:, cells])
    return total
