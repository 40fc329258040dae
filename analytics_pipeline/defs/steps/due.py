"""Which days the sensor asks for. The decision (`build_due_days`) is pure; loading stands apart."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final

from analytics_pipeline.core.day import utc_day
from analytics_pipeline.core.event import ACCEPTED_AGE_MS
from analytics_pipeline.defs.stores import Stores
from analytics_pipeline.storage.catalogue import list_days, list_expiries, load_release

#: A complete day that the 02:00 schedule has not released is picked up from 03:00 UTC on.
GRACE: Final = timedelta(hours=3)
#: No event is accepted after this; a correction made then is the last one needed.
ACCEPTED_FOR: Final = timedelta(milliseconds=ACCEPTED_AGE_MS)
#: Segments sealed this shortly before a release was planned may not be in it.
RUN_ALLOWANCE_MS: Final = 3_600_000


@dataclass(frozen=True)
class DayNews:
    """A day with segments; times are Unix milliseconds, ``planned_at_ms`` is its last release's."""

    day: date
    last_sealed_at_ms: int
    planned_at_ms: int | None


def load_news(stores: Stores) -> list[DayNews]:
    """Every day that has segments and has not expired."""
    catalogue, platform = stores.catalogue, stores.platform
    expired = {expiry.day for expiry in list_expiries(catalogue, platform)}
    news = []
    for day, sealed_at_ms in list_days(catalogue, platform):
        if day not in expired:
            release = load_release(catalogue, platform, day)
            published = release is not None and release.released
            news.append(
                DayNews(day, sealed_at_ms, release.planned_at_ms if release and published else None)
            )
    return news


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
    """Runs of neighbouring days: each becomes one run and one batch on chain."""
    ranges: list[list[DayNews]] = []
    for item in sorted(items, key=lambda item: item.day):
        if ranges and item.day - ranges[-1][-1].day == timedelta(days=1):
            ranges[-1].append(item)
        else:
            ranges.append([item])
    return ranges
