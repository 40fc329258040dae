"""Opening the catalogue and running one transaction on it, on SQLite or Postgres.

SQLite: WAL, synchronous=FULL (what is committed survives a power cut), a busy timeout, deleted
bytes overwritten. Write transactions begin IMMEDIATE, so two writers queue up instead of failing
half-way. Postgres: write transactions that name a `serial` resource hold an advisory lock on it.

Belongs here: connections, pragmas, locks, layout creation. Does not belong here: what is written.
"""

import hashlib
import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from sqlalchemy import URL, Connection, Engine, create_engine, event, insert, make_url, select, text
from sqlalchemy.exc import ArgumentError, DBAPIError
from sqlalchemy.exc import IntegrityError as RowConflict
from sqlalchemy.pool import NullPool

from analytics_pipeline.core.errors import InvalidSettings, StoreError
from analytics_pipeline.storage.catalogue.tables import LAYOUT_VERSION, layout, metadata

BUSY_TIMEOUT_SECONDS: Final = 30
_WRITES: Final = "catalogue_writes"


class Catalogue:
    """A handle on the catalogue: a connection pool and two kinds of transaction.

    Cheap to create, safe to share between threads, not to be carried through a fork.
    """

    def __init__(self, engine: Engine) -> None:
        self.engine = engine

    def __repr__(self) -> str:
        return f"Catalogue({self.engine.url.render_as_string(hide_password=True)})"

    @property
    def is_sqlite(self) -> bool:
        """Whether this is the embedded catalogue."""
        return self.engine.dialect.name == "sqlite"

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """One consistent read-only view. Raises StoreError if the catalogue does not answer."""
        with self._named_errors(), self.engine.connect() as plain:
            level = {} if self.is_sqlite else {"isolation_level": "REPEATABLE READ"}
            connection = plain.execution_options(**level)
            with connection.begin():
                yield connection

    @contextmanager
    def write(self, *serial: str) -> Iterator[Connection]:
        """One atomic, durable write transaction.

        Args:
            serial: names of what must not be written by two transactions at once, e.g.
                ``release/demo/2025-01-01``. On SQLite all writes are serial anyway.
        Raises:
            StoreError: the catalogue does not answer, or is locked for too long.
        """
        with self._named_errors(), self.engine.connect() as plain:
            connection = plain.execution_options(**{_WRITES: True})
            with connection.begin():
                if not self.is_sqlite:
                    for number in sorted({_lock_number(name) for name in serial}):
                        connection.execute(text("SELECT pg_advisory_xact_lock(:n)"), {"n": number})
                yield connection

    @contextmanager
    def _named_errors(self) -> Iterator[None]:
        """Failures of disk, server, lock or layout as StoreError, without SQL or parameters; broken
        constraints pass, for the caller to name."""
        try:
            yield
        except RowConflict:
            raise
        except DBAPIError as error:
            reason = str(error.orig).splitlines()[0]
            raise StoreError(f"{self}: {reason}") from None

    @contextmanager
    def sole(self, name: str) -> Iterator[bool]:
        """Postgres: hold a lock across machines for as long as the block runs; yields False if
        somebody else holds it. SQLite serves one machine, where a lock file does this: True."""
        if self.is_sqlite:
            yield True
            return
        with self.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            query = text("SELECT pg_try_advisory_lock(:n)")
            held = bool(connection.execute(query, {"n": _lock_number(name)}).scalar_one())
            try:
                yield held
            finally:
                # closing the session, not just returning it to the pool, gives the lock back
                connection.invalidate()

    def truncate_log(self) -> None:
        """SQLite: move the write-ahead log into the database, where deleted bytes are already
        overwritten, and empty it. A reader in the way only delays this to the next call."""
        if self.is_sqlite:
            with self.engine.connect() as connection:
                raw: Any = connection.connection.dbapi_connection
                raw.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def close(self) -> None:
        """Close all pooled connections."""
        self.engine.dispose()


