"""Alert rules and what is remembered of each: `ANALYTICS_HOME/alerts.sqlite`.

    rules     who wants to be called where, and about what
    courses   of each rule and day: where it stands, by which release
    calls     the outbox (`storage.alert_calls`)

Trust: addresses of receivers may hold their secrets, so the file is for the operator's account
alone (0600). Who can write it can add and drop rules, and so send signed calls that say what is not
so: it is as trustworthy as this machine. Belongs here: opening, rules, courses. Does not belong
here: deciding (`core.alerts`).
"""

import sqlite3
import threading
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from secrets import token_hex
from typing import Any, Final

import msgspec

from analytics_pipeline.core.alert_conditions import Condition, build_condition, parse_condition
from analytics_pipeline.core.alerts import Course, State
from analytics_pipeline.core.errors import InvalidInput, StoreError, TooManyRules
from analytics_pipeline.core.webhooks import Target

#: Owner of the rules that are made on the command line.
OPERATOR: Final = "operator"
MAX_RULES: Final = 1000
_BUSY_SECONDS: Final = 15.0
_SCHEMA = """
CREATE TABLE IF NOT EXISTS rules (
    rule_id       TEXT PRIMARY KEY,
    owner         TEXT    NOT NULL,
    creator_id    TEXT,
    condition     TEXT    NOT NULL,
    url           TEXT    NOT NULL,
    inward        INTEGER NOT NULL,
    created_at_ms INTEGER NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS courses (
    rule_id       TEXT    NOT NULL REFERENCES rules ON DELETE CASCADE,
    day           TEXT    NOT NULL,
    state         TEXT    NOT NULL,
    revision      INTEGER NOT NULL,
    looks         INTEGER NOT NULL,
    inputs        TEXT    NOT NULL,
    says          TEXT    NOT NULL,
    decided_at_ms INTEGER NOT NULL,
    PRIMARY KEY (rule_id, day)
) STRICT;
CREATE TABLE IF NOT EXISTS calls (
    number        INTEGER PRIMARY KEY AUTOINCREMENT,
    event_id      TEXT    NOT NULL UNIQUE,
    rule_id       TEXT    NOT NULL,
    day           TEXT    NOT NULL,
    kind          TEXT    NOT NULL,
    body          BLOB    NOT NULL,
    created_at_ms INTEGER NOT NULL,
    state         TEXT    NOT NULL DEFAULT 'pending'
        CHECK (state IN ('pending', 'delivered', 'dead', 'cancelled')),
    attempts      INTEGER NOT NULL DEFAULT 0,
    due_at_ms     INTEGER NOT NULL,
    settled_at_ms INTEGER,
    last_error    TEXT,
    UNIQUE (rule_id, day, kind)
) STRICT
"""


@dataclass(frozen=True)
class AlertRule:
    """One rule.

    Args:
        rule_id: ``al_`` and 16 hex digits.
        owner: `OPERATOR`, or the id of the read key it was made with.
        creator_id: the creator that key is for; None: no such limit.
        created_at: aware; releases before it are not looked at.
    """

    rule_id: str
    owner: str
    creator_id: str | None
    condition: Condition
    target: Target
    created_at: datetime


@dataclass(frozen=True)
class Remembered:
    """The course of a day, and by which releases it was decided."""

    course: Course
    inputs: str


