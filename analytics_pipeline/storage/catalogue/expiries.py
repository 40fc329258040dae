"""Erased days: the note that one is being erased, the end of its keys here, its receipt.

    mark_expired ─→ (retention key destroyed) ─→ expire_day ─→ … ─→ complete_expiry
         │ from here on the day is refused everywhere                    └ the receipt exists

What was released stays verifiable; the sealed segments on IPFS become noise. Belongs here: rows,
and the question whether a day can still be computed. Does not belong here: when a day may be
erased, and what lies outside the catalogue (`defs.steps`).
"""

import time
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date

from sqlalchemy import Connection, delete, func, insert, select, update

from analytics_pipeline.core import canonical
from analytics_pipeline.core.day import parse_day
from analytics_pipeline.core.erasure import (
    GENESIS,
    Erasures,
    Receipt,
    build_erasures,
    parse_erasures,
    parse_receipt,
)
from analytics_pipeline.core.errors import EventsExpired, NotReleasedYet
from analytics_pipeline.storage.catalogue.engine import Catalogue, release_lock
from analytics_pipeline.storage.catalogue.tables import (
    data_keys,
    expiries,
    receipts,
    releases,
    seeds,
    segments,
)


@dataclass(frozen=True)
class Expiry:
    """The record of one erased day; ``completed_at_ms`` is None while something may be left."""

    platform: str
    day: date
    reason: str
    expired_at_ms: int
    data_keys_destroyed: int
    completed_at_ms: int | None = None


def mark_expired(catalogue: Catalogue, platform: str, day: date, reason: str) -> Expiry:
    """Note that the day is being erased, before anything is. From then on nobody plans a release of
    it or seals events of it. Safe to repeat: the first note stays.

    Raises:
        NotReleasedYet: a revision of the day is on its way to the chain.
    """
    with catalogue.write(release_lock(platform, day)) as connection:
        half_way = select(releases.c.revision).where(
            releases.c.platform == platform,
            releases.c.day == day.isoformat(),
            releases.c.withheld_reason.is_(None),
            releases.c.release_head.is_(None),
        )
        revision = connection.execute(half_way).scalar_one_or_none()
        if revision is not None:
            raise NotReleasedYet(day, f"revision {revision} is on its way: run the day to its end")
        return _mark(connection, platform, day, reason)


def expire_day(catalogue: Catalogue, platform: str, day: date, reason: str) -> Expiry:
    """Destroy what is wrapped of the day, data keys and noise seed; marks it if nobody did. Safe to
    repeat.

    On SQLite the freed bytes are overwritten (secure_delete) and the write-ahead log is emptied. On
    Postgres freed rows remain until VACUUM, in its log and in backups as long as those are kept:
    they are worth nothing once the retention key is gone, which is why that goes first.
    """
    with catalogue.write(release_lock(platform, day)) as connection:
        expiry = _mark(connection, platform, day, reason)
        for table in (data_keys, seeds):
            of_day = (table.c.platform == platform, table.c.day == day.isoformat())
            connection.execute(delete(table).where(*of_day))
    catalogue.truncate_log()
    return expiry


