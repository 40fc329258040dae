"""Which days' raw data may be destroyed, and why the others' may not.

    a  every event of the day is in a release whose record is on chain and deep enough
    b  that release verifies, as a stranger verifies it, now
    c  no more events of the day are accepted
    d  ANALYTICS_RETENTION_DAYS have passed since the record

By itself a day is erased when all four hold. An operator who gives a reason may skip d, and erase
a day whose late events are in no release because its budget is spent (a part of a); nobody skips
the rest. A day without events that was never released has nothing to erase. Belongs here: the
rules. Does not belong here: the destruction (`defs.steps.expiry`).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta

from analytics_pipeline.core.day import utc_day
from analytics_pipeline.core.erasure import Receipt
from analytics_pipeline.core.errors import (
    ErasureRefused,
    NotFinalYet,
    NotReleasedYet,
    NotVerifiedYet,
    RetentionNotOver,
    StillAccepting,
)
from analytics_pipeline.core.manifest import parse_manifest
from analytics_pipeline.core.record import ReleaseRecord
from analytics_pipeline.core.verify_errors import VerificationFailed
from analytics_pipeline.defs.steps.budgets import has_budget
from analytics_pipeline.defs.steps.due import ACCEPTED_FOR
from analytics_pipeline.defs.steps.expiry import destroy_day, finish_begun, sweep
from analytics_pipeline.defs.steps.records import verify_release
from analytics_pipeline.defs.steps.state import present
from analytics_pipeline.defs.stores import Stores
from analytics_pipeline.storage.catalogue import (
    Release,
    list_days,
    list_expiries,
    list_receipts,
    list_release_days,
    list_releases,
    list_segments,
)

#: release records on chain by day and revision
Records = Mapping[tuple[date, int], ReleaseRecord]


@dataclass(frozen=True)
class DayRetention:
    """Where a day stands; ``refused`` is None for a day that is due, and ``is_overdue`` says that
    only its own state keeps it from being erased, not time."""

    day: date
    segments: int
    recorded_at: datetime | None
    due_at: datetime | None
    refused: ErasureRefused | None
    is_overdue: bool


@dataclass
class Erased:
    """What one retention run did."""

    receipts: list[Receipt] = field(default_factory=list)
    swept: list[date] = field(default_factory=list)
    refused: list[ErasureRefused] = field(default_factory=list)


def list_retention(stores: Stores, now: datetime) -> list[DayRetention]:
    """Every day that has segments or a release and is not erased, in order. Nothing is verified."""
    catalogue, platform = stores.catalogue, stores.platform
    erased = {e.day for e in list_expiries(catalogue, platform) if e.completed_at_ms}
    days = {day for day, _ in list_days(catalogue, platform)}
    days |= set(list_release_days(catalogue, platform))
    records = _load_records(stores)
    return [_retention_of(stores, day, now, records) for day in sorted(days - erased)]


def require_erasable(
    stores: Stores,
    day: date,
    now: datetime,
    *,
    reasoned: bool = False,
    records: Records | None = None,
) -> Release:
    """Rules a, c and d, in this order.

    Args:
        reasoned: an operator has given a reason.
        records: release records on chain, if they have been read.
    Returns:
        the day's newest release.
    Raises:
        NotReleasedYet, NotFinalYet, StillAccepting, RetentionNotOver.
    """
    release, record = _require_released(stores, day, records or _load_records(stores))
    block_time = datetime.fromtimestamp(record.block_time, UTC)
    if not stores.publisher.is_deep(record):
        depth = stores.settings.confirmations
        raise NotFinalYet(day, f"its record must be {depth} blocks deep: wait, and try again")
    if utc_day(now - ACCEPTED_FOR) <= day:
        until = day + ACCEPTED_FOR + timedelta(days=1)
        raise StillAccepting(day, f"its events are accepted until {until}")
    late = _segment_ids(stores, day) - _released_ids(release)
    if late and (not reasoned or has_budget(stores, release)):
        raise NotReleasedYet(
            day,
            f"{len(late)} segments came after its newest release: run the day to correct it, or, "
            "if its budget is spent, erase it with a reason",
        )
    if reasoned:
        return release
    days = stores.settings.retention_days
    if not days:
        raise RetentionNotOver(day, "nothing is erased by itself (ANALYTICS_RETENTION_DAYS=0)")
    if now < block_time + timedelta(days=days):
        until = block_time + timedelta(days=days)
        raise RetentionNotOver(day, f"{days} days after its record are over on {until:%Y-%m-%d}")
    return release


def erase_day(stores: Stores, day: date, now: datetime, reason: str) -> Receipt:
    """Erase one day for a reason of the operator's. A day that is erased keeps its receipt.

    Raises:
        ErasureRefused: which of the rules does not hold; nothing was destroyed.
        InvalidInput: no reason, or too long a one; likewise.
        StoreError: see `destroy_day`.
    """
    for receipt in list_receipts(stores.catalogue, stores.platform):
        if receipt.day == day:
            return receipt
    _require_verified(stores, require_erasable(stores, day, now, reasoned=True))
    return destroy_day(stores, day, reason)


def erase_due(stores: Stores, now: datetime) -> Erased:
    """Finish what was begun, sweep up, then erase every day that is due. A day that is refused
    does not keep the others. Raises StoreError; running again goes on."""
    done = Erased(receipts=finish_begun(stores), swept=sweep(stores))
    days = stores.settings.retention_days
    for found in list_retention(stores, now):
        if found.refused is not None:
            done.refused += [found.refused] if found.is_overdue else []
            continue
        try:
            _require_verified(stores, require_erasable(stores, found.day, now))
        except ErasureRefused as error:
            done.refused.append(error)
        else:
            reason = f"the retention time of {days} days is over"
            done.receipts.append(destroy_day(stores, found.day, reason))
    return done


def describe(receipts: Iterable[Receipt]) -> str:
    """A Markdown table of receipts: all of it is public with the next release."""
    lines = ["| day | revision | segments | data keys | erased at |", "|---|---|---|---|---|"]
    lines += [
        f"| {r.day} | {r.revision} | {len(r.segments)} | {r.data_keys} | {r.erased_at:%F %T} |"
        for r in receipts
    ]
    return "\n".join(lines)


def _load_records(stores: Stores) -> Records:
    records = stores.registry.read_evidence(stores.platform).records
    return {(r.day, r.revision): r for r in records if isinstance(r, ReleaseRecord)}


def _retention_of(stores: Stores, day: date, now: datetime, records: Records) -> DayRetention:
    days, refused, recorded_at, due_at = stores.settings.retention_days, None, None, None
    try:
        _, record = _require_released(stores, day, records)
        recorded_at = datetime.fromtimestamp(record.block_time, UTC)
        due_at = recorded_at + timedelta(days=days) if days else None
        require_erasable(stores, day, now, records=records)
    except ErasureRefused as error:
        refused = error
    in_time = isinstance(refused, (RetentionNotOver, StillAccepting, type(None)))
    long_ago = utc_day(now - ACCEPTED_FOR - timedelta(days=days)) > day
    segments = len(_segment_ids(stores, day))
    overdue = bool(days) and long_ago and not in_time
    return DayRetention(day, segments, recorded_at, due_at, refused, overdue)


def _require_released(stores: Stores, day: date, records: Records) -> tuple[Release, ReleaseRecord]:
    releases = list_releases(stores.catalogue, stores.platform, day)
    for release in releases:
        if release.live and not release.released:
            raise NotReleasedYet(day, f"revision {release.revision} is on its way: run the day")
    released = [release for release in releases if release.released]
    record = records.get((day, released[-1].revision)) if released else None
    if record is None:
        raise NotReleasedYet(day, "it is in no release on chain: run the day")
    return released[-1], record


def _require_verified(stores: Stores, release: Release) -> None:
    try:
        verify_release(stores, release)
    except VerificationFailed as error:
        raise NotVerifiedYet(release.day, f"check {error.number} {error.name}: {error}") from None


def _segment_ids(stores: Stores, day: date) -> set[str]:
    return {s.segment_id for s in list_segments(stores.catalogue, stores.platform, day)}


def _released_ids(release: Release) -> set[str]:
    manifest = parse_manifest(present(release.manifest_json))
    return {segment.segment_id for segment in manifest.segments}
