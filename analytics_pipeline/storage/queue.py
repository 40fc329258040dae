"""The durable queue between the ingestion API (puts) and the sealer (peeks, deletes).

Trust: a reader of the file sees sealed batches (HPKE, unreadable without the operator's private
key) and beside each a time and, under the viewer model `standard`, a country and a pseudonym that
means nothing once its daily salt is destroyed; never an address, a user agent or an API key. A
writer could drop or add batches: adding needs only the public key, so counts are as trustworthy as
this machine.

Durability: `put_many` returns after the group is fsynced (SQLite, WAL, ``synchronous=FULL``).
Idempotency: a (project, batch id) is taken once; the memory of it outlives the batch.
Belongs here: order, durability, idempotency. Does not belong here: threads (`ingest.writer`).
"""

import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Protocol

from analytics_pipeline.core.day import MS_PER_DAY
from analytics_pipeline.core.errors import QueueUnavailable
from analytics_pipeline.core.viewer_model import STANDARD, ViewerModel

#: Later replays carry events older than the sealer's window (8 days), so they cannot count.
REMEMBER_DAYS: Final = 10
DEFAULT_MAX_BYTES: Final = 8 * 2**30
_PAGE_BYTES: Final = 8192
_BUSY_SECONDS: Final = 15.0
_PRUNE_CHUNK: Final = 5_000
_DEPTH_CEILING: Final = 100_000

_SCHEMA = """
CREATE TABLE IF NOT EXISTS batches (
    id             INTEGER PRIMARY KEY AUTOINCREMENT,
    project        TEXT    NOT NULL,
    batch_id       TEXT    NOT NULL,
    key_id         TEXT    NOT NULL,
    viewer         BLOB    CHECK (length(viewer) = 16),
    country        TEXT    NOT NULL CHECK (length(country) = 2),
    received_at_ms INTEGER NOT NULL,
    sealed         BLOB    NOT NULL,
    viewer_model   TEXT    NOT NULL CHECK (viewer_model IN ('standard', 'high')),
    CHECK ((viewer_model = 'high') = (viewer IS NULL)),
    CHECK (viewer_model = 'standard' OR country = 'ZZ')
) STRICT;
CREATE TABLE IF NOT EXISTS seen (
    id             INTEGER PRIMARY KEY,  -- rises with time, so pruning reads only what it deletes
    project        TEXT    NOT NULL,
    batch_id       TEXT    NOT NULL,
    received_at_ms INTEGER NOT NULL,
    UNIQUE (project, batch_id)
) STRICT;
"""
#: A queue made before there were viewer models: its batches are moved, each where it stood.
_MOVE_BATCHES = """
ALTER TABLE batches RENAME TO batches_before;
{schema}
INSERT INTO batches SELECT id, project, batch_id, key_id, viewer, country, received_at_ms, sealed,
    'standard' FROM batches_before;
DROP TABLE batches_before
"""


@dataclass(frozen=True, slots=True)
class QueuedBatch:
    """A sealed batch and what was worked out from its request.

    ``id`` is the place in the queue (0 before it is stored); ``sealed`` is enc ‖ ciphertext of
    `core.batch`; ``viewer`` the daily pseudonym (32 hex digits), under the viewer model `high`
    None; ``country`` ISO 3166-1 alpha-2 or ``ZZ``, under `high` always that; ``received_at_ms``
    Unix time in milliseconds.
    """

    id: int
    project: str
    batch_id: str
    key_id: str
    sealed: bytes = field(repr=False)
    viewer: str | None = field(repr=False)
    country: str
    received_at_ms: int
    viewer_model: ViewerModel = STANDARD


class DurableQueue(Protocol):
    """What the ingestion API and the sealer need of a queue."""

    def put_many(self, batches: Sequence[QueuedBatch]) -> list[bool]:
        """Store a group durably; for each batch True, or False if it is a replay.

        Raises QueueUnavailable with nothing of the group stored.
        """

    def peek(self, limit: int, max_bytes: int = 64 * 2**20) -> list[QueuedBatch]:
        """The oldest batches in order: at most `limit`, and no more sealed bytes than `max_bytes`
        (but at least one batch). They stay until deleted."""

    def delete(self, ids: Sequence[int]) -> None:
        """Forget batches that are stored elsewhere; unknown ids are ignored."""

    def depth(self) -> int:
        """How many batches wait (counted up to 100 000)."""

    def forget_replays(self, now_ms: int) -> int:
        """Drop the memory of batches received more than `REMEMBER_DAYS` ago; returns how many."""