class AlertStore:
    """The file; several processes may hold it open. Safe for use from several threads."""

    def __init__(self, path: Path) -> None:
        """Open or create it. Raises StoreError."""
        self._lock = threading.Lock()
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch(mode=0o600)
            self._connection = sqlite3.connect(
                path, timeout=_BUSY_SECONDS, isolation_level=None, check_same_thread=False
            )
            self._connection.row_factory = sqlite3.Row
            for pragma in ("synchronous=EXTRA", "foreign_keys=ON", "secure_delete=ON"):
                self._connection.execute(f"PRAGMA {pragma}")
            with self.transaction() as connection:
                for statement in _SCHEMA.split(";\n"):
                    connection.execute(statement)
        except (sqlite3.Error, OSError) as error:
            raise StoreError(f"cannot open the alert rules {path}: {error}") from None

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Everything in it is stored, durably, or nothing. Raises StoreError."""
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
                raise StoreError(f"the alert rules were not stored: {error}") from None

    def query(self, statement: str, *parameters: Any) -> list[sqlite3.Row]:
        """Rows of a SELECT. Raises StoreError."""
        with self._lock:
            try:
                return self._connection.execute(statement, parameters).fetchall()
            except sqlite3.Error as error:
                raise StoreError(f"the alert rules cannot be read: {error}") from None

    def close(self) -> None:
        with self._lock:
            self._connection.close()


def add_rule(
    store: AlertStore,
    owner: str,
    condition: Condition,
    target: Target,
    now: datetime,
    *,
    creator_id: str | None = None,
    limit: int = MAX_RULES,
) -> AlertRule:
    """Store a rule; it looks at what is released from now on.

    Args:
        limit: how many rules the owner may have.
    Raises:
        TooManyRules: the owner, or everybody together, has as many as there may be.
    """
    rule_id, created_at = f"al_{token_hex(8)}", from_ms(to_ms(now))
    rule = AlertRule(rule_id, owner, creator_id, condition, target, created_at)
    with store.transaction() as connection:
        [[own, every]] = connection.execute(
            "SELECT count(*) FILTER (WHERE owner = ?), count(*) FROM rules", (owner,)
        )
        if own >= limit or every >= MAX_RULES:
            most = limit if own >= limit else MAX_RULES
            raise TooManyRules(f"there are {most} rules already; remove one first")
        connection.execute(
            "INSERT INTO rules VALUES (?, ?, ?, ?, ?, ?, ?)",
            (
                rule.rule_id,
                owner,
                creator_id,
                msgspec.json.encode(build_condition(condition)).decode(),
                target.url,
                target.inward,
                to_ms(now),
            ),
        )
    return rule


def list_rules(store: AlertStore, owner: str | None = None) -> list[AlertRule]:
    """All rules, or an owner's, oldest first."""
    rows = store.query(
        "SELECT * FROM rules WHERE ?1 IS NULL OR owner = ?1 ORDER BY created_at_ms, rowid", owner
    )
    return [_rule(row) for row in rows]


def load_rule(store: AlertStore, rule_id: str) -> AlertRule:
    """One rule. Raises InvalidInput if there is none of that id."""
    rows = store.query("SELECT * FROM rules WHERE rule_id = ?", rule_id)
    if not rows:
        raise unknown_rule(rule_id)
    return _rule(rows[0])


def remove_rule(store: AlertStore, rule_id: str) -> None:
    """Forget a rule and its address; calls that nobody has taken yet are not made any more.

    Raises:
        InvalidInput: there is none of that id.
    """
    with store.transaction() as connection:
        if not connection.execute("DELETE FROM rules WHERE rule_id = ?", (rule_id,)).rowcount:
            raise unknown_rule(rule_id)
        connection.execute(
            "UPDATE calls SET state = 'cancelled' WHERE rule_id = ? AND state = 'pending'",
            (rule_id,),
        )


def remove_rules_of_others(store: AlertStore, owners: Collection[str]) -> list[AlertRule]:
    """Remove the rules of owners that there are no more; returns them. The operator is always."""
    gone = [rule for rule in list_rules(store) if rule.owner not in (OPERATOR, *owners)]
    for rule in gone:
        remove_rule(store, rule.rule_id)
    return gone


def load_courses(store: AlertStore, rule_id: str) -> dict[date, Remembered]:
    """What is remembered of a rule, by day."""
    return {
        date.fromisoformat(row["day"]): Remembered(
            Course(State(row["state"]), row["revision"], row["looks"]), row["inputs"]
        )
        for row in store.query("SELECT * FROM courses WHERE rule_id = ?", rule_id)
    }


def unknown_rule(rule_id: str) -> InvalidInput:
    """The error for an id that no rule has."""
    return InvalidInput("rule", f"no rule {rule_id!r}; `analytics-pipeline alerts list` shows them")


def to_ms(moment: datetime) -> int:
    """Unix time in milliseconds of an aware time."""
    return round(moment.timestamp() * 1000)


def from_ms(at_ms: int) -> datetime:
    """Inverse of `to_ms`."""
    return datetime.fromtimestamp(at_ms / 1000, UTC)


def _rule(row: sqlite3.Row) -> AlertRule:
    return AlertRule(
        row["rule_id"],
        row["owner"],
        row["creator_id"],
        parse_condition(msgspec.json.decode(row["condition"])),
        Target(row["url"], bool(row["inward"])),
        from_ms(row["created_at_ms"]),
    )
