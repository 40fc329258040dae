"""The key-value store under the embedded chain: one SQLite file.

Belongs here: bytes in, bytes out, and transactions. py-evm's tables of tries, headers and
receipts are keys of ``kv``; two tables of our own index receipts and events, because walking
blocks for them would be slow.
"""

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from eth.db.backends.base import BaseAtomicDB

from analytics_pipeline.chain.wal import make_durable

_SCHEMA = """
CREATE TABLE IF NOT EXISTS kv (k BLOB PRIMARY KEY, v BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS receipts (
  transaction_hash BLOB PRIMARY KEY, block_number INTEGER NOT NULL,
  succeeded INTEGER NOT NULL, gas_used INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS logs (
  address BLOB NOT NULL, topic1 BLOB NOT NULL, block_number INTEGER NOT NULL,
  log_index INTEGER NOT NULL, topics BLOB NOT NULL, data BLOB NOT NULL,
  PRIMARY KEY (address, topic1, block_number, log_index)) WITHOUT ROWID;
"""


class SqliteStore(BaseAtomicDB):
    """py-evm's database on SQLite. Use it inside `reading` or `writing` only.

    Each of them is one SQLite transaction: a block is written whole or not at all, even when
    the process is killed, and SQLite's own write lock keeps two processes from writing at once
    (readers go on reading the last block).
    """

    def __init__(self, path: Path, *, busy_seconds: float = 60.0) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._lock = threading.RLock()
        self._db = sqlite3.connect(
            path, timeout=busy_seconds, isolation_level=None, check_same_thread=False
        )
        make_durable(self._db)
        with self.writing():
            for statement in _SCHEMA.split(";"):
                self._db.execute(statement)

    @contextmanager
    def reading(self) -> Iterator[None]:
        """A consistent view of the chain as of now."""
        with self._transaction("BEGIN"):
            yield

    @contextmanager
    def writing(self) -> Iterator[None]:
        """The only writer among all processes, until the block ends."""
        with self._transaction("BEGIN IMMEDIATE"):
            yield

    @contextmanager
    def _transaction(self, begin: str) -> Iterator[None]:
        with self._lock:
            self._db.execute(begin)
            try:
                yield
            except BaseException:
                self._db.execute("ROLLBACK")
                raise
            self._db.execute("COMMIT")

    def query(self, sql: str, arguments: tuple[Any, ...]) -> list[tuple[Any, ...]]:
        """Rows of the index tables."""
        return self._db.execute(sql, arguments).fetchall()

    @contextmanager
    def atomic_batch(self) -> Iterator[Any]:
        """py-evm's unit of writing; already atomic, being inside `writing`."""
        yield self

    def __getitem__(self, key: bytes) -> bytes:
        row = self._db.execute("SELECT v FROM kv WHERE k = ?", (key,)).fetchone()
        if row is None:
            raise KeyError(key)
        return bytes(row[0])

    def __setitem__(self, key: bytes, value: bytes) -> None:
        self._db.execute("INSERT OR REPLACE INTO kv VALUES (?, ?)", (key, value))

    def __delitem__(self, key: bytes) -> None:
        self._db.execute("DELETE FROM kv WHERE k = ?", (key,))

    def _exists(self, key: bytes) -> bool:
        return self._db.execute("SELECT 1 FROM kv WHERE k = ?", (key,)).fetchone() is not None

    def close(self) -> None:
        with self._lock:
            self._db.close()
