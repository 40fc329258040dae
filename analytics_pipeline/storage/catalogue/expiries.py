"""Expiry: destroying a day's data keys, after which nothing can recompute it.

What was released stays verifiable; the sealed segments on IPFS become noise. Belongs here: the
destruction, its record, and the question whether a day can still be computed. Does not belong
here: unpinning (the caller owns the content store) and the raw layer's own files.
"""

import time
from dataclasses import dataclass
from datetime import date

from sqlalchemy import Connection, delete, func, insert, select

from analytics_pipeline.core.day import parse_day
from analytics_pipeline.core.errors import EventsExpired
from analytics_pipeline.storage.catalogue.engine import Catalogue
from analytics_pipeline.storage.catalogue.tables import data_keys, expiries, segments


@dataclass(frozen=True)
class Expiry:
    """The record of one destroyed day."""

    platform: str
    day: date
    reason: str
    expired_at_ms: int
    data_keys_destroyed: int


def expire_day(catalogue: Catalogue, platform: str, day: date, reason: str) -> Expiry:
    """Destroy every data key of the day and record it. Safe to repeat: the first record stays.

    On SQLite the freed bytes are overwritten (secure_delete) and the write-ahead log is emptied;
    on Postgres freed rows remain until VACUUM, and in its log and backups as long as those are
    kept. Events that arrive for the day later are sealed and expire with the next call.
    """
    with catalogue.write(f"expiry/{platform}/{day.isoformat()}") as connection:
        destroyed = connection.execute(
            delete(data_keys).where(
                data_keys.c.platform == platform, data_keys.c.day == day.isoformat()
            )
        ).rowcount
        expiry = _load(connection, platform, day)
        if expiry is None:
            expiry = Expiry(platform, day, reason, time.time_ns() // 1_000_000, destroyed)
            fields = {**vars(expiry), "day": day.isoformat()}
            connection.execute(insert(expiries).values(**fields))
    catalogue.truncate_log()
    return expiry


def list_expiries(catalogue: Catalogue, platform: str) -> list[Expiry]:
    """All destroyed days of a platform."""
    query = select(expiries).where(expiries.c.platform == platform).order_by(expiries.c.day)
    with catalogue.read() as connection:
        rows = connection.execute(query).all()
    return [Expiry(**{**row._mapping, "day": parse_day(row.day)}) for row in rows]


def require_events(catalogue: Catalogue, platform: str, day: date) -> None:
    """Refuse to go on if the day cannot be computed from all of its events any more.

    Raises:
        EventsExpired: the day is marked expired, or a data key of it is gone.
    """
    with catalogue.read() as connection:
        check_events(connection, platform, day)


def check_events(connection: Connection, platform: str, day: date) -> None:
    """`require_events` inside a transaction of the caller's."""
    expiry = _load(connection, platform, day)
    if expiry is not None:
        raise EventsExpired(
            f"the raw events of {platform} {day} were destroyed ({expiry.reason}); "
            "what was released stays as it is"
        )
    missing = missing_keys(connection, platform, day)
    if missing:
        raise EventsExpired(f"{missing} data keys of {platform} {day} are gone")


def missing_keys(connection: Connection, platform: str, day: date) -> int:
    """How many of the day's segments have lost their data key."""
    query = (
        select(func.count())
        .select_from(segments.outerjoin(data_keys, segments.c.segment_id == data_keys.c.segment_id))
        .where(
            segments.c.platform == platform,
            segments.c.day == day.isoformat(),
            data_keys.c.segment_id.is_(None),
        )
    )
    return int(connection.execute(query).scalar_one())


def _load(connection: Connection, platform: str, day: date) -> Expiry | None:
    row = connection.execute(
        select(expiries).where(expiries.c.platform == platform, expiries.c.day == day.isoformat())
    ).one_or_none()
    return Expiry(**{**row._mapping, "day": parse_day(row.day)}) if row else None