def open_catalogue(url: str) -> Catalogue:
    """Open the catalogue, creating file and tables if they are missing.

    Args:
        url: ``sqlite:///path/to/catalogue.sqlite`` or ``postgresql+psycopg2://…``; a bare path
            means SQLite.
    Raises:
        InvalidSettings: not a URL of these two kinds.
        StoreError: not reachable, or laid out by another version.
    """
    parsed = _parse_url(url)
    is_sqlite = parsed.get_backend_name() == "sqlite"
    catalogue = Catalogue(_sqlite(parsed) if is_sqlite else _postgres(parsed))
    _create_layout(catalogue)
    return catalogue


def open_catalogue_to_read(url: str) -> Catalogue:
    """Open a catalogue that is there, on connections that cannot write.

    Args:
        url: see `open_catalogue`.
    Raises:
        InvalidSettings: not a URL of these two kinds.
        StoreError: there is none, it is not reachable, or laid out by another version.
    """
    parsed = _parse_url(url)
    if parsed.get_backend_name() == "sqlite":
        path = Path(parsed.database or "")
        if not path.is_file():
            raise StoreError(f"there is no catalogue {path}")
        catalogue = Catalogue(_read_only_sqlite(path))
    else:
        options = {"options": "-c default_transaction_read_only=on"}
        catalogue = Catalogue(create_engine(parsed, pool_pre_ping=True, connect_args=options))
    with catalogue.read() as connection:
        _check_version(connection.execute(select(layout.c.version)).scalar_one_or_none())
    return catalogue


def _parse_url(url: str) -> URL:
    if "://" not in url:
        url = f"sqlite:///{url}"
    try:
        parsed = make_url(url)
    except ArgumentError:
        raise InvalidSettings("catalogue_url", "not a database URL") from None
    if parsed.get_backend_name() not in ("sqlite", "postgresql"):
        raise InvalidSettings("catalogue_url", "must begin with sqlite:/// or postgresql://")
    return parsed


def _sqlite(url: URL) -> Engine:
    if not url.database or url.database == ":memory:":
        raise InvalidSettings("catalogue_url", "an in-memory catalogue would forget what it sealed")
    path = Path(url.database)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    except OSError as error:
        raise StoreError(f"catalogue {path} cannot be opened: {error.strerror}") from None
    engine = create_engine(url, poolclass=NullPool, connect_args={"timeout": BUSY_TIMEOUT_SECONDS})

    @event.listens_for(engine, "connect")
    def configure(raw: Any, _record: object) -> None:
        raw.isolation_level = None  # SQLAlchemy's events below say BEGIN, not the driver
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "secure_delete=ON"):
            raw.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        writes = connection.get_execution_options().get(_WRITES, False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine


def _read_only_sqlite(path: Path) -> Engine:
    uri = f"file:{quote(str(path.absolute()))}?mode=ro"

    def connect() -> sqlite3.Connection:
        return sqlite3.connect(uri, uri=True, timeout=BUSY_TIMEOUT_SECONDS)

    return create_engine("sqlite://", creator=connect, poolclass=NullPool)


def _postgres(url: URL) -> Engine:
    return create_engine(url, pool_pre_ping=True, pool_size=2, max_overflow=4)


def _create_layout(catalogue: Catalogue) -> None:
    """Make missing tables; of another layout's catalogue nothing is touched."""
    with catalogue.write("layout") as connection:
        layout.create(connection, checkfirst=True)
        version = connection.execute(select(layout.c.version)).scalar_one_or_none()
        if version is not None:
            _check_version(version)
        metadata.create_all(connection)
        if version is None:
            connection.execute(insert(layout).values(version=LAYOUT_VERSION))


def _check_version(version: int | None) -> None:
    if version != LAYOUT_VERSION:
        raise StoreError(
            f"catalogue has layout {version}, this version works with {LAYOUT_VERSION}: finish "
            "its releases with the version that made it, and start this one in another "
            "ANALYTICS_HOME (or ANALYTICS_CATALOGUE_URL), with a registry of its own"
        )


def release_lock(platform: str, day: date) -> str:
    """Name of the lock that serialises planning, sealing and erasing of one day."""
    return f"release/{platform}/{day.isoformat()}"


def _lock_number(name: str) -> int:
    """A signed 64-bit advisory lock number for a name."""
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big", signed=True)
