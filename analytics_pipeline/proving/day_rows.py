"""From a day's contributions to the sections of a shape.

Belongs here: the order of rows, the named errors for rows that no circuit would accept, the choice
of a shape and the cut into sections. A viewer-day is never cut: a section begins with a new viewer.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import polars as pl

from analytics_pipeline.core.errors import DayTooLarge, InvalidInput
from analytics_pipeline.core.histograms import REBUFFER_BINS, RETENTION_BINS, STARTUP_BINS
from analytics_pipeline.core.listing import Listing
from analytics_pipeline.core.policy import Policy
from analytics_pipeline.core.regions import CONTINENTS, continent_of
from analytics_pipeline.core.sampler import figure_names
from analytics_pipeline.proving.contributions import Contributions
from analytics_pipeline.proving.shape import Shape

_Ints = npt.NDArray[np.int64]

#: What a row says of its viewer-day: the same on all rows of a viewer.
_OF_VIEWER: Final = {
    "country": pl.String(),
    "continent": pl.String(),
    "provider": pl.String(),
    "startup_bin": pl.Int64(),
    "rebuffer_bin": pl.Int64(),
    "first_of_week": pl.Boolean(),
    "first_of_month": pl.Boolean(),
    "at_peak": pl.Boolean(),
}
#: Columns of a day's contributions; a viewer is a number that means nothing outside its day.
SCHEMA: Final = pl.Schema(
    {
        "viewer": pl.Int64(),
        "video_id": pl.String(),
        **_OF_VIEWER,
        "furthest_bin": pl.Int64(),
        "seconds": pl.Int64(),
    }
)


@dataclass(frozen=True, repr=False)
class DayRows:
    """All rows of a day, in order, and by query what is stated of its viewer-days
    (`proving.stated`). **Private.**"""

    rows: Contributions
    stated: Mapping[str, _Ints]

    def __len__(self) -> int:
        return len(self.rows.first)


def build_day_rows(contributions: pl.DataFrame, listing: Listing, policy: Policy) -> DayRows:
    """Sort contributions by viewer and video slot, and hold them against the policy's bounds.

    Args:
        contributions: columns of `SCHEMA`, in any order of rows.
    Raises:
        InvalidInput: naming the rule that a row breaks. A row is never shown.
    """
    if contributions.select(SCHEMA.names()).schema != SCHEMA:
        raise InvalidInput("contributions", f"columns must be {', '.join(SCHEMA.names())}")
    creators = pl.Series("creator", listing.creator_of_video, pl.Int64)
    slots = _numbered("video_id", listing.video_ids, "slot").with_columns(creators)
    continents = [continent_of(region) for region in policy.regions]
    regions = _numbered("country", policy.regions, "region").with_columns(
        pl.Series("region_continent", continents, pl.String)
    )
    frame = (
        contributions.join(slots, on="video_id", how="left")
        .join(regions, on="country", how="left")
        .join(_numbered("provider", policy.providers, "provider_place"), on="provider", how="left")
        .join(_numbered("continent", CONTINENTS, "continent_place"), on="continent", how="left")
        .sort("viewer", "slot")
    )
    _check(frame, policy)
    viewer = frame["viewer"].to_numpy()
    first = np.ones(len(viewer), np.int64)
    first[1:] = viewer[1:] != viewer[:-1]
    rows = Contributions(
        first,
        frame["slot"].to_numpy(),
        frame["furthest_bin"].to_numpy(),
        frame["seconds"].to_numpy(),
    )
    places = _places(frame, frame.filter(first == 1))
    stated = {
        query.name: _count(places[query.name], len(figure_names(query, policy, listing)))
        for query in policy.queries
        if query.name in places
    }
    return DayRows(rows, stated)


def _numbered(column: str, values: Iterable[str], number: str) -> pl.DataFrame:
    """Each value with its position."""
    frame = pl.DataFrame({column: list(values)}, schema={column: pl.String})
    return frame.with_columns(pl.int_range(pl.len(), dtype=pl.Int64).alias(number))


def _places(frame: pl.DataFrame, viewers: pl.DataFrame) -> dict[str, _Ints]:
    """By query, where in its vector each viewer-day counts.

    Args:
        viewers: the first row of each viewer.
    """
    region, provider = viewers["region"].to_numpy(), viewers["provider_place"].to_numpy()
    watched = frame.select("viewer", "creator", "continent_place").unique()
    creator, continent = watched["creator"].to_numpy(), watched["continent_place"].to_numpy()

    def only(flag: str) -> _Ints:
        """The one place there is, for every viewer-day that has the flag."""
        return np.zeros(int(viewers[flag].sum()), np.int64)

    return {
        "creator.continent": creator * len(CONTINENTS) + continent,
        "platform.first_of_month": only("first_of_month"),
        "platform.first_of_week": only("first_of_week"),
        "platform.peak_viewers": only("at_peak"),
        "provider.rebuffer": provider * REBUFFER_BINS + viewers["rebuffer_bin"].to_numpy(),
        "provider.startup": provider * STARTUP_BINS + viewers["startup_bin"].to_numpy(),
        "provider.viewers": provider,
        "region.viewers": region,
    }


def _count(places: _Ints, size: int) -> _Ints:
    return np.bincount(places, minlength=size).astype(np.int64)


def choose_shape(shapes: Iterable[Shape], rows: int, listing: Listing) -> Shape:
    """The smallest shape that surely holds so many rows: a section may miss its last few.

    Raises:
        DayTooLarge: none does; says what the largest takes.
    """
    known = list(shapes)
    for shape in sorted(known, key=lambda shape: (shape.all_rows, shape.videos)):
        spare = shape.shards * shape.policy.bounds.videos_per_viewer_day
        fits = len(listing.video_ids) <= shape.videos and len(listing.creator_ids) <= shape.creators
        if fits and rows <= shape.all_rows - spare:
            return shape
    sizes = "; ".join(f"{s.all_rows} rows, {s.videos} videos, {s.creators} creators" for s in known)
    raise DayTooLarge(
        f"the day has {len(listing.video_ids)} videos of {len(listing.creator_ids)} creators and "
        f"more rows than fit, or more videos; the published shapes take at most: {sizes} "
        "(docs/proof.md, Sizes)"
    )


def cut_rows(shape: Shape, day: DayRows) -> list[Contributions]:
    """The main proof's section and one for each shard, cut where a viewer begins."""
    starts = np.append(np.flatnonzero(day.rows.first), len(day))
    sections, begin = [], 0
    for room in [shape.rows, *[shape.shard_rows] * shape.shards]:
        end = int(starts[np.searchsorted(starts, begin + room, side="right") - 1])
        end = max(end, begin)
        rows = day.rows
        sections.append(
            Contributions(
                rows.first[begin:end],
                rows.video[begin:end],
                rows.bin[begin:end],
                rows.seconds[begin:end],
            )
        )
        begin = end
    if begin != len(day):
        raise DayTooLarge(f"the rows do not fit {shape.name}")
    return sections


