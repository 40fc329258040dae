"""The ledger of privacy budget: what every revision spent, and under which promise.

A revision is planned and spends in one transaction (`releases.plan_release`); what it spent is
given back only if its noise was never drawn. So there is a spend for every revision that is live or
was drawn, and for no other: `LedgerLine.problem` says where one departs from that. Belongs here:
reading the table. Does not belong here: how much may be spent (`core.budget`), and what the chain
says was spent (`defs.steps.chain_memory`).
"""

import hashlib
from dataclasses import dataclass, field
from datetime import date

from sqlalchemy import Connection, func, select

from analytics_pipeline.core.budget import Ledger, promised_caps, rho
from analytics_pipeline.core.day import parse_day
from analytics_pipeline.storage.catalogue.engine import Catalogue
from analytics_pipeline.storage.catalogue.tables import releases, spends


@dataclass(frozen=True)
class Spend:
    """One line of the ledger."""

    platform: str
    day: date
    revision: int
    rho_nano: int
    spent_at_ms: int


@dataclass(frozen=True)
class LedgerLine:
    """A revision beside its spend. ``rho_nano`` is what its plan says, ``spent_nano`` what the
    ledger says; each is None where there is no such row."""

    day: date
    revision: int
    rho_nano: int | None
    spent_nano: int | None
    #: the later of planned and spent
    at_ms: int
    live: bool = False
    drawn: bool = False
    withheld_reason: str | None = None
    release_head: str | None = None
    bundle_cid: str | None = None
    policy_json: bytes | None = field(default=None, repr=False)

    @property
    def released(self) -> bool:
        """Whether the catalogue has it as recorded on chain."""
        return self.release_head is not None

    @property
    def policy_hash(self) -> bytes | None:
        """Of the policy it was planned under."""
        return None if self.policy_json is None else hashlib.sha256(self.policy_json).digest()

    @property
    def problem(self) -> str | None:
        """Why nobody can have written this line by planning, drawing and releasing; or None."""
        if self.rho_nano is None:
            return "the ledger has a spend, the catalogue no such revision"
        due = self.rho_nano if self.live or self.drawn else None
        if self.spent_nano != due:
            return f"spend {_amount(self.spent_nano)} in the ledger, {_amount(due)} planned"
        promised = None if self.policy_json is None else promised_caps(self.policy_json)
        if promised and promised.per_release != self.rho_nano:
            return (
                f"rho {rho(self.rho_nano)} planned, its policy spends {rho(promised.per_release)}"
            )
        return None


def list_spends(catalogue: Catalogue, platform: str, day: date | None = None) -> list[Spend]:
    """The ledger, by day and revision."""
    query = select(spends).where(spends.c.platform == platform)
    if day is not None:
        query = query.where(spends.c.day == day.isoformat())
    with catalogue.read() as connection:
        rows = connection.execute(query.order_by(spends.c.day, spends.c.revision)).all()
    return [Spend(**{**row._mapping, "day": parse_day(row.day)}) for row in rows]


def list_ledger(catalogue: Catalogue, platform: str) -> list[LedgerLine]:
    """Every revision and every spend, by day and revision."""
    plans = select(
        releases.c.day,
        releases.c.revision,
        releases.c.rho_nano,
        releases.c.planned_at_ms,
        releases.c.withheld_reason,
        releases.c.report_json.is_not(None).label("drawn"),
        releases.c.release_head,
        releases.c.bundle_cid,
        releases.c.policy_json,
    ).where(releases.c.platform == platform)
    with catalogue.read() as connection:
        planned = {(row.day, row.revision): row for row in connection.execute(plans)}
        spent = {
            (row.day, row.revision): row
            for row in connection.execute(select(spends).where(spends.c.platform == platform))
        }
    lines = []
    for day, revision in sorted(planned.keys() | spent.keys()):
        plan, spend = planned.get((day, revision)), spent.get((day, revision))
        amount = spend.rho_nano if spend else None
        at_ms = max(plan.planned_at_ms if plan else 0, spend.spent_at_ms if spend else 0)
        line = LedgerLine(parse_day(day), revision, None, amount, at_ms)
        if plan:
            line = LedgerLine(
                parse_day(day),
                revision,
                plan.rho_nano,
                amount,
                at_ms,
                live=plan.withheld_reason is None,
                drawn=plan.drawn,
                withheld_reason=plan.withheld_reason,
                release_head=plan.release_head,
                bundle_cid=plan.bundle_cid,
                policy_json=plan.policy_json,
            )
        lines.append(line)
    return lines


def spent_nano(catalogue: Catalogue, platform: str, day: date) -> int:
    """What the day has spent, in 1e-9 rho."""
    total = select(func.coalesce(func.sum(spends.c.rho_nano), 0)).where(
        spends.c.platform == platform, spends.c.day == day.isoformat()
    )
    with catalogue.read() as connection:
        return int(connection.execute(total).scalar_one())


def load_ledger(catalogue: Catalogue, platform: str) -> Ledger:
    """What every day has spent, and what its policy promised."""
    with catalogue.read() as connection:
        return read_ledger(connection, platform)


def read_ledger(connection: Connection, platform: str) -> Ledger:
    """`load_ledger` inside a transaction of the caller's."""
    sums = select(spends.c.day, func.sum(spends.c.rho_nano)).where(spends.c.platform == platform)
    spent = {
        parse_day(day): int(total) for day, total in connection.execute(sums.group_by(spends.c.day))
    }
    policies = select(releases.c.day, releases.c.policy_json).where(
        releases.c.platform == platform, releases.c.policy_json.is_not(None)
    )
    promised: dict[date, int] = {}
    for text, policy_json in connection.execute(policies):
        caps = promised_caps(policy_json)
        if caps is not None:
            promised[parse_day(text)] = caps.per_30_days
    return Ledger(spent, promised)


def _amount(rho_nano: int | None) -> str:
    return "nothing" if rho_nano is None else f"rho {rho(rho_nano)}"
