"""Releases: planned once, spent once, drawn once.

    plan_release ─→ manifest, policy, catalogue, shape, roots, seed commitment ─→ commit_head
         │           ─→ beacon ─→ report ─→ proof ─→ erasures, bundle_cid ─→ release_head
         │   from commit_head on: mark_withheld (the revision is burnt)
         └ nothing stored yet: other inputs re-plan the same revision, no budget is lost

A revision is *live* unless withheld. Whatever is stored is stored once: the same value again
changes nothing, another value is a ReleaseConflict. Belongs here: the state of a release, and
spending for it. Does not belong here: the sums of the ledger (`ledger`), drawing noise, a chain.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from sqlalchemy import Connection, Row, and_, delete, insert, select, update

from analytics_pipeline.core.budget import Caps, require_allowed
from analytics_pipeline.core.day import parse_day
from analytics_pipeline.core.errors import InvalidInput, ReleaseConflict
from analytics_pipeline.storage.catalogue.engine import Catalogue, release_lock
from analytics_pipeline.storage.catalogue.expiries import check_events
from analytics_pipeline.storage.catalogue.ledger import read_ledger
from analytics_pipeline.storage.catalogue.tables import releases, spends

#: columns `store_release` may set, in the order in which they come to be
SET_ONCE: Final = (
    "manifest_json",
    "policy_json",
    "catalogue_json",
    "shape",
    "tally_root",
    "catalogue_root",
    "seed_commitment",
    "commit_head",
    "beacon_block",
    "beacon",
    "report_json",
    "proof_json",
    "erasures_json",
    "bundle_cid",
    "release_head",
)


@dataclass(frozen=True)
class Release:
    """One revision of one day. ``rho_nano`` is its spend in 1e-9 rho; heads, roots, the seed
    commitment and the beacon are 0x-hex."""

    platform: str
    day: date
    revision: int
    inputs_digest: str
    rho_nano: int
    reason: str
    planned_at_ms: int
    withheld_reason: str | None
    manifest_json: bytes | None
    policy_json: bytes | None
    catalogue_json: bytes | None
    shape: str | None
    tally_root: str | None
    catalogue_root: str | None
    seed_commitment: str | None
    commit_head: str | None
    beacon_block: int | None
    beacon: str | None
    report_json: bytes | None
    proof_json: bytes | None
    erasures_json: bytes | None
    bundle_cid: str | None
    release_head: str | None

    @property
    def live(self) -> bool:
        """Not withheld."""
        return self.withheld_reason is None

    @property
    def released(self) -> bool:
        """Its release record is on the chain."""
        return self.release_head is not None


def ledger_lock(platform: str) -> str:
    """Name of the lock that serialises all spending of a platform: windows of 30 days overlap, so
    planners of different days could each find room that there is once."""
    return f"ledger/{platform}"


def plan_release(
    catalogue: Catalogue,
    platform: str,
    day: date,
    *,
    inputs_digest: str,
    caps: Caps,
    reason: str,
) -> Release:
    """Find or make the revision that publishes these inputs, and reserve its spend.

    Two processes that plan the same inputs get the same row. Unchanged inputs spend nothing.

    Args:
        inputs_digest: hex SHA-256 over all that the report depends on.
        caps: what drawing this report spends, and what the day and 30 days may spend.
        reason: why this revision exists, in words for readers (``first release``, ``late data``).
    Raises:
        BudgetOverspent: the budget of the day or of 30 days does not allow it; nothing was
            reserved.
        ReleaseConflict: an earlier revision with other inputs is half-way to the chain: run it to
            its end (what it stored is all it needs), or withhold it once its commit is recorded.
        EventsExpired: the day's events were destroyed and these inputs are new.
        InvalidInput: the release would spend nothing, or less.
    """
    if caps.per_release <= 0:
        raise InvalidInput("caps.per_release", "a release spends a positive rho")
    locks = (ledger_lock(platform), release_lock(platform, day))
    with catalogue.write(*locks) as connection:
        latest = _latest(connection, platform, day)
        if latest and latest.live and latest.inputs_digest == inputs_digest:
            return latest
        check_events(connection, platform, day)
        revision = 1 if latest is None else latest.revision + 1
        if latest and latest.live and not latest.released:
            if any(getattr(latest, column) is not None for column in SET_ONCE):
                raise ReleaseConflict(
                    f"{platform} {day} revision {latest.revision} has left the catalogue with "
                    "other inputs: finish it, or withhold it after its commit, then plan again"
                )
            revision = latest.revision  # nothing was stored or sent: plan it anew
            for table in (releases, spends):
                connection.execute(delete(table).where(_is(table, platform, day, revision)))
        require_allowed(read_ledger(connection, platform), day, caps)
        rho, now_ms = caps.per_release, time.time_ns() // 1_000_000
        key = {"platform": platform, "day": day.isoformat(), "revision": revision}
        connection.execute(insert(spends).values(**key, rho_nano=rho, spent_at_ms=now_ms))
        connection.execute(
            insert(releases).values(
                **key,
                inputs_digest=inputs_digest,
                rho_nano=rho,
                reason=reason,
                planned_at_ms=now_ms,
            )
        )
        return _load(connection, platform, day, revision)


def store_release(
    catalogue: Catalogue, platform: str, day: date, revision: int, **values: bytes | str | int
) -> Release:
    """Set one or more of the `SET_ONCE` columns, all or none of them.

    Storing what is stored already changes nothing.

    Raises:
        ReleaseConflict: a column holds something else, or the revision is withheld or unknown.
    """
    unknown = set(values) - set(SET_ONCE)
    if unknown:
        raise ValueError(f"not columns of a release that can be set: {sorted(unknown)}")
    with catalogue.write(release_lock(platform, day)) as connection:
        release = _load(connection, platform, day, revision)
        for column, value in values.items():
            stored = getattr(release, column)
            if stored is not None and stored != value:
                raise ReleaseConflict(
                    f"{platform} {day} revision {revision}: {column} is stored already and differs"
                )
        fresh = {name: value for name, value in values.items() if getattr(release, name) is None}
        if fresh and not release.live:
            raise ReleaseConflict(f"{platform} {day} revision {revision} is withheld")
        if fresh:
            connection.execute(
                update(releases).where(_is(releases, platform, day, revision)).values(**fresh)
            )
        return _load(connection, platform, day, revision)


def mark_withheld(
    catalogue: Catalogue, platform: str, day: date, revision: int, reason: str
) -> Release:
    """Give up a committed revision that will not be released. Its number is burnt; the next plan
    takes the next one. Its spend is given back only if its noise was never drawn.

    Raises:
        ReleaseConflict: it is released, or its commit is not recorded (then the chain would show
            a gap: record the commit first, or plan again if nothing was stored).
    """
    with catalogue.write(release_lock(platform, day)) as connection:
        release = _load(connection, platform, day, revision)
        if not release.live:
            return release
        name = f"{platform} {day} revision {revision}"
        if release.released:
            raise ReleaseConflict(f"{name} is released and cannot be withheld")
        if release.commit_head is None:
            raise ReleaseConflict(f"{name} has no recorded commit, so there is nothing to withhold")
        row = _is(releases, platform, day, revision)
        connection.execute(update(releases).where(row).values(withheld_reason=reason))
        if release.report_json is None:
            connection.execute(delete(spends).where(_is(spends, platform, day, revision)))
        return _load(connection, platform, day, revision)


def forget_commit(catalogue: Catalogue, platform: str, day: date, revision: int) -> Release:
    """Note that the chain has a revision's commit no more: its block was reorganised away. It can
    be sent again as it is.

    Raises:
        ReleaseConflict: the revision is released or withheld.
    """
    with catalogue.write(release_lock(platform, day)) as connection:
        release = _load(connection, platform, day, revision)
        if release.released or not release.live:
            raise ReleaseConflict(f"{platform} {day} revision {revision} is settled")
        row = _is(releases, platform, day, revision)
        connection.execute(update(releases).where(row).values(commit_head=None))
        return _load(connection, platform, day, revision)


def load_release(
    catalogue: Catalogue, platform: str, day: date, revision: int | None = None
) -> Release | None:
    """One revision, or the latest one; None if there is none."""
    with catalogue.read() as connection:
        if revision is None:
            return _latest(connection, platform, day)
        row = connection.execute(
            select(releases).where(_is(releases, platform, day, revision))
        ).one_or_none()
        return _release(row) if row else None


def list_releases(catalogue: Catalogue, platform: str, day: date | None = None) -> list[Release]:
    """All revisions of a platform (or of one of its days), by day and revision."""
    query = select(releases).where(releases.c.platform == platform)
    if day is not None:
        query = query.where(releases.c.day == day.isoformat())
    with catalogue.read() as connection:
        rows = connection.execute(query.order_by(releases.c.day, releases.c.revision))
        return [_release(row) for row in rows]


def planned_days(connection: Connection, platform: str, days: Sequence[date]) -> set[date]:
    """Those of `days` that have a live release: events sealed for them now are late."""
    query = select(releases.c.day).where(
        releases.c.platform == platform,
        releases.c.day.in_([day.isoformat() for day in days]),
        releases.c.withheld_reason.is_(None),
    )
    return {parse_day(text) for text in connection.execute(query).scalars()}


def _is(table: Any, platform: str, day: date, revision: int) -> Any:
    return and_(
        table.c.platform == platform,
        table.c.day == day.isoformat(),
        table.c.revision == revision,
    )


def _release(row: Row[Any]) -> Release:
    return Release(**{**row._mapping, "day": parse_day(row.day)})


def _load(connection: Connection, platform: str, day: date, revision: int) -> Release:
    query = select(releases).where(_is(releases, platform, day, revision))
    row = connection.execute(query).one_or_none()
    if row is None:
        raise ReleaseConflict(f"{platform} {day} has no revision {revision}")
    return _release(row)


def _latest(connection: Connection, platform: str, day: date) -> Release | None:
    query = select(releases).where(
        releases.c.platform == platform, releases.c.day == day.isoformat()
    )
    row = connection.execute(query.order_by(releases.c.revision.desc()).limit(1)).one_or_none()
    return _release(row) if row else None
