"""What noise and suppression leave of a day's figures, against its exact tallies.

A platform of 2,000 videos, watched by popularity as in the simulator (Zipf, 0.9). A viewer watches
up to ten, about four on average, and two of five views to the end. Exact means: of the tally,
bounded and before noise. Errors are of what is shown; how much is hidden stands beside them.
Belongs here: such days, noised by the real sampler under the real policy.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from analytics_pipeline.core.field import MODULUS
from analytics_pipeline.core.policy import RETENTION_BINS, Policy
from analytics_pipeline.core.sampler import Seed, draw_vector
from benchmarks.machine import say

Ints = npt.NDArray[np.int64]
Numbers = npt.NDArray[np.float64]
DAILY_VIEWERS: Final = (2_000, 20_000, 200_000)
#: Ranks by exact viewers, first and behind the last.
BUCKETS: Final = {
    "top 10": (0, 10),
    "10–100": (10, 100),
    "100–1000": (100, 1000),
    "tail": (1000, 2000),
}
VIDEOS: Final = 2_000
_ZIPF_EXPONENT: Final = 0.9
_MEAN_VIDEOS: Final = 4.6
_SHARE_TO_THE_END: Final = 0.4
#: Lengths in seconds: log-normal around the median.
_MEDIAN_LENGTH: Final = 480
_LENGTHS: Final = (30, 3_600)
#: Days of each size; the table has the medians over all of them.
REPEATS: Final = 5


@dataclass(frozen=True)
class Day:
    """Exact figures of the three queries about videos, in slot order, most popular first."""

    figures: Mapping[str, Ints]


def build_day(viewers: int, policy: Policy, seed: int) -> Day:
    """A bounded day of so many viewers."""
    random = np.random.default_rng([seed, viewers])
    bounds = policy.bounds
    popularity = np.cumsum(np.arange(1, VIDEOS + 1) ** -_ZIPF_EXPONENT)
    lengths = np.clip(_MEDIAN_LENGTH * random.lognormal(0, 0.8, VIDEOS), *_LENGTHS)
    counts = np.minimum(random.geometric(1 / _MEAN_VIDEOS, viewers), bounds.videos_per_viewer_day)
    viewer = np.repeat(np.arange(viewers), counts)
    drawn = np.searchsorted(popularity, random.random(len(viewer)) * popularity[-1])
    # one contribution per viewer and video, in an order of chance
    pairs = np.unique(viewer * VIDEOS + np.minimum(drawn, VIDEOS - 1))
    pairs = pairs[np.lexsort((random.random(len(pairs)), pairs // VIDEOS))]
    viewer, video = np.divmod(pairs, VIDEOS)
    watched = random.beta(1, 2, len(pairs))
    watched[random.random(len(pairs)) < _SHARE_TO_THE_END] = 1.0
    seconds = np.minimum(bounds.seconds_per_video, watched * lengths[video]).astype(np.int64)
    running = np.cumsum(seconds)
    first = np.searchsorted(viewer, viewer)
    over = running - (running[first] - seconds[first]) - bounds.seconds_per_day
    seconds -= np.clip(over, 0, seconds)
    furthest = np.minimum(RETENTION_BINS - 1, (RETENTION_BINS * watched).astype(np.int64))
    return Day(
        {
            "video.viewers": np.bincount(video, minlength=VIDEOS),
            "video.watch_seconds": np.bincount(video, seconds, VIDEOS).astype(np.int64),
            "video.furthest_bin": np.bincount(
                video * RETENTION_BINS + furthest, minlength=VIDEOS * RETENTION_BINS
            ),
        }
    )


def add_noise(day: Day, policy: Policy, seed: Seed, nonce: int) -> dict[str, Ints]:
    """The figures under the noise of a release."""
    return {
        query.name: day.figures[query.name]
        + np.array(draw_vector(seed, nonce, number, query, len(day.figures[query.name])))
        for number, query in enumerate(policy.queries)
        if query.name in day.figures
    }


def hide(noised: Mapping[str, Ints], policy: Policy) -> dict[str, Numbers]:
    """What a report shows of them; NaN where it hides one."""
    thresholds = {query.name: query.threshold for query in policy.queries}
    return {
        name: np.where(values >= thresholds[name], values, np.nan)
        for name, values in noised.items()
    }


def measure(policy: Policy, label: str) -> list[dict[str, Any]]:
    """A row for each number of daily viewers and each bucket."""
    rows = []
    for viewers in DAILY_VIEWERS:
        say(f"{viewers:,} daily viewers")
        days = [measure_day(viewers, policy, label, repeat) for repeat in range(REPEATS)]
        for bucket in BUCKETS:
            each = [day[bucket] for day in days]
            row: dict[str, Any] = {"daily_viewers": viewers, "videos": bucket}
            rows.append(
                row | {name: _pool(name, [part[name] for part in each]) for name in each[0]}
            )
    return rows


def _pool(name: str, parts: list[Numbers]) -> float | None:
    """The median of errors, the mean of everything that is a share; None of nothing."""
    values = np.concatenate(parts)
    values = values[~np.isnan(values)]
    if not len(values):
        return None
    return round(float(np.median(values) if "error" in name else values.mean()), 3)


def measure_day(
    viewers: int, policy: Policy, label: str, repeat: int
) -> dict[str, dict[str, Numbers]]:
    """Bucket → measure → its value for each of the bucket's videos; NaN where nothing is shown."""
    day = build_day(viewers, policy, repeat)
    digest = hashlib.sha512(f"{label}/utility/{viewers}/{repeat}".encode()).digest()
    seed = Seed(int.from_bytes(digest, "big") % MODULUS, 0)
    noised = add_noise(day, policy, seed, nonce=repeat)
    shown = hide(noised, policy)
    ranks = np.argsort(-day.figures["video.viewers"], kind="stable")
    exact_bins, noised_bins, shown_bins = (
        figures["video.furthest_bin"].reshape(VIDEOS, RETENTION_BINS).astype(np.float64)
        for figures in (day.figures, noised, shown)
    )
    per_video = {
        "uniques": day.figures["video.viewers"].astype(np.float64),
        "uniques_error": _relative(day.figures["video.viewers"], shown["video.viewers"]),
        "uniques_hidden": np.isnan(shown["video.viewers"]).astype(np.float64),
        "watch_error": _relative(day.figures["video.watch_seconds"], shown["video.watch_seconds"]),
        "watch_hidden": np.isnan(shown["video.watch_seconds"]).astype(np.float64),
        "retention_mae": _retention_mae(exact_bins, shown_bins),
        "retention_mae_unhidden": _retention_mae(exact_bins, np.maximum(noised_bins, 0)),
        "bins_hidden": np.isnan(shown_bins).mean(axis=1),
    }
    return {
        bucket: {name: values[ranks[first:end]] for name, values in per_video.items()}
        for bucket, (first, end) in BUCKETS.items()
    }


def _relative(exact: Ints, shown: Numbers) -> Numbers:
    """|shown − exact| / exact; a shown figure of nobody counts as an error of 1."""
    error = np.abs(shown - exact) / np.maximum(exact, 1)
    return np.where((exact == 0) & ~np.isnan(shown), 1.0, error)


def _retention_mae(exact: Numbers, shown: Numbers) -> Numbers:
    """Mean error of the curve (share of a video's viewers who reached each bin), where a report
    shows any bin: as `core.derived` has it, a hidden bin counts as nobody."""
    with np.errstate(invalid="ignore"):
        truth, curve = _curve(exact), _curve(np.nan_to_num(shown))
        return np.asarray(np.abs(truth - curve).mean(axis=1), np.float64)


def _curve(bins: Numbers) -> Numbers:
    reached = np.cumsum(bins[:, ::-1], axis=1)[:, ::-1]
    return np.asarray(reached / reached[:, :1], np.float64)
