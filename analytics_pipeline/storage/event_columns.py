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
    }
)
NULLABLE_COLUMNS: Final = frozenset(
    ("position_ms", "duration_ms", "startup_ms", "delivered_bytes", "error_code")
)
#: What makes two events the same one (spec/kpis.md, "From events to views" 1).
EVENT_IDENTITY: Final = ("session_id", "video_id", "type", "at_ms", "seq")


def keep_distinct(frame: pl.DataFrame, *within: str) -> pl.DataFrame:
    """Of equal events keep the first received; of those received together, the first in order.

    Args:
        within: further columns events must agree in to be equal, e.g. the platform.
    """
    return frame.sort("received_at_ms", maintain_order=True).unique(
        [*within, *EVENT_IDENTITY], keep="first", maintain_order=True
    )
