"""What ledger, chain and clock must agree about before anything is computed or planned.

A catalogue that forgot a release or a spend (restored from an old copy, or edited) would have the
same day's noise drawn a second time and its budget spent a second time, and the bundle of it pinned
for everybody to see before the registry could refuse the record. So the whole ledger, not only the
days of a run, is held against the release records on chain. Verifiers do the same sum from the
chain alone (`core.checks.history`).
"""

import time
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime
from typing import Final

from analytics_pipeline.core.budget import rho
from analytics_pipeline.core.canonical import hash_text
from analytics_pipeline.core.errors import ClockMovedBack, LedgerTampered
from analytics_pipeline.core.record import CommitRecord, Record, ReleaseRecord
from analytics_pipeline.defs.steps import inputs
from analytics_pipeline.defs.steps.records import build_body
from analytics_pipeline.defs.stores import Stores
from analytics_pipeline.storage.catalogue import LedgerLine, list_ledger, load_release

#: Clocks that are kept right differ by less.
CLOCK_TOLERANCE_MS: Final = 300_000


def require_sound_ledger(stores: Stores, days: Iterable[date]) -> None:
    """Ledger, chain and clock agree, and the policy in force is the one the days were begun under.

    Raises:
        LedgerTampered: naming the day and revision; nothing was changed. Likewise
        ClockMovedBack, PolicyConflict.
    """
    lines = list_ledger(stores.catalogue, stores.platform)
    records = stores.registry.read_evidence(stores.platform).records
    require_clock(time.time_ns() // 1_000_000, lines, records)
    for line in lines:
        if line.problem:
            raise LedgerTampered(f"{_name(line)}: {line.problem}")
    _require_recorded(stores, lines, records)
    for day in days:
        inputs.require_policy(stores, day, inputs.POLICY)


def require_clock(now_ms: int, lines: Sequence[LedgerLine], records: Sequence[Record]) -> None:
    """This machine's clock is not behind what was planned or recorded already.

    Raises:
        ClockMovedBack: with both times.
    """
    seen = {
        "revision planned": max((line.at_ms for line in lines), default=0),
        "block with a record": max((1000 * record.block_time for record in records), default=0),
    }
    what, newest_ms = max(seen.items(), key=lambda item: item[1])
    if now_ms + CLOCK_TOLERANCE_MS < newest_ms:
        raise ClockMovedBack(
            f"this machine's clock says {_time(now_ms)}, and the newest {what} is of "
            f"{_time(newest_ms)}: set the clock right, then run again"
        )


def _require_recorded(
    stores: Stores, lines: Sequence[LedgerLine], records: Sequence[Record]
) -> None:
    known = {(line.day, line.revision): line for line in lines}
    recorded = set()
    for record in records:
        name = f"{record.day} revision {record.revision}"
        line = known.get((record.day, record.revision))
        if isinstance(record, CommitRecord):
            if line and line.policy_hash not in (None, record.policy_hash):
                raise LedgerTampered(
                    f"{name}: the catalogue has policy {hash_text(line.policy_hash or b'')}, "
                    f"committed to on chain is {hash_text(record.policy_hash)}"
                )
            continue
        if line is None or not line.drawn or line.bundle_cid is None:
            raise LedgerTampered(
                f"{name} is on chain, but the catalogue does not know it: restore the catalogue "
                "that published it"
            )
        if not _is_recorded_as(stores, line, record):
            raise LedgerTampered(f"{name}: the catalogue holds another release than the chain")
        if line.spent_nano != record.spend_nano_rho:
            raise LedgerTampered(
                f"{name}: its spend on chain is rho {rho(record.spend_nano_rho)}, in the "
                f"catalogue's ledger {rho(line.spent_nano or 0)}"
            )
        recorded.add((record.day, record.revision))
    for line in lines:
        if line.released and (line.day, line.revision) not in recorded:
            raise LedgerTampered(
                f"{_name(line)} is released according to the catalogue, and the chain has no such "
                "record: is this the chain it was published on? (A node that lags behind says so "
                "too: then run again)"
            )


def _is_recorded_as(stores: Stores, line: LedgerLine, record: ReleaseRecord) -> bool:
    if line.release_head is None:  # sent by a run that ended before it could note it
        release = load_release(stores.catalogue, stores.platform, line.day, line.revision)
        return release is not None and build_body(stores, release) == record.body
    return line.release_head == hash_text(record.head) and line.bundle_cid == record.bundle_cid


def _name(line: LedgerLine) -> str:
    return f"{line.day} revision {line.revision}"


def _time(at_ms: int) -> str:
    return f"{datetime.fromtimestamp(at_ms / 1000, UTC):%Y-%m-%d %H:%M:%S} UTC"
