"""Averages and retention from published figures: arithmetic after release, which costs no budget.

Belongs here: what readers compute from a report (the dashboard, the CLI's table). None wherever an
ingredient is suppressed; nothing is guessed.
"""

import math
from dataclasses import dataclass

from analytics_pipeline.core.policy import RETENTION_BINS, furthest_bin_metric
from analytics_pipeline.core.report import Report


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


@dataclass(frozen=True)
class RetentionCurve:
    """Viewers who reached each twentieth of a video, from the last bin backwards.

    ``reached[i]`` sums the shown bins i … 19, so it is a lower bound where ``suppressed_bins`` > 0.
    """

    reached: tuple[int, ...]
    suppressed_bins: int


def derive_retention(report: Report, video_id: str) -> RetentionCurve | None:
    """Retention curve of a video; None if the report does not have it or shows no bin of it."""
    names = [("video", video_id, furthest_bin_metric(i)) for i in range(RETENTION_BINS)]
    if any(name not in report.by_name for name in names):
        return None
    values = [report.by_name[name].value for name in names]
    if all(value is None for value in values):
        return None
    reached = [sum(value or 0 for value in values[i:]) for i in range(RETENTION_BINS)]
    return RetentionCurve(tuple(reached), values.count(None))