def _check(frame: pl.DataFrame, policy: Policy) -> None:
    bounds = policy.bounds
    by_viewer = pl.len().over("viewer")
    rules = {
        "video_id: in the listing": pl.col("slot").is_not_null(),
        "country: a region of the policy": pl.col("region").is_not_null(),
        "provider: a provider of the policy": pl.col("provider_place").is_not_null(),
        "startup_bin: a bin of start-up times": pl.col("startup_bin").is_between(
            0, STARTUP_BINS - 1
        ),
        "rebuffer_bin: a bin of stalled shares": pl.col("rebuffer_bin").is_between(
            0, REBUFFER_BINS - 1
        ),
        "continent: that of the country": pl.col("continent") == pl.col("region_continent"),
        **{f"{name}: known": pl.col(name).is_not_null() for name in _OF_VIEWER},
        **{
            f"{name}: one for a viewer": pl.col(name).n_unique().over("viewer") == 1
            for name in _OF_VIEWER
        },
        "video_id: once for a viewer": pl.len().over("viewer", "slot") == 1,
        "furthest_bin: a retention bin": pl.col("furthest_bin").is_between(0, RETENTION_BINS - 1),
        "seconds: within the bound of a video": pl.col("seconds").is_between(
            0, bounds.seconds_per_video
        ),
        "seconds: within the bound of a day": pl.col("seconds").sum().over("viewer")
        <= bounds.seconds_per_day,
        "viewer: within the bound of videos": by_viewer <= bounds.videos_per_viewer_day,
    }
    for name, rule in rules.items():
        broken = frame.height - int(frame.select(rule.fill_null(False).sum()).item() or 0)
        if broken:
            field, problem = name.split(": ")
            raise InvalidInput(f"contributions.{field}", f"{broken} rows are not {problem}")