class SqliteQueue:
    """`DurableQueue` on one SQLite file; several processes may open it, each through its own
    instance. Safe for use from several threads."""

    def __init__(self, path: Path, max_bytes: int = DEFAULT_MAX_BYTES) -> None:
        """Open or create the queue.

        Args:
            path: the SQLite file (mode 0600).
            max_bytes: size of the file above which `put_many` refuses.
        Raises:
            QueueUnavailable: the file cannot be opened.
        """
        self._lock = threading.Lock()
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch(mode=0o600)
            self._connection = sqlite3.connect(
                path, timeout=_BUSY_SECONDS, isolation_level=None, check_same_thread=False
            )
            for pragma in (
                f"page_size={_PAGE_BYTES}",
                "journal_mode=WAL",
                "synchronous=FULL",
                "secure_delete=ON",
                f"max_page_count={max(1, max_bytes // _PAGE_BYTES)}",
            ):
                self._connection.execute(f"PRAGMA {pragma}")
            with self._transaction():
                self._run(_SCHEMA)
                columns = self._connection.execute("SELECT name FROM pragma_table_info('batches')")
                if ("viewer_model",) not in columns.fetchall():
                    self._run(_MOVE_BATCHES.format(schema=_SCHEMA.strip()))
        except (sqlite3.Error, OSError) as error:
            raise QueueUnavailable(f"cannot open the queue {path}: {error}") from None

    def _run(self, statements: str) -> None:
        for statement in statements.split(";\n"):
            self._connection.execute(statement)

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with self._lock:
            try:
                self._connection.execute("BEGIN IMMEDIATE")
                try:
                    yield self._connection
                    self._connection.execute("COMMIT")
                except BaseException:
                    if self._connection.in_transaction:
                        self._connection.execute("ROLLBACK")
                    raise
            except sqlite3.Error as error:
                raise QueueUnavailable(f"the queue did not commit: {error}") from None

    def put_many(self, batches: Sequence[QueuedBatch]) -> list[bool]:
        """See `DurableQueue.put_many`."""
        stored: list[bool] = []
        with self._transaction() as connection:
            for batch in batches:
                taken = connection.execute(
                    "INSERT INTO seen (project, batch_id, received_at_ms) VALUES (?, ?, ?)"
                    " ON CONFLICT DO NOTHING",
                    (batch.project, batch.batch_id, batch.received_at_ms),
                )
                stored.append(taken.rowcount == 1)
                if not stored[-1]:
                    continue
                connection.execute(
                    "INSERT INTO batches (project, batch_id, key_id, viewer, country,"
                    " received_at_ms, sealed, viewer_model) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                    (
                        batch.project,
                        batch.batch_id,
                        batch.key_id,
                        None if batch.viewer is None else bytes.fromhex(batch.viewer),
                        batch.country,
                        batch.received_at_ms,
                        batch.sealed,
                        batch.viewer_model,
                    ),
                )
        return stored

    def peek(self, limit: int, max_bytes: int = 64 * 2**20) -> list[QueuedBatch]:
        """See `DurableQueue.peek`."""
        batches: list[QueuedBatch] = []
        size = 0
        with self._lock:
            rows = self._connection.execute(
                "SELECT id, project, batch_id, key_id, sealed,"
                " CASE WHEN viewer IS NOT NULL THEN lower(hex(viewer)) END, country,"
                " received_at_ms, viewer_model FROM batches ORDER BY id LIMIT ?",
                (limit,),
            )
            for row in rows:
                size += len(row[4])
                if batches and size > max_bytes:
                    break
                batches.append(QueuedBatch(*row))
            rows.close()
        return batches

    def delete(self, ids: Sequence[int]) -> None:
        """See `DurableQueue.delete`."""
        with self._transaction() as connection:
            connection.executemany("DELETE FROM batches WHERE id = ?", [(each,) for each in ids])

    def depth(self) -> int:
        """See `DurableQueue.depth`."""
        with self._lock:
            row = self._connection.execute(
                "SELECT count(*) FROM (SELECT 1 FROM batches LIMIT ?)", (_DEPTH_CEILING,)
            ).fetchone()
        return int(row[0])

    def forget_replays(self, now_ms: int) -> int:
        """See `DurableQueue.forget_replays`. Works in short transactions, so that batches keep
        coming in between."""
        horizon = now_ms - REMEMBER_DAYS * MS_PER_DAY
        forgotten = 0
        while True:
            with self._transaction() as connection:
                done = connection.execute(
                    "DELETE FROM seen WHERE id IN (SELECT id FROM"
                    " (SELECT id, received_at_ms FROM seen ORDER BY id LIMIT ?)"
                    " WHERE received_at_ms < ?)",
                    (_PRUNE_CHUNK, horizon),
                ).rowcount
            forgotten += done
            if done < _PRUNE_CHUNK:
                return forgotten

    def close(self) -> None:
        """Close the file (the last to close folds the write-ahead log back in)."""
        with self._lock:
            self._connection.close()
