"""What became of the events: running sums by platform, day and reason.

Accounting identity, for every (platform, day):

    received = accepted + duplicate + Σ rejected        late ⊆ accepted

An accepted or duplicate event is counted on its own day (`at_ms`), a rejected one on the day its
batch was received. A batch that cannot be opened or read counts as one rejected event, since
nobody can know how many it held.
"""

from collections import Counter
from collections.abc import Mapping, Set
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from sqlalchemy import Connection, select
from sqlalchemy.dialects import postgresql, sqlite

from analytics_pipeline.core.day import parse_day
from analytics_pipeline.storage.catalogue.engine import Catalogue
from analytics_pipeline.storage.catalogue.tables import counters


@dataclass
class Counts:
    """Numbers of events by fate; ``rejected`` by reason."""

    accepted: int = 0
    duplicate: int = 0
    late: int = 0
    rejected: Counter[str] = field(default_factory=Counter)

    @property
    def received(self) -> int:
        """All of them."""
        return self.accepted + self.duplicate + self.rejected.total()

    def to_json(self) -> dict[str, Any]:
        """Plain values, reasons in order."""
        return {
            "accepted": self.accepted,
            "duplicate": self.duplicate,
            "late": self.late,
            "rejected": dict(sorted(self.rejected.items())),
        }


def add_counters(
    connection: Connection,
    is_sqlite: bool,
    counts: Mapping[tuple[str, date], Counts],
    late: Set[tuple[str, date]],
) -> None:
    """Add one round's counts, inside the round's transaction."""
    insert = sqlite.insert if is_sqlite else postgresql.insert
    for (platform, day), count in sorted(counts.items()):
        amounts = {
            ("received", ""): count.received,
            ("accepted", ""): count.accepted,
            ("duplicate", ""): count.duplicate,
            ("late", ""): count.accepted if (platform, day) in late else 0,
            **{("rejected", reason): number for reason, number in count.rejected.items()},
        }
        for (kind, reason), events in amounts.items():
            if events == 0:
                continue
            statement = insert(counters).values(
                platform=platform, day=day.isoformat(), kind=kind, reason=reason, events=events
            )
            connection.execute(
                statement.on_conflict_do_update(
                    index_elements=["platform", "day", "kind", "reason"],
                    set_={"events": counters.c.events + statement.excluded.events},
                )
            )


def load_counts(catalogue: Catalogue, platform: str, day: date | None = None) -> dict[date, Counts]:
    """The running sums by day."""
    query = select(counters).where(counters.c.platform == platform)
    if day is not None:
        query = query.where(counters.c.day == day.isoformat())
    found: dict[date, Counts] = {}
    with catalogue.read() as connection:
        for row in connection.execute(query.order_by(counters.c.day)):
            count = found.setdefault(parse_day(row.day), Counts())
            if row.kind == "rejected":
                count.rejected[row.reason] = row.events
            elif row.kind in ("accepted", "duplicate", "late"):
                setattr(count, row.kind, row.events)
    return found
