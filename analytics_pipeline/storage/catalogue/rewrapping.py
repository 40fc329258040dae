"""Rotation: moving what is wrapped to the wrapping key in force.

Works in small transactions beside running sealers and readers, and may be cut short and repeated.
Belongs here: re-wrapping rows of `data_keys` and `seeds`. This package holds no keys.
"""

from collections.abc import Sequence
from typing import Any, Final, Protocol

from sqlalchemy import Table, and_, select, update

from analytics_pipeline.storage.catalogue.engine import Catalogue
from analytics_pipeline.storage.catalogue.tables import data_keys, seeds

_ROWS_PER_TRANSACTION: Final = 500
#: table, its key, its wrapped columns
_WRAPPED: Final[tuple[tuple[Table, Sequence[str], Sequence[str]], ...]] = (
    (data_keys, ("segment_id",), ("wrapped",)),
    (seeds, ("platform", "day"), ("wrapped_value", "wrapped_salt")),
)


class Rewrapper(Protocol):
    """The part of `storage.keyring.Keyring` that rotation needs."""

    @property
    def active_wrapping_key_id(self) -> str:
        """The wrapping key to move to."""

    def rewrap(self, wrapping_key_id: str, wrapped: bytes) -> tuple[str, bytes]:
        """Unwrap and wrap again."""


def rewrap_data_keys(catalogue: Catalogue, keyring: Rewrapper) -> int:
    """Move every data key and every seed to the active wrapping key. CIDs, headers and commitments
    do not change. A row destroyed or moved meanwhile is left as it is.

    Returns:
        How many were moved.
    Raises:
        KeyUnavailable: a row needs a wrapping key the keyring does not have.
    """
    moved = 0
    for table, key, wrapped in _WRAPPED:
        seen = _ROWS_PER_TRANSACTION
        while seen == _ROWS_PER_TRANSACTION:
            seen, count = _rewrap_some(catalogue, keyring, table, key, wrapped)
            moved += count
    catalogue.truncate_log()
    return moved


def _rewrap_some(
    catalogue: Catalogue,
    keyring: Rewrapper,
    table: Table,
    key: Sequence[str],
    wrapped: Sequence[str],
) -> tuple[int, int]:
    """(how many rows were stale, how many of them were moved)."""
    moved = 0
    stale = table.c.wrapping_key_id != keyring.active_wrapping_key_id
    with catalogue.write(f"rewrap/{table.name}") as connection:
        rows = connection.execute(select(table).where(stale).limit(_ROWS_PER_TRANSACTION)).all()
        for row in rows:
            old = row._mapping
            values: dict[str, Any] = {}
            for name in wrapped:
                values["wrapping_key_id"], values[name] = keyring.rewrap(
                    old["wrapping_key_id"], old[name]
                )
            same = [table.c[name] == old[name] for name in (*key, "wrapping_key_id")]
            moved += connection.execute(update(table).where(and_(*same)).values(**values)).rowcount
    return len(rows), moved
