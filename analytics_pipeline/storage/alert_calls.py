"""The outbox of alert calls: decided once, made until somebody takes them.

    pending ─→ delivered   a receiver answered 2xx
            ─→ dead        nobody took it for three days, or the receiver said that it is gone
            ─→ cancelled   its rule was removed

A call is stored in the transaction that stores the decision, under an id that follows from rule,
day and kind: killed anywhere, a worker that starts over stores it once and makes it at least once,
always with the same id and body. A withdrawal waits until the call it withdraws is settled.

Belongs here: those rows. Does not belong here: connections and signatures (`alerts.delivery`).
"""

import sqlite3
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Final

from analytics_pipeline.core.alerts import Course
from analytics_pipeline.core.webhooks import Target
from analytics_pipeline.storage.alerts import AlertStore, from_ms, to_ms


class CallState(StrEnum):
    """What became of a call."""

    PENDING = "pending"
    DELIVERED = "delivered"
    DEAD = "dead"
    CANCELLED = "cancelled"


@dataclass(frozen=True)
class NewCall:
    """A call that a decision asks for; ``body`` is what `core.alert_payload` made."""

    event_id: str
    kind: str
    body: bytes


@dataclass(frozen=True)
class Decided:
    """A decision as it is stored.

    Args:
        inputs: the releases it was made on, in words that change when they do.
        says: the decision in words.
        call: what it asks for; None: nothing.
    """

    rule_id: str
    day: date
    course: Course
    inputs: str
    says: str
    call: NewCall | None = None


@dataclass(frozen=True)
class DueCall:
    """A call to be made now."""

    event_id: str
    rule_id: str
    body: bytes
    target: Target
    created_at: datetime
    attempts: int


@dataclass(frozen=True)
class PastCall:
    """A line of the history."""

    event_id: str
    rule_id: str
    day: date
    kind: str
    state: CallState
    created_at: datetime
    attempts: int
    settled_at: datetime | None
    last_error: str | None


#: Of a rule and day one call at a time: a withdrawal waits for what it withdraws.
_FIRST_PENDING: Final = (
    "state = 'pending' AND NOT EXISTS"
    " (SELECT 1 FROM calls AS before WHERE before.rule_id = calls.rule_id"
    " AND before.day = calls.day AND before.number < calls.number AND before.state = 'pending')"
)


def store_decision(store: AlertStore, decided: Decided, now: datetime) -> bool:
    """Remember a decision together with its call, or neither.

    Returns:
        whether there is a new call. Not if the rule is gone, or this one was stored before.
    """
    course, day = decided.course, decided.day.isoformat()
    with store.transaction() as connection:
        known = connection.execute("SELECT 1 FROM rules WHERE rule_id = ?", (decided.rule_id,))
        if known.fetchone() is None:
            return False
        connection.execute(
            "INSERT OR REPLACE INTO courses VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (
                decided.rule_id,
                day,
                course.state,
                course.revision,
                course.looks,
                decided.inputs,
                decided.says,
                to_ms(now),
            ),
        )
        if decided.call is None:
            return False
        call = decided.call
        added = connection.execute(
            "INSERT INTO calls (event_id, rule_id, day, kind, body, created_at_ms, due_at_ms)"
            " VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
            (call.event_id, decided.rule_id, day, call.kind, call.body, to_ms(now), to_ms(now)),
        )
        return added.rowcount == 1


def due_calls(store: AlertStore, now: datetime, limit: int = 100) -> list[DueCall]:
    """Calls to be made now, oldest first; of a rule and day one at a time."""
    rows = store.query(
        f"SELECT * FROM calls JOIN rules USING (rule_id) WHERE {_FIRST_PENDING}"  # noqa: S608
        " AND due_at_ms <= ? ORDER BY number LIMIT ?",
        to_ms(now),
        limit,
    )
    return [
        DueCall(
            row["event_id"],
            row["rule_id"],
            row["body"],
            Target(row["url"], bool(row["inward"])),
            from_ms(row["created_at_ms"]),
            row["attempts"],
        )
        for row in rows
    ]


def next_due(store: AlertStore) -> datetime | None:
    """When the next pending call is due that need not wait for another; None: none is pending."""
    [row] = store.query(f"SELECT min(due_at_ms) AS due FROM calls WHERE {_FIRST_PENDING}")  # noqa: S608
    return None if row["due"] is None else from_ms(row["due"])


def mark_delivered(store: AlertStore, event_id: str, now: datetime) -> None:
    """A receiver took it."""
    with store.transaction() as connection:
        connection.execute(
            "UPDATE calls SET state = 'delivered', attempts = attempts + 1, settled_at_ms = ?,"
            " last_error = NULL WHERE event_id = ? AND state = 'pending'",
            (to_ms(now), event_id),
        )


def mark_failed(
    store: AlertStore, event_id: str, now: datetime, error: str, again_at: datetime | None
) -> None:
    """Nobody took it. `again_at` None: it is dead."""
    dead = again_at is None
    with store.transaction() as connection:
        connection.execute(
            "UPDATE calls SET state = ?, attempts = attempts + 1, last_error = ?,"
            " due_at_ms = ?, settled_at_ms = ? WHERE event_id = ? AND state = 'pending'",
            (
                CallState.DEAD if dead else CallState.PENDING,
                error,
                to_ms(again_at or now),
                to_ms(now) if dead else None,
                event_id,
            ),
        )


def list_calls(store: AlertStore, rule_id: str | None = None, limit: int = 100) -> list[PastCall]:
    """The newest calls, of all rules or of one, also of one that was removed."""
    rows = store.query(
        "SELECT * FROM calls WHERE ?1 IS NULL OR rule_id = ?1 ORDER BY number DESC LIMIT ?2",
        rule_id,
        limit,
    )
    return [_past(row) for row in rows]


def count_calls(store: AlertStore, rule_id: str | None = None) -> dict[CallState, int]:
    """How many calls are in each state; states without one are left out."""
    rows = store.query(
        "SELECT state, count(*) AS n FROM calls WHERE ?1 IS NULL OR rule_id = ?1 GROUP BY state",
        rule_id,
    )
    return {CallState(row["state"]): row["n"] for row in rows}


def _past(row: sqlite3.Row) -> PastCall:
    settled = row["settled_at_ms"]
    return PastCall(
        row["event_id"],
        row["rule_id"],
        date.fromisoformat(row["day"]),
        row["kind"],
        CallState(row["state"]),
        from_ms(row["created_at_ms"]),
        row["attempts"],
        None if settled is None else from_ms(settled),
        row["last_error"],
    )
