"""The catalogue: what was sealed, what was counted, what was released (SQLite or Postgres).

Trust: it holds wrapped data keys, exact counts and drafts of reports, but no event and no key that
opens one. Who can read it learns the exact sizes of days; who can write it can lose data, but not
alter a segment or a published record unnoticed.

    engine.py    connections, transactions          tables.py   columns and constraints
    segments.py  segments, data keys, rounds        counters.py what became of the events
    releases.py  revisions, spends                  expiries.py destroyed days
    videos.py    public video list                  days.py     state of one day
"""

from analytics_pipeline.storage.catalogue.counters import Counts, load_counts
from analytics_pipeline.storage.catalogue.days import DayState, day_state, list_days
from analytics_pipeline.storage.catalogue.engine import Catalogue, open_catalogue
from analytics_pipeline.storage.catalogue.expiries import (
    Expiry,
    expire_day,
    list_expiries,
    require_events,
)
from analytics_pipeline.storage.catalogue.releases import (
    Release,
    Spend,
    list_releases,
    list_spends,
    load_release,
    mark_withheld,
    plan_release,
    spent_nano,
    store_release,
)
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
    rewrap_data_keys,
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
    "NewSegment",
    "Release",
    "Segment",
    "Spend",
    "Video",
    "already_sealed",
    "day_state",
    "drop_intent",
    "expire_day",
    "find_segment",
    "forget_batches",
    "has_cid",
    "list_days",
    "list_expiries",
    "list_releases",
    "list_segments",
    "list_spends",
    "list_videos",
    "load_counts",
    "load_release",
    "mark_withheld",
    "open_catalogue",
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
