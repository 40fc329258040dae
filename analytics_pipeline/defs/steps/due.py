"""Which days the sensor asks for. The decision (`build_due_days`) is pure; loading stands apart."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final

from analytics_pipeline.core.day import utc_day
from analytics_pipeline.core.event import ACCEPTED_AGE_MS
from analytics_pipeline.defs.day_range import MAX_DAYS
from analytics_pipeline.defs.stores import Stores
from analytics_pipeline.storage.catalogue import (
    list_days,
    list_expiries,
    list_release_days,
    list_releases,
)

#: A complete day that the 02:00 schedule has not released is picked up from 03:00 UTC on.
GRACE: Final = timedelta(hours=3)
#: No event is accepted after this; a correction made then is the last one needed.
ACCEPTED_FOR: Final = timedelta(milliseconds=ACCEPTED_AGE_MS)
#: How far back from the newest release a day without any is noticed.
GAPS_WITHIN: Final = timedelta(days=30)
#: Segments sealed this shortly before a release was planned may not be in it.
RUN_ALLOWANCE_MS: Final = 3_600_000


@dataclass(frozen=True)
class DayNews:
    """A day with segments, or between released days; times are Unix milliseconds, ``planned_at_ms``
    is its last release's. Without segments ``last_sealed_at_ms`` is 0."""

    day: date
    last_sealed_at_ms: int
    planned_at_ms: int | None


def load_news(stores: Stores) -> list[DayNews]:
    """Every day that has segments and has not expired; and days without events that stand between
    released ones, for nobody can tell those from days that are withheld."""
    catalogue, platform = stores.catalogue, stores.platform
    expired = {expiry.day for expiry in list_expiries(catalogue, platform)}
    sealed = dict(list_days(catalogue, platform))
    planned = list_release_days(catalogue, platform)
    recent = [day for day in planned if day >= planned[-1] - GAPS_WITHIN]
    published = {
        release.day: release  # the newest revision that is released, whatever came of later ones
        for day in {*sealed, *recent} - expired
        for release in list_releases(catalogue, platform, day)
        if release.released
    }
    news = [
        DayNews(day, at_ms, published[day].planned_at_ms if day in published else None)
        for day, at_ms in sealed.items()
        if day not in expired
    ]
    gaps = build_gaps(published.keys() | expired)
    return news + [DayNews(day, 0, None) for day in gaps if day not in sealed]


def build_gaps(released: Iterable[date]) -> list[date]:
    """Days without a release between released ones, of the last `GAPS_WITHIN`, ascending."""
    days = set(released)
    newest, oldest = max(days, default=date.min), min(days, default=date.min)
    reach = min(GAPS_WITHIN, newest - oldest)
    recent = [newest - timedelta(days=number) for number in range(reach.days, 0, -1)]
    return [day for day in recent if day not in days]


def build_due_days(
    news: Iterable[DayNews], seen: Mapping[str, int], now: datetime
) -> list[DayNews]:
    """Days with segments that are in no release, whose time has come, in order.

    Args:
        seen: ISO day -> ``last_sealed_at_ms`` when the day was last asked for.
        now: aware datetime.
    """
    due = []
    for item in sorted(news, key=lambda item: item.day):
        planned_at_ms = item.planned_at_ms
        wait = GRACE if planned_at_ms is None else ACCEPTED_FOR
        complete = utc_day(now - wait) > item.day
        covered = (
            planned_at_ms is not None and item.last_sealed_at_ms < planned_at_ms - RUN_ALLOWANCE_MS
        )
        asked = seen.get(item.day.isoformat()) == item.last_sealed_at_ms
        if complete and not covered and not asked:
            due.append(item)
    return due


def build_ranges(items: Iterable[DayNews]) -> list[list[DayNews]]:
    """Neighbouring days, `MAX_DAYS` at most: each list becomes one run and one batch on chain."""
    ranges: list[list[DayNews]] = []
    for item in sorted(items, key=lambda item: item.day):
        last = ranges[-1] if ranges else []
        if last and len(last) < MAX_DAYS and item.day - last[-1].day == timedelta(days=1):
            last.append(item)
        else:
            ranges.append([item])
    return ranges
