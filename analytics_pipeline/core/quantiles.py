"""Shares and quantiles of start-up and stalled time, from published histograms.

Arithmetic after release, which costs no budget. A quantile is known to a bin at best: what is given
is the range that holds it in 95 of 100 cases, with whatever suppressed bins may hide.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import hypot

from analytics_pipeline.core.derived import find_rows, sum_shown
from analytics_pipeline.core.errors import InvalidInput
from analytics_pipeline.core.histograms import (
    REBUFFER_EDGES_PERMILLE,
    REBUFFER_METRICS,
    STARTUP_EDGES_MS,
    STARTUP_METRICS,
)
from analytics_pipeline.core.policy import SUPPRESSION_SIGMAS
from analytics_pipeline.core.report import Report, ReportRow


@dataclass(frozen=True)
class Share:
    """``value`` from the shown bins alone; in 95 of 100 cases the truth lies from ``low`` to
    ``high``, wherever in the suppressed bins the rest is."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class QuantileRange:
    """In 95 of 100 cases the quantile is at least ``low`` and less than ``high`` (None: the last
    bin has no end)."""

    low: int
    high: int | None


def derive_startup_share(report: Report, provider: str, below_ms: int) -> Share | None:
    """Share of a provider's viewer-days with a start-up time below an edge of `STARTUP_EDGES_MS`,
    of those that report it. None if all bins are suppressed.

    Raises:
        InvalidInput: no such edge.
    """
    bins = find_rows(report, "provider", provider, STARTUP_METRICS[:-1])
    return _share_below(bins, STARTUP_EDGES_MS, below_ms)


def derive_rebuffer_share(report: Report, provider: str, below_permille: int) -> Share | None:
    """Share of a provider's viewer-days that stalled for less than an edge of
    `REBUFFER_EDGES_PERMILLE` of their time; below 0: those that did not stall at all.

    Raises:
        InvalidInput: no such edge.
    """
    bins = find_rows(report, "provider", provider, REBUFFER_METRICS)
    return _share_below(bins, (0, *REBUFFER_EDGES_PERMILLE), below_permille)


def derive_startup_quantile(report: Report, provider: str, percent: int) -> QuantileRange | None:
    """Milliseconds to the first frame that so many percent of a provider's viewer-days stay below,
    of those that report it. None if all bins are suppressed."""
    bins = find_rows(report, "provider", provider, STARTUP_METRICS[:-1])
    return _quantile(bins, STARTUP_EDGES_MS, percent)


def derive_rebuffer_quantile(report: Report, provider: str, percent: int) -> QuantileRange | None:
    """The same in thousandths of a viewer-day's time that was stalled. A range that ends at 0 says
    that so many did not stall."""
    bins = find_rows(report, "provider", provider, REBUFFER_METRICS)
    return _quantile(bins, (0, *REBUFFER_EDGES_PERMILLE), percent)


def _most_hidden(rows: Iterable[ReportRow]) -> float:
    """What suppressed figures may amount to: each was below the threshold with its noise."""
    hidden = (row for row in rows if row.value is None)
    return sum(SUPPRESSION_SIGMAS * row.sigma + row.error_95 for row in hidden)


def _share_of_first(bins: Sequence[ReportRow], count: int) -> Share | None:
    """Share of the first bins, a / (a + b); its error by the delta method, for independent noise,
    beside what is hidden."""
    first, rest = bins[:count], bins[count:]
    a, b = sum_shown(first), sum_shown(rest)
    whole = a.value + b.value
    if whole == 0:
        return None
    error = hypot(a.error_95 * b.value, b.error_95 * a.value) / whole**2
    most = a.value + _most_hidden(first)
    low = a.value / (whole + _most_hidden(rest)) - error
    high = most / (most + b.value) + error
    return Share(a.value / whole, max(0.0, low), min(1.0, high))


def _share_below(
    bins: Sequence[ReportRow] | None, edges: Sequence[int], below: int
) -> Share | None:
    if below not in edges:
        raise InvalidInput("below", f"must be one of the edges {', '.join(map(str, edges))}")
    return None if bins is None else _share_of_first(bins, edges.index(below) + 1)


def _quantile(
    bins: Sequence[ReportRow] | None, edges: Sequence[int], percent: int
) -> QuantileRange | None:
    """Where the shares of the first bins surely are, and surely are not yet, so many percent."""
    if not 0 < percent < 100:
        raise InvalidInput("percent", "must be from 1 to 99")
    if bins is None:
        return None
    shares = [_share_of_first(bins, count) for count in range(1, len(bins))]
    known = [share for share in shares if share is not None]
    if not known:
        return None
    low = next((i for i, share in enumerate(known) if 100 * share.high >= percent), len(known))
    high = 1 + max((i for i, share in enumerate(known) if 100 * share.low < percent), default=-1)
    return QuantileRange((0, *edges)[low], edges[high] if high < len(edges) else None)