def complete_expiry(catalogue: Catalogue, draft: Receipt) -> Receipt:
    """Write the receipt of a day of which nothing is left, as the next of its platform's chain.

    Args:
        draft: its ``previous`` is set here.
    Returns:
        the receipt; the one that is there if the day has one.
    """
    platform, day = draft.platform, draft.day
    with catalogue.write(f"receipts/{platform}") as connection:
        known = _receipts(connection, platform)
        for receipt in known:
            if receipt.day == day:
                return receipt
        receipt = replace(draft, previous=known[-1].digest if known else GENESIS)
        connection.execute(
            insert(receipts).values(
                platform=platform,
                number=len(known) + 1,
                day=day.isoformat(),
                receipt_json=receipt.canonical_bytes,
            )
        )
        connection.execute(
            update(expiries)
            .where(expiries.c.platform == platform, expiries.c.day == day.isoformat())
            .values(completed_at_ms=time.time_ns() // 1_000_000)
        )
    return receipt


def list_expiries(catalogue: Catalogue, platform: str) -> list[Expiry]:
    """All erased days of a platform, those half-way too."""
    query = select(expiries).where(expiries.c.platform == platform).order_by(expiries.c.day)
    with catalogue.read() as connection:
        rows = connection.execute(query).all()
    return [Expiry(**{**row._mapping, "day": parse_day(row.day)}) for row in rows]


def list_receipts(catalogue: Catalogue, platform: str) -> list[Receipt]:
    """All receipts of a platform, in the order of their chain."""
    with catalogue.read() as connection:
        return _receipts(connection, platform)


def build_next_erasures(catalogue: Catalogue, platform: str) -> Erasures:
    """The receipts that no release has published yet, for the next one to publish.

    What a release was bundled with and did not publish (it was withheld) is among them again.
    """
    published = select(releases.c.erasures_json).where(
        releases.c.platform == platform,
        releases.c.release_head.is_not(None),
        releases.c.erasures_json.is_not(None),
    )
    with catalogue.read() as connection:
        known = _receipts(connection, platform)
        heads = {parse_erasures(each).head for each in connection.execute(published).scalars()}
    done = max((n for n, receipt in enumerate(known, 1) if receipt.digest in heads), default=0)
    previous = known[done - 1].digest if done else GENESIS
    return build_erasures(platform, previous, known[done:])


def require_events(catalogue: Catalogue, platform: str, day: date) -> None:
    """Refuse to go on if the day cannot be computed from all of its events any more.

    Raises:
        EventsExpired: the day is marked expired, or a data key of it is gone.
    """
    with catalogue.read() as connection:
        check_events(connection, platform, day)


def check_events(connection: Connection, platform: str, day: date) -> None:
    """`require_events` inside a transaction of the caller's."""
    check_not_erased(connection, platform, day)
    missing = missing_keys(connection, platform, day)
    if missing:
        raise EventsExpired(f"{missing} data keys of {platform} {day} are gone")


def check_not_erased(connection: Connection, platform: str, day: date) -> None:
    """Inside a transaction of the caller's. Raises EventsExpired if the day is marked expired."""
    expiry = _load(connection, platform, day)
    if expiry is not None:
        raise EventsExpired(
            f"the raw events of {platform} {day} were destroyed ({expiry.reason}); "
            "what was released stays as it is"
        )


def erased_days(catalogue: Catalogue, days: Iterable[tuple[str, date]]) -> set[tuple[str, date]]:
    """Those of the (platform, day) pairs that are marked expired."""
    wanted = set(days)
    with catalogue.read() as connection:
        return {pair for pair in wanted if _load(connection, *pair) is not None}


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


def _mark(connection: Connection, platform: str, day: date, reason: str) -> Expiry:
    expiry = _load(connection, platform, day)
    if expiry is None:
        keys = select(func.count()).where(
            data_keys.c.platform == platform, data_keys.c.day == day.isoformat()
        )
        number = int(connection.execute(keys).scalar_one())
        expiry = Expiry(platform, day, reason, time.time_ns() // 1_000_000, number)
        fields = {**vars(expiry), "day": day.isoformat()}
        connection.execute(insert(expiries).values(**fields))
    return expiry


def _load(connection: Connection, platform: str, day: date) -> Expiry | None:
    row = connection.execute(
        select(expiries).where(expiries.c.platform == platform, expiries.c.day == day.isoformat())
    ).one_or_none()
    return Expiry(**{**row._mapping, "day": parse_day(row.day)}) if row else None


def _receipts(connection: Connection, platform: str) -> list[Receipt]:
    query = select(receipts.c.receipt_json).where(receipts.c.platform == platform)
    found = connection.execute(query.order_by(receipts.c.number)).scalars()
    return [parse_receipt(canonical.parse(each)) for each in found]
