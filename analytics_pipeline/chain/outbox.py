"""Signed transactions, on disk before they are sent.

After a crash the same bytes go out again: a transaction with the same nonce can be included once
only, so nothing is published twice. Belongs here: rows. What to do with them is the publisher's
business. A row holds no secret: a signed transaction is meant to be public.
"""

import sqlite3
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sqlalchemy import (
    BigInteger,
    Column,
    Engine,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    create_engine,
    delete,
    event,
    func,
    insert,
    select,
)
from sqlalchemy.exc import IntegrityError as DuplicateRow
from sqlalchemy.schema import CreateTable

from analytics_pipeline.chain.wal import make_durable

_BUSY_SECONDS: Final = 60.0
_METADATA = MetaData()
_OUTBOX = Table(
    "outbox",
    _METADATA,
    Column("transaction_hash", LargeBinary, primary_key=True),
    Column("chain_id", BigInteger, nullable=False),
    Column("account", String(42), nullable=False),
    Column("nonce", BigInteger, nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("target", String(42), nullable=False),
    Column("data", LargeBinary, nullable=False),
    Column("gas", BigInteger, nullable=False),
    Column("max_fee", BigInteger, nullable=False),
    Column("tip", BigInteger, nullable=False),
    Column("raw", LargeBinary, nullable=False),
    Column("persisted_at_ms", BigInteger, nullable=False),
)


@dataclass(frozen=True)
class Attempt:
    """One signed transaction; several share a nonce when fees were raised.

    ``max_fee`` and ``tip`` are wei per unit of gas; ``persisted_at_ms`` is Unix time.
    """

    transaction_hash: bytes
    chain_id: int
    account: str
    nonce: int
    attempt: int
    target: str
    data: bytes
    gas: int
    max_fee: int
    tip: int
    raw: bytes
    persisted_at_ms: int


def _durable(connection: sqlite3.Connection, _record: object) -> None:
    make_durable(connection)


class Outbox:
    """The durable list of transactions in flight.

    Args:
        location: path of an SQLite file, or an SQLAlchemy URL (``…://…``).
    """

    def __init__(self, location: Path | str) -> None:
        text = str(location)
        if "://" not in text:
            Path(text).parent.mkdir(parents=True, exist_ok=True)
            text = f"sqlite:///{text}"
        patience = {"timeout": _BUSY_SECONDS} if text.startswith("sqlite") else {}
        self._engine: Engine = create_engine(text, connect_args=patience)
        if self._engine.dialect.name == "sqlite":
            event.listen(self._engine, "connect", _durable)
        with self._engine.begin() as connection:
            connection.execute(CreateTable(_OUTBOX, if_not_exists=True))

    def persist(self, attempt: Attempt) -> None:
        """Write a row; on return it survives a crash. Writing the same transaction again is
        harmless."""
        try:
            with self._engine.begin() as connection:
                connection.execute(insert(_OUTBOX).values(**vars(attempt)))
        except DuplicateRow:
            return  # another process signed the very same transaction

    def in_flight(self, chain_id: int, account: str) -> list[Attempt]:
        """All attempts of the account's lowest unsettled nonce, newest first."""
        mine = (_OUTBOX.c.chain_id == chain_id) & (_OUTBOX.c.account == account)
        lowest = select(func.min(_OUTBOX.c.nonce)).where(mine).scalar_subquery()
        query = (
            select(_OUTBOX)
            .where(mine & (_OUTBOX.c.nonce == lowest))
            .order_by(_OUTBOX.c.attempt.desc(), _OUTBOX.c.persisted_at_ms.desc())
        )
        with self._engine.connect() as connection:
            rows = connection.execute(query).mappings().all()
        return [Attempt(**row) for row in rows]

    def forget(self, chain_id: int, account: str, nonce: int) -> None:
        """Drop a nonce: included deep enough, used by another transaction, or taken by no node."""
        with self._engine.begin() as connection:
            connection.execute(
                delete(_OUTBOX).where(
                    (_OUTBOX.c.chain_id == chain_id)
                    & (_OUTBOX.c.account == account)
                    & (_OUTBOX.c.nonce == nonce)
                )
            )

    def close(self) -> None:
        self._engine.dispose()
