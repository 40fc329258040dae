"""The columns of stored events: one definition for segments, raw layer and warehouse.

Belongs here: names, order and types. What the fields mean: `core.event`; what `viewer`, `country`
and `received_at_ms` add to an event: the ingestion API.
"""

from typing import Final

import polars as pl

#: Times are Unix milliseconds, `viewer` is 32 hexadecimal digits, `country` ISO 3166-1 or ZZ.
EVENT_COLUMNS: Final[pl.Schema] = pl.Schema(
    {
        "session_id": pl.String(),
        "video_id": pl.String(),
        "type": pl.String(),
        "at_ms": pl.Int64(),
        "seq": pl.Int32(),
        "position_ms": pl.Int64(),
        "duration_ms": pl.Int64(),
        "startup_ms": pl.Int32(),
        "delivered_bytes": pl.Int64(),
        "provider": pl.String(),
        "error_code": pl.String(),
        "viewer": pl.String(),
        "country": pl.String(),
        "received_at_ms": pl.Int64(),
        "first_of_week": pl.Boolean(),
        "first_of_month": pl.Boolean(),
        "watched_ms": pl.Int64(),
        "stalled_ms": pl.Int64(),
    }
)
_ADDED: Final = ("first_of_week", "first_of_month", "watched_ms", "stalled_ms")
#: What was stored before devices could count for themselves; readers take the rest for null.
FIRST_EVENT_COLUMNS: Final[pl.Schema] = pl.Schema(
    {name: kind for name, kind in EVENT_COLUMNS.items() if name not in _ADDED}
)
NULLABLE_COLUMNS: Final = frozenset(
    ("position_ms", "duration_ms", "startup_ms", "delivered_bytes", "error_code", *_ADDED)
)
#: What makes two events the same one (spec/kpis.md, "From events to views" 1).
EVENT_IDENTITY: Final = ("session_id", "video_id", "type", "at_ms", "seq")


def add_missing_columns(frame: pl.DataFrame) -> pl.DataFrame:
    """Bring events stored under `FIRST_EVENT_COLUMNS` to `EVENT_COLUMNS`; a frame with any other
    columns is returned as it is."""
    if frame.schema != FIRST_EVENT_COLUMNS:
        return frame
    return frame.with_columns(pl.lit(None, EVENT_COLUMNS[name]).alias(name) for name in _ADDED)


def keep_distinct(frame: pl.DataFrame, *within: str) -> pl.DataFrame:
    """Of equal events keep the first received; of those received together, the first in order.

    Args:
        within: further columns events must agree in to be equal, e.g. the platform.
    """
    return frame.sort("received_at_ms", maintain_order=True).unique(
        [*within, *EVENT_IDENTITY], keep="first", maintain_order=True
    )
