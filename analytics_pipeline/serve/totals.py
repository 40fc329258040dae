"""Videos, creators, regions and storage providers over days: one entry a key.

Belongs here: sums and averages of a span (`core.derived` does the arithmetic), and their order.
Does not belong here: pages, requests.
"""

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Final, Literal, NamedTuple

from analytics_pipeline.core.derived import (
    Estimate,
    Total,
    derive_total,
    derive_total_ratio,
)
from analytics_pipeline.core.histograms import FURTHEST_BIN_METRICS
from analytics_pipeline.core.regions import continent_of
from analytics_pipeline.core.report import Report
from analytics_pipeline.serve.documents import (
    CreatorItem,
    ProviderItem,
    RegionItem,
    VideoItem,
    VideoTotals,
)
from analytics_pipeline.serve.released import Released
from analytics_pipeline.serve.snapshot import Content, Span
from analytics_pipeline.serve.views import contents_of, parts_of

SortKey = Literal["viewers", "watch_seconds", "average_watch_seconds", "completion", "id"]
COMPLETED: Final = FURTHEST_BIN_METRICS[-1]
_VIDEO_METRICS: Final = ("viewers", "watch_seconds", COMPLETED)
#: Rankings kept of each kind. One of a snapshot that was replaced stays, and its snapshot with it,
#: until newer ones need the place.
_RANKINGS: Final = 8


class Ranked(NamedTuple):
    """Where an entry stands: its sort value (None: suppressed, at the end), then its id."""

    value: float | None
    name: str


def days_shown(total: Total | None) -> int:
    """Days of a total that show the figure."""
    return total.days - total.missing_days if total else 0


def average_watch_seconds(reports: Sequence[Report], scope: str, key: str) -> Estimate | None:
    """Seconds per viewer over days."""
    return derive_total_ratio(reports, scope, key, "watch_seconds", "viewers")


def build_video_totals(reports: Sequence[Report], video_id: str) -> VideoTotals:
    """A video over days; `reports` are parts that have its rows."""
    return VideoTotals(
        derive_total(reports, "video", video_id, "viewers"),
        derive_total(reports, "video", video_id, "watch_seconds"),
        average_watch_seconds(reports, "video", video_id),
        derive_total_ratio(reports, "video", video_id, COMPLETED, "viewers"),
    )


def list_keys(releases: Sequence[Released], scope: str) -> list[str]:
    """Keys of a scope on any of these days, ascending."""
    found = (contents_of(release).figures.names.keys.get(scope, {}) for release in releases)
    return sorted({key for keys in found for key in keys})


def key_reports(
    releases: Sequence[Released], scope: str, key: str, metrics: Sequence[str]
) -> list[Report]:
    """The parts of reports that are about a key, of the days that list it."""
    listing = parts_of(releases, scope, key)
    return [contents_of(r).figures.part(scope, key, metrics) for r in listing]


@lru_cache(maxsize=_RANKINGS)
def list_videos(content: Content, span: Span | None) -> Sequence[VideoItem]:
    """Every video listed within a span."""
    releases = content.within(span)
    owners = newest_owners(releases)
    return [
        build_video_item(video_id, owners[video_id], releases)
        for video_id in list_keys(releases, "video")
    ]


def list_creator_videos(
    content: Content, span: Span | None, creator_id: str
) -> Sequence[VideoItem]:
    """The videos a creator had within a span, each over the days on which it was theirs."""
    theirs: dict[str, list[Released]] = {}
    for release in content.within(span):
        contents = contents_of(release)
        for video_id in contents.figures.names.keys.get("video", ()):
            if contents.creator_of.get(video_id) == creator_id:
                theirs.setdefault(video_id, []).append(release)
    return [build_video_item(name, creator_id, theirs[name]) for name in sorted(theirs)]


def newest_owners(releases: Iterable[Released]) -> Mapping[str, str]:
    """video_id → creator_id, as the newest of these days has it."""
    owners: dict[str, str] = {}
    for release in releases:
        owners |= contents_of(release).creator_of
    return owners


def build_video_item(video_id: str, creator_id: str, releases: Sequence[Released]) -> VideoItem:
    """One video over days."""
    totals = build_video_totals(key_reports(releases, "video", video_id, _VIDEO_METRICS), video_id)
    return VideoItem(
        video_id,
        creator_id,
        totals.viewers,
        totals.watch_seconds,
        totals.average_watch_seconds,
        totals.completion,
        days_shown(totals.viewers),
    )


@lru_cache(maxsize=_RANKINGS)
def list_creators(content: Content, span: Span | None) -> Sequence[CreatorItem]:
    """Every creator listed within a span."""
    releases = content.within(span)
    listed = list(contents_of(releases[-1]).creator_of.values()) if releases else []
    items = []
    for creator_id in list_keys(releases, "creator"):
        reports = key_reports(releases, "creator", creator_id, ("viewers", "watch_seconds"))
        viewers = derive_total(reports, "creator", creator_id, "viewers")
        items.append(
            CreatorItem(
                creator_id,
                listed.count(creator_id),
                viewers,
                derive_total(reports, "creator", creator_id, "watch_seconds"),
                average_watch_seconds(reports, "creator", creator_id),
                days_shown(viewers),
            )
        )
    return items


@lru_cache(maxsize=_RANKINGS)
def list_regions(content: Content, span: Span | None) -> Sequence[RegionItem]:
    """Every region of the policies within a span."""
    releases = content.within(span)
    items = []
    for region in list_keys(releases, "region"):
        reports = key_reports(releases, "region", region, ("viewers",))
        viewers = derive_total(reports, "region", region, "viewers")
        items.append(RegionItem(region, continent_of(region), viewers, days_shown(viewers)))
    return items


def sort_value(
    item: VideoItem | CreatorItem | RegionItem | ProviderItem, key: SortKey
) -> float | None:
    """What an entry is ordered by; None where it is suppressed, and for `id`."""
    estimate = None if key == "id" else getattr(item, key)
    return estimate.value if estimate is not None else None


def rank(place: Ranked) -> tuple[bool, float, str]:
    """Largest first, suppressed last, then by id."""
    value, name = place
    return (value is None, -(value or 0.0), name)
