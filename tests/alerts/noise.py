"""The published noise as exact distributions, from the very tables that releases are drawn by.

A distribution is an array of probabilities and the value of its first entry. Belongs here: sums,
suppression. Does not belong here: what a decision makes of them (the tests).
"""

from dataclasses import dataclass
from datetime import date

import numpy as np
from numpy.typing import NDArray

from analytics_pipeline.core.gaussian import table_half_width, table_probabilities
from analytics_pipeline.core.policy import Query
from analytics_pipeline.core.report import Report, ReportHeader, ReportRow

_DIGIT = 1 << 84
DAY = date(2026, 11, 21)


@dataclass(frozen=True)
class Distribution:
    """P(value = first + i) = weights[i]."""

    first: int
    weights: NDArray[np.float64]

    def __add__(self, other: "Distribution") -> "Distribution":
        """Of the sum of two independent values."""
        return Distribution(self.first + other.first, np.convolve(self.weights, other.weights))

    @property
    def values(self) -> NDArray[np.int64]:
        return np.arange(self.first, self.first + len(self.weights))

    def at_most(self, value: int) -> float:
        """P(drawn ≤ value)."""
        return float(self.weights[: max(0, value - self.first + 1)].sum())

    def zero_below(self, threshold: int) -> "Distribution":
        """What is below the threshold counts as nothing."""
        shown = np.where(self.values >= threshold, self.weights, 0.0)
        first = min(0, self.first)
        weights = np.zeros(self.values[-1] - first + 1)
        weights[self.first - first :] = shown
        weights[-first] += 1 - shown.sum()
        return Distribution(first, weights)

    def at_least(self, floor: int) -> "Distribution":
        """What is below the floor counts as the floor."""
        kept = self.weights[max(0, floor - self.first) :].copy()
        first = max(self.first, floor)
        if not len(kept):
            return Distribution(floor, np.ones(1))
        kept[0] += 1 - kept.sum()
        return Distribution(first, kept)


def released(query: Query, truth: int) -> Distribution:
    """A figure of a query of unit 1, before suppression."""
    assert query.unit == 1
    table = table_probabilities(query.sigma_thousandths, _DIGIT)
    first = truth - table_half_width(query.sigma_thousandths)
    return Distribution(first, np.array([float(p) for p in table]))


def total(parts: list[Distribution]) -> Distribution:
    """Of the sum of independent values."""
    whole, *rest = parts
    for part in rest:
        whole = whole + part
    return whole


def report_of(
    query: Query, key: str, values: dict[str, int | None], day: date = DAY, revision: int = 1
) -> Report:
    """A report that has only a query's figures of one key."""
    header = ReportHeader("demo", day, revision, bytes(32), bytes(32), 0, len(values))
    rows = tuple(
        ReportRow(query.scope, key, metric, value, query.sigma, query.error_95)
        for metric, value in values.items()
    )
    return Report(header, rows, ())
