"""Goodness of fit without a library: chi-square statistics as standard normal scores."""

import math
from collections import Counter
from collections.abc import Hashable, Iterable, Mapping, Sequence


def score(statistic: float, freedom: int) -> float:
    """A chi-square statistic as a normal score (Wilson and Hilferty 1931)."""
    ninth = 2 / (9 * freedom)
    return ((statistic / freedom) ** (1 / 3) - (1 - ninth)) / math.sqrt(ninth)


def fit(values: Sequence[int], probabilities: Mapping[int, float]) -> float:
    """Score of a sample against probabilities; outcomes expected less than 10 times are pooled
    with their neighbours."""
    observed = Counter(values)
    if not observed.keys() <= probabilities.keys():
        return math.inf
    statistic, freedom, seen, expected = 0.0, -1, 0, 0.0
    for value in sorted(probabilities):
        seen += observed[value]
        expected += probabilities[value] * len(values)
        if expected >= 10:
            statistic += (seen - expected) ** 2 / expected
            freedom, seen, expected = freedom + 1, 0, 0.0
    return score(statistic + (seen - expected) ** 2 / 10, freedom)


def same(first: Sequence[int], second: Sequence[int]) -> float:
    """Score of the hypothesis that two samples of equal size have one distribution."""
    assert len(first) == len(second)
    ours, theirs = Counter(first), Counter(second)
    statistic, freedom, a, b = 0.0, -1, 0, 0
    for value in sorted(ours.keys() | theirs.keys()):
        a, b = a + ours[value], b + theirs[value]
        if a + b >= 20:
            statistic += (a - b) ** 2 / (a + b)
            freedom, a, b = freedom + 1, 0, 0
    return score(statistic, freedom)


def independence(pairs: Iterable[tuple[Hashable, Hashable]]) -> float:
    """Score of the hypothesis that the two parts of pairs have nothing to do with each other."""
    cells = Counter(pairs)
    rows, columns = Counter[Hashable](), Counter[Hashable]()
    for (row, column), count in cells.items():
        rows[row] += count
        columns[column] += count
    whole = rows.total()
    statistic = sum(
        (cells[row, column] - rows[row] * columns[column] / whole) ** 2
        / (rows[row] * columns[column] / whole)
        for row in rows
        for column in columns
    )
    return score(statistic, (len(rows) - 1) * (len(columns) - 1))


def fifths(values: Sequence[int]) -> list[int]:
    """Which fifth of its sample each value lies in, equal values in the same."""
    bounds = [sorted(values)[len(values) * k // 5] for k in range(1, 5)]
    return [sum(value >= bound for bound in bounds) for value in values]
