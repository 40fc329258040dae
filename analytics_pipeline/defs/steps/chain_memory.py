"""What the chain remembers and the catalogue must know before anything is planned.

A catalogue that forgot a release (restored from an old copy, or edited) would have the same day's
noise drawn a second time and its budget spent a second time, and the bundle of it pinned for
everybody to see before the registry could refuse the record.
"""

from collections import Counter
from collections.abc import Iterable
from datetime import date

from analytics_pipeline.core.canonical import hash_text
from analytics_pipeline.core.errors import ReleaseConflict
from analytics_pipeline.core.record import ReleaseRecord
from analytics_pipeline.defs.steps.records import build_body
from analytics_pipeline.defs.stores import Stores
from analytics_pipeline.storage.catalogue import Release, list_releases, list_spends


def require_known_releases(stores: Stores, days: Iterable[date]) -> None:
    """Every release of these days on chain is in the catalogue as it was recorded, and paid for in
    its ledger.

    Raises:
        ReleaseConflict: naming the day and revision; nothing was changed.
    """
    platform, wanted = stores.platform, set(days)
    known = {
        (day, row.revision): row
        for day in wanted
        for row in list_releases(stores.catalogue, platform, day)
    }
    spent: Counter[date] = Counter()
    for spend in list_spends(stores.catalogue, platform):
        spent[spend.day] += spend.rho_nano
    for record in stores.registry.read_evidence(platform).records:
        if not isinstance(record, ReleaseRecord) or record.day not in wanted:
            continue
        name = f"{record.day} revision {record.revision}"
        row = known.get((record.day, record.revision))
        if row is None or row.report_json is None or row.bundle_cid is None:
            raise ReleaseConflict(
                f"{name} is on chain, but the catalogue does not know it: restore the catalogue "
                "that published it"
            )
        if not _is_recorded_as(row, record):
            raise ReleaseConflict(f"{name}: the catalogue holds another release than the chain")
        spent[record.day] -= record.spend_nano_rho
        if spent[record.day] < 0:
            raise ReleaseConflict(f"{name}: its spend on chain is not in the catalogue's ledger")


def _is_recorded_as(row: Release, record: ReleaseRecord) -> bool:
    if row.release_head is None:  # sent by a run that ended before it could note it
        return build_body(row) == record.body
    return row.release_head == hash_text(record.head) and row.bundle_cid == record.bundle_cid
