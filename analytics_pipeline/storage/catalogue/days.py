"""One question about one day: where does it stand?"""

from dataclasses import dataclass
from datetime import date

from sqlalchemy import func, select

from analytics_pipeline.core.day import parse_day
from analytics_pipeline.storage.catalogue.engine import Catalogue
from analytics_pipeline.storage.catalogue.expiries import list_expiries, missing_keys
from analytics_pipeline.storage.catalogue.releases import Release, load_release
from analytics_pipeline.storage.catalogue.tables import releases, segments


@dataclass(frozen=True)
class DayState:
    """Summary of a day. ``size_bytes`` is the size of its sealed segments on IPFS."""

    platform: str
    day: date
    segments: int
    size_bytes: int
    last_sealed_at_ms: int | None
    missing_data_keys: int
    expired: bool
    latest_release: Release | None

    @property
    def computable(self) -> bool:
        """All of its events can still be read."""
        return not self.expired and self.missing_data_keys == 0


def day_state(catalogue: Catalogue, platform: str, day: date) -> DayState:
    """Where one day stands."""
    query = select(
        func.count(),
        func.coalesce(func.sum(segments.c.size_bytes), 0),
        func.max(segments.c.sealed_at_ms),
    ).where(segments.c.platform == platform, segments.c.day == day.isoformat())
    with catalogue.read() as connection:
        number, size, last = connection.execute(query).one()
        missing = missing_keys(connection, platform, day)
    return DayState(
        platform=platform,
        day=day,
        segments=number,
        size_bytes=int(size),
        last_sealed_at_ms=last,
        missing_data_keys=missing,
        expired=any(expiry.day == day for expiry in list_expiries(catalogue, platform)),
        latest_release=load_release(catalogue, platform, day),
    )


@dataclass(frozen=True)
class SealedDay:
    """What of a day was sealed."""

    segments: int
    size_bytes: int
    last_sealed_at_ms: int


def load_sealed_days(catalogue: Catalogue, platform: str) -> dict[date, SealedDay]:
    """How much of each day was sealed, in order."""
    query = (
        select(
            segments.c.day,
            func.count(),
            func.sum(segments.c.size_bytes),
            func.max(segments.c.sealed_at_ms),
        )
        .where(segments.c.platform == platform)
        .group_by(segments.c.day)
        .order_by(segments.c.day)
    )
    with catalogue.read() as connection:
        return {
            parse_day(day): SealedDay(number, int(size), last)
            for day, number, size, last in connection.execute(query)
        }


def list_release_days(catalogue: Catalogue, platform: str) -> list[date]:
    """Every day for which a release was planned, in order."""
    query = select(releases.c.day).where(releases.c.platform == platform).distinct()
    with catalogue.read() as connection:
        return sorted(parse_day(day) for day in connection.execute(query).scalars())


def list_days(catalogue: Catalogue, platform: str) -> list[tuple[date, int]]:
    """(day, time of its latest segment in Unix ms) for every day with segments, in order.

    A sensor compares these times to what it saw last.
    """
    query = (
        select(segments.c.day, func.max(segments.c.sealed_at_ms))
        .where(segments.c.platform == platform)
        .group_by(segments.c.day)
        .order_by(segments.c.day)
    )
    with catalogue.read() as connection:
        return [(parse_day(day), last) for day, last in connection.execute(query)]
