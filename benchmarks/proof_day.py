"""A day of contributions for the proof benchmark, and its exact tally.

Videos are watched by their popularity (Zipf: the second half as much as the first, …), a viewer-day
has 1 to 10 of them, 4.6 on average, and seconds reach both bounds of the policy. The same number of
events gives the same day.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Final

import numpy as np
import numpy.typing as npt
import polars as pl

from analytics_pipeline.core.histograms import REBUFFER_BINS, RETENTION_BINS, STARTUP_BINS
from analytics_pipeline.core.listing import ListedVideo, Listing, build_listing
from analytics_pipeline.core.policy import DEFAULT_POLICY, Policy
from analytics_pipeline.core.regions import continent_of
from analytics_pipeline.core.sampler import figure_names
from analytics_pipeline.core.tally import TallyRow
from analytics_pipeline.defs.steps.contribution_rules import sum_contributions
from analytics_pipeline.proving.day_rows import SCHEMA

#: Contribution rows for each event, as in the recordings: 4.5 events a view.
ROWS_PER_EVENT: Final = 0.22
#: Up to so many events → videos and creators; above the last, those of the largest.
_LISTINGS: Final = {10_000: (60, 20), 100_000: (250, 100), 1_000_000: (990, 245)}
#: Viewers that are made together: their draws over all videos lie in memory.
_BLOCK: Final = 4_096
_SEED: Final = 7

_Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class ProofDay:
    """What a prover is given: listing, contributions (`proving.day_rows.SCHEMA`), exact tally."""

    day: date
    listing: Listing
    contributions: pl.DataFrame
    tally: list[TallyRow]


def row_count(events: int) -> int:
    """Contribution rows of so many events, one at least."""
    return max(1, round(events * ROWS_PER_EVENT))


def build_proof_day(events: int, policy: Policy = DEFAULT_POLICY) -> ProofDay:
    """Yesterday (UTC)."""
    listing = _build_listing(events)
    contributions = _build_contributions(row_count(events), listing, policy)
    day = datetime.now(UTC).date() - timedelta(days=1)
    return ProofDay(day, listing, contributions, _build_tally(contributions, listing, policy))


def _build_listing(events: int) -> Listing:
    fitting = [sizes for most, sizes in _LISTINGS.items() if events <= most]
    videos, creators = fitting[0] if fitting else list(_LISTINGS.values())[-1]
    return build_listing(
        ListedVideo(f"creator-{number % creators:03d}", f"video-{number:04d}")
        for number in range(videos)
    )


def _build_contributions(rows: int, listing: Listing, policy: Policy) -> pl.DataFrame:
    random = np.random.default_rng([_SEED, rows])
    counts = _count_videos(random, rows, policy)
    viewer = np.repeat(random.permutation(len(counts)), counts)
    viewers = len(counts)
    places = {
        "country": random.integers(len(policy.regions), size=viewers),
        "provider": random.integers(len(policy.providers), size=viewers),
        "startup_bin": random.integers(STARTUP_BINS, size=viewers),
        "rebuffer_bin": random.integers(REBUFFER_BINS, size=viewers),
        "first_of_week": random.random(viewers) < 1 / 3,
        "first_of_month": random.random(viewers) < 1 / 9,
        "at_peak": random.random(viewers) < 1 / 20,
    }
    continents = pl.Series([continent_of(region) for region in policy.regions])
    of_viewer = {name: np.repeat(values, counts) for name, values in places.items()}
    bounds = policy.bounds
    seconds = pl.col("seconds")
    return (
        pl.DataFrame(
            {
                "viewer": viewer,
                "video_id": pl.Series(listing.video_ids)[_draw_videos(random, counts, listing)],
                **of_viewer,
                "country": pl.Series(policy.regions)[of_viewer["country"]],
                "continent": continents[of_viewer["country"]],
                "provider": pl.Series(policy.providers)[of_viewer["provider"]],
                "furthest_bin": random.integers(RETENTION_BINS, size=rows),
                "seconds": random.integers(bounds.seconds_per_video + 1, size=rows),
            },
            schema=SCHEMA,
        )
        # What is over the day's bound is not counted.
        .with_columns(over=(seconds.cum_sum().over("viewer") - bounds.seconds_per_day))
        .with_columns(seconds=seconds - pl.col("over").clip(0, seconds))
        .drop("over")
    )


def _count_videos(random: np.random.Generator, rows: int, policy: Policy) -> _Ints:
    """How many videos each viewer-day has: 1 to the bound, fewer more often."""
    sizes = np.arange(1, policy.bounds.videos_per_viewer_day + 1)
    weights = (sizes[-1] + 5.0) - sizes
    counts = random.choice(sizes, size=rows, p=weights / weights.sum())
    last = int(np.searchsorted(np.cumsum(counts), rows))
    counts = counts[: last + 1]
    counts[-1] -= counts.sum() - rows
    return np.asarray(counts, np.int64)


def _draw_videos(random: np.random.Generator, counts: _Ints, listing: Listing) -> _Ints:
    """Different videos for each viewer, by popularity (Gumbel's trick: the largest noised logs)."""
    ranks = random.permutation(len(listing.video_ids)) + 1.0
    most = int(counts.max())

    def blocks() -> Iterator[_Ints]:
        for start in range(0, len(counts), _BLOCK):
            here = counts[start : start + _BLOCK]
            keys = random.gumbel(size=(len(here), len(ranks))) - np.log(ranks)
            drawn = np.argsort(-keys, axis=1)[:, :most]
            yield drawn[np.arange(most) < here[:, None]]

    return np.concatenate(list(blocks()))


def _build_tally(contributions: pl.DataFrame, listing: Listing, policy: Policy) -> list[TallyRow]:
    """All figures, counted from the contributions; 0 where nobody watched."""
    sums = sum_contributions(contributions, listing)
    return [
        TallyRow(*name, sums.get(name, 0))
        for query in policy.queries
        for name in figure_names(query, policy, listing)
    ]
