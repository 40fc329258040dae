"""What the embedded store promised to keep, and the lock between keeping and collecting.

Pins are recursive: a pinned CID keeps every block under it. They live in their own SQLite file, so
that the block folder stays exactly what Kubo expects.
"""

import fcntl
import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path


class PinTable:
    """A durable set of CIDs, shared by processes. Each call opens its own short connection."""

    def __init__(self, path: Path) -> None:
        self._path = path
        with self._transaction() as database:
            database.execute("PRAGMA journal_mode=WAL")
            database.execute(
                "CREATE TABLE IF NOT EXISTS pins"
                " (cid TEXT PRIMARY KEY, pinned_at_ms INTEGER NOT NULL) WITHOUT ROWID"
            )

    def add(self, cid: str) -> None:
        """Pin; durable when this returns."""
        with self._transaction() as database:
            now_ms = time.time_ns() // 1_000_000
            database.execute("INSERT OR IGNORE INTO pins VALUES (?, ?)", (cid, now_ms))

    def remove(self, cid: str) -> None:
        """Unpin; a CID that was not pinned stays so."""
        with self._transaction() as database:
            database.execute("DELETE FROM pins WHERE cid = ?", (cid,))

    def contains(self, cid: str) -> bool:
        """Whether this very CID is pinned."""
        with self._transaction() as database:
            found = database.execute("SELECT 1 FROM pins WHERE cid = ?", (cid,)).fetchone()
        return found is not None

    def all(self) -> list[str]:
        """Every pinned CID, sorted."""
        with self._transaction() as database:
            return [cid for (cid,) in database.execute("SELECT cid FROM pins ORDER BY cid")]

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with closing(sqlite3.connect(self._path, timeout=30, isolation_level=None)) as database:
            database.execute("PRAGMA synchronous=FULL")
            yield database


class StoreLock:
    """Writers share it, the garbage collector takes it alone; across threads and processes."""

    def __init__(self, path: Path) -> None:
        self._path = path

    @contextmanager
    def shared(self) -> Iterator[None]:
        """Held while blocks are written and not yet pinned."""
        with self._held(fcntl.LOCK_SH):
            yield

    @contextmanager
    def exclusive(self) -> Iterator[None]:
        """Held while unpinned blocks are removed."""
        with self._held(fcntl.LOCK_EX):
            yield

    @contextmanager
    def _held(self, mode: int) -> Iterator[None]:
        descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            fcntl.flock(descriptor, mode)
            yield
        finally:
            os.close(descriptor)  # releases the lock
