"""Destroying a day: everything that says what one viewer did, wherever it lies.

    note it in the catalogue      from here on nobody computes, seals or audits the day
    retention key                 from here on nobody can, whatever copy of the rest they have
    wrapped data keys and seed    rows of the catalogue
    pins of its segments          on IPFS; what others keep of them is noise
    raw events, contributions     files of this machine
    receipt                       in the platform's chain of receipts, for the next release

Killed anywhere, doing it again goes on: every step may be repeated. What was released stays
verifiable, and the exact sums stay with the operator. Belongs here: the order. Does not belong
here: whether a day may be destroyed (`defs.steps.retention`).
"""

from dataclasses import replace
from datetime import UTC, date, datetime

from analytics_pipeline.core.erasure import GENESIS, Receipt
from analytics_pipeline.core.errors import NotReleasedYet
from analytics_pipeline.core.manifest import parse_manifest
from analytics_pipeline.defs.steps.events import forget_intake
from analytics_pipeline.defs.steps.state import present
from analytics_pipeline.defs.stores import Stores
from analytics_pipeline.storage.catalogue import (
    complete_expiry,
    expire_day,
    list_expiries,
    list_releases,
    list_segments,
    mark_expired,
)
from analytics_pipeline.storage.raw_day import expire_raw_day, raw_day_path
from analytics_pipeline.storage.warehouse import destroy_contributions, list_contribution_days


def destroy_day(stores: Stores, day: date, reason: str) -> Receipt:
    """Destroy the day and write its receipt. Safe to repeat, and to go on with after a kill.

    Raises:
        NotReleasedYet: the day has no release, or one is on its way; nothing was destroyed.
        InvalidInput: the reason is empty or too long; likewise.
        StoreError: IPFS did not answer, or the warehouse is open in another process; repeat it.
    """
    draft = _draft_receipt(stores, day, reason)
    expiry = mark_expired(stores.catalogue, stores.platform, day, reason)
    destroy_traces(stores, day, reason)
    return complete_expiry(
        stores.catalogue,
        replace(
            draft,
            reason=expiry.reason,
            data_keys=expiry.data_keys_destroyed,
            segments=_segment_ids(stores, day),
            erased_at=_now(),
        ),
    )


def destroy_traces(stores: Stores, day: date, reason: str) -> None:
    """Everything between the note and the receipt. Raises StoreError."""
    settings, platform = stores.settings, stores.platform
    stores.keyring.retention.destroy(platform, day)
    expire_day(stores.catalogue, platform, day, reason)
    for segment in list_segments(stores.catalogue, platform, day):
        stores.content.unpin(segment.cid)
    expire_raw_day(settings.raw_dir, platform, day)
    forget_intake(stores, day)
    destroy_contributions(settings.warehouse_path, stores.warehouse_key, platform, day)


def finish_begun(stores: Stores) -> list[Receipt]:
    """Go on with the days that an earlier process noted and did not finish."""
    begun = [e for e in list_expiries(stores.catalogue, stores.platform) if not e.completed_at_ms]
    return [destroy_day(stores, expiry.day, expiry.reason) for expiry in begun]


def sweep(stores: Stores) -> list[date]:
    """Destroy again what a run that was under way meanwhile has brought back: a raw file, rows of
    contributions, a retention key that a sealer was about to use. Returns the days."""
    settings, platform = stores.settings, stores.platform
    keyed = set(stores.keyring.retention.days(platform))
    rows = list_contribution_days(settings.warehouse_path, stores.warehouse_key, platform)
    swept = []
    for expiry in list_expiries(stores.catalogue, platform):
        raw = raw_day_path(settings.raw_dir, platform, expiry.day)
        if expiry.completed_at_ms and (expiry.day in keyed | rows or raw.exists()):
            destroy_traces(stores, expiry.day, expiry.reason)
            swept.append(expiry.day)
    return swept


def _draft_receipt(stores: Stores, day: date, reason: str) -> Receipt:
    """What is known before; it also says whether the reason can stand in a receipt."""
    released = [r for r in list_releases(stores.catalogue, stores.platform, day) if r.released]
    if not released:
        raise NotReleasedYet(day, "it has no release")
    return Receipt(
        platform=stores.platform,
        day=day,
        revision=released[-1].revision,
        manifest_root=parse_manifest(present(released[-1].manifest_json)).root,
        segments=_segment_ids(stores, day),
        data_keys=0,
        erased_at=_now(),
        reason=reason,
        previous=GENESIS,
    )


def _segment_ids(stores: Stores, day: date) -> tuple[str, ...]:
    segments = list_segments(stores.catalogue, stores.platform, day)
    return tuple(sorted(segment.segment_id for segment in segments))


def _now() -> datetime:
    return datetime.now(UTC).replace(microsecond=0)
