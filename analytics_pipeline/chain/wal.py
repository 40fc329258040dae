"""Opening an SQLite file durably when several processes open it at the same moment.

Belongs here: the two pragmas and their one pitfall. The first switch to WAL needs the file alone
and does not wait for SQLite's busy time-out.
"""

import sqlite3
import time
from typing import Final

_ATTEMPTS: Final = 200
_PAUSE_SECONDS: Final = 0.05


def make_durable(connection: sqlite3.Connection) -> None:
    """Write-ahead log, fsync on commit. Raises sqlite3.OperationalError if it stays locked."""
    for last in [*[False] * _ATTEMPTS, True]:
        try:
            connection.execute("PRAGMA journal_mode=WAL")
            break
        except sqlite3.OperationalError:
            if last:
                raise
            time.sleep(_PAUSE_SECONDS)
    connection.execute("PRAGMA synchronous=FULL")
