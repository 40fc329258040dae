"""Averages, shares and sums from published figures: arithmetic after release, without budget.

Belongs here: what readers compute from reports (the dashboard, the CLI's table), each with its
95 % error. None wherever an ingredient that matters is suppressed; nothing is guessed, and a sum
says how much is missing from it. Histograms: `core.quantiles`.
"""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date

from analytics_pipeline.core.errors import InvalidInput
from analytics_pipeline.core.histograms import FURTHEST_BIN_METRICS
from analytics_pipeline.core.report import Report, ReportRow


@dataclass(frozen=True)
class Estimate:
    """``value`` ± ``error_95`` (95 % interval, same unit)."""

    value: float
    error_95: float


def derive_ratio(
    report: Report, scope: str, key: str, numerator: str, denominator: str
) -> Estimate | None:
    """Ratio of two published figures; its error by the delta method, for independent noise.

    |Δ(a/b)| ≈ a/b · √((Δa/a)² + (Δb/b)²); good while Δb is small beside b, which 3 σ ensures
    roughly: a denominator at its threshold is off by up to 65 %.
    """
    above = report.by_name.get((scope, key, numerator))
    below = report.by_name.get((scope, key, denominator))
    if above is None or below is None or above.value is None or below.value is None:
        return None
    value = above.value / below.value
    relative = math.hypot(above.error_95 / above.value, below.error_95 / below.value)
    return Estimate(value, value * relative)


def derive_average_watch_seconds(report: Report, scope: str, key: str = "") -> Estimate | None:
    """Seconds watched per viewer of the platform, a creator or a video."""
    return derive_ratio(report, scope, key, "watch_seconds", "viewers")


def derive_completion(report: Report, video_id: str) -> Estimate | None:
    """Share of a video's viewers who came into its last twentieth.

    Noise can make it a little more than 1."""
    return derive_ratio(report, "video", video_id, FURTHEST_BIN_METRICS[-1], "viewers")


@dataclass(frozen=True)
class RetentionCurve:
    """Viewers who reached each twentieth of a video, from the last bin backwards.

    ``reached[i]`` sums the shown bins i … 19, so it is a lower bound where ``suppressed_bins`` > 0.
    ``errors_95[i]`` is the error of the shown bins' sum.
    """

    reached: tuple[int, ...]
    errors_95: tuple[float, ...]
    suppressed_bins: int


def derive_retention(report: Report, video_id: str) -> RetentionCurve | None:
    """Retention curve of a video; None if the report does not have it or shows no bin of it."""
    bins = find_rows(report, "video", video_id, FURTHEST_BIN_METRICS)
    if bins is None or all(row.value is None for row in bins):
        return None
    sums = [sum_shown(bins[start:]) for start in range(len(bins))]
    suppressed = sum(row.value is None for row in bins)
    return RetentionCurve(
        tuple(round(part.value) for part in sums), tuple(part.error_95 for part in sums), suppressed
    )


@dataclass(frozen=True)
class Total:
    """Sum of one figure over days. Where ``missing_days`` > 0 it is a lower bound: those days are
    suppressed, and their figures are below the threshold or were made so by noise."""

    value: int
    error_95: float
    days: int
    missing_days: int


def derive_total(reports: Iterable[Report], scope: str, key: str, metric: str) -> Total | None:
    """A figure summed over the reports of several days; None if no day shows it.

    The noise of two days is independent, so variances add up.

    Raises:
        InvalidInput: two reports are of one day: revisions of it are not to be added.
    """
    reports = list(reports)
    if len({report.header.day for report in reports}) != len(reports):
        raise InvalidInput("reports", "must be of different days, one revision of each")
    found = [report.by_name.get((scope, key, metric)) for report in reports]
    shown = [row for row in found if row is not None and row.value is not None]
    if not shown:
        return None
    whole = sum_shown(shown)
    return Total(round(whole.value), whole.error_95, len(reports), len(reports) - len(shown))


def derive_total_ratio(
    reports: Iterable[Report], scope: str, key: str, numerator: str, denominator: str
) -> Estimate | None:
    """Ratio of two figures over days, of those that show both; None if none does.

    As in `derive_ratio`, over the sums: a day that shows only one of the two would shift it.
    """
    names = (numerator, denominator)
    found = [find_rows(report, scope, key, names) for report in reports]
    both = [rows for rows in found if rows and all(row.value is not None for row in rows)]
    if not both:
        return None
    above = sum_shown(rows[0] for rows in both)
    below = sum_shown(rows[1] for rows in both)
    value = above.value / below.value
    relative = math.hypot(above.error_95 / above.value, below.error_95 / below.value)
    return Estimate(value, value * relative)


def derive_weekly_viewers(reports: Iterable[Report]) -> Total | None:
    """Viewers of a week, each once: Σ of those whose device says that a day is its first.

    Args:
        reports: the latest of each day of one ISO week; `Total.days` says how many were given.
    Raises:
        InvalidInput: they are not of one ISO week, or two are of one day.
    """
    return _derive_period(reports, "first_of_week", lambda day: day.isocalendar()[:2])


def derive_monthly_viewers(reports: Iterable[Report]) -> Total | None:
    """Viewers of a calendar month, each once; see `derive_weekly_viewers`."""
    return _derive_period(reports, "first_of_month", lambda day: (day.year, day.month))


def _derive_period(
    reports: Iterable[Report], metric: str, period_of: Callable[[date], object]
) -> Total | None:
    reports = list(reports)
    if len({period_of(report.header.day) for report in reports}) > 1:
        raise InvalidInput("reports", f"must be of one period, for each {metric} counts once in it")
    return derive_total(reports, "platform", "", metric)


def find_rows(
    report: Report, scope: str, key: str, metrics: Sequence[str]
) -> tuple[ReportRow, ...] | None:
    """The rows of a key's metrics, in their order; None if the report lacks one."""
    found = [report.by_name.get((scope, key, metric)) for metric in metrics]
    return None if None in found else tuple(row for row in found if row is not None)


def sum_shown(rows: Iterable[ReportRow]) -> Estimate:
    """Sum of what is shown; the noise of two figures is independent, so variances add up."""
    shown = [(row.value, row.error_95) for row in rows if row.value is not None]
    return Estimate(sum(value for value, _ in shown), math.hypot(*(error for _, error in shown)))
