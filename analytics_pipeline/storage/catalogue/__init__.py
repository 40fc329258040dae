"""The catalogue: what was sealed, what was counted, what was released (SQLite or Postgres).

Trust: it holds wrapped data keys and seeds, exact counts and drafts of reports, but no event and
no key that opens one; and of an erased day not even a backup of it with today's keys opens one.
Who can read it learns the exact sizes of days; who can write it can lose data, but not alter a
segment or a published record unnoticed.

    engine.py    connections, transactions          tables.py   columns and constraints
    segments.py  segments, data keys, rounds        counters.py what became of the events
    releases.py  revisions and their state          expiries.py erased days, receipts
    ledger.py    what was spent, under what promise
    seeds.py     what a day's noise follows from    rewrapping.py rotation of wrapping keys
    videos.py    public video list                  days.py     state of one day
"""

from analytics_pipeline.storage.catalogue.counters import Counts, load_counts
from analytics_pipeline.storage.catalogue.days import (
    DayState,
    SealedDay,
    day_state,
    list_days,
    list_release_days,
    load_sealed_days,
)
from analytics_pipeline.storage.catalogue.engine import (
    Catalogue,
    open_catalogue,
    open_catalogue_to_read,
)
from analytics_pipeline.storage.catalogue.expiries import (
    Expiry,
    build_next_erasures,
    complete_expiry,
    erased_days,
    expire_day,
    list_expiries,
    list_receipts,
    mark_expired,
    require_events,
)
from analytics_pipeline.storage.catalogue.ledger import (
    LedgerLine,
    Spend,
    list_ledger,
    list_spends,
    load_ledger,
    spent_nano,
)
from analytics_pipeline.storage.catalogue.releases import (
    Release,
    forget_commit,
    list_releases,
    load_release,
    mark_withheld,
    plan_release,
    store_release,
)
from analytics_pipeline.storage.catalogue.rewrapping import rewrap_data_keys
from analytics_pipeline.storage.catalogue.seeds import ensure_seeds, list_seeds, load_seed
from analytics_pipeline.storage.catalogue.segments import (
    NewSegment,
    Segment,
    already_sealed,
    drop_intent,
    find_segment,
    forget_batches,
    has_cid,
    list_segments,
    open_intents,
    record_intents,
    record_round,
    wrapped_data_key,
)
from analytics_pipeline.storage.catalogue.videos import (
    Video,
    list_videos,
    put_videos,
    remove_videos,
)

__all__ = [
    "Catalogue",
    "Counts",
    "DayState",
    "Expiry",
    "LedgerLine",
    "NewSegment",
    "Release",
    "SealedDay",
    "Segment",
    "Spend",
    "Video",
    "already_sealed",
    "build_next_erasures",
    "complete_expiry",
    "day_state",
    "drop_intent",
    "ensure_seeds",
    "erased_days",
    "expire_day",
    "find_segment",
    "forget_batches",
    "forget_commit",
    "has_cid",
    "list_days",
    "list_expiries",
    "list_ledger",
    "list_receipts",
    "list_release_days",
    "list_releases",
    "list_seeds",
    "list_segments",
    "list_spends",
    "list_videos",
    "load_counts",
    "load_ledger",
    "load_release",
    "load_sealed_days",
    "load_seed",
    "mark_expired",
    "mark_withheld",
    "open_catalogue",
    "open_catalogue_to_read",
    "open_intents",
    "plan_release",
    "put_videos",
    "record_intents",
    "record_round",
    "remove_videos",
    "require_events",
    "rewrap_data_keys",
    "spent_nano",
    "store_release",
    "wrapped_data_key",
]
