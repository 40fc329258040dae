"""The ledger of privacy budget as arithmetic: what a day may still spend, and when there is more.

    day     all releases of a day together spend at most `per_day`: that is what its viewers saw
    30 days all releases of any 30 consecutive days together spend at most `per_30_days`: that is
            what a viewer saw who came on each of them

Both count **days of viewing**, whenever their releases are made, and a spend is never taken back:
a day's own budget does not renew, and a window that is full stays full. Its successors are not, so
what renews is the budget of later days (`Allowance.renews_on`).

**Reserve.** A day that has spent nothing counts as one first release in the room that corrections
have. So corrections cannot use up what the days between them need: with a `per_30_days` of 30
releases or more, a first release is never refused; with less, no correction is ever made, and a
first release is refused because of other first releases only.

Belongs here: sums and dates. Does not belong here: the table of spends (`storage.catalogue`), what
a release costs (`core.policy`), ε (`core.accounting`).
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from functools import lru_cache
from typing import Final, Protocol, Self

from analytics_pipeline.core import canonical
from analytics_pipeline.core.accounting import NANO
from analytics_pipeline.core.errors import BudgetOverspent
from analytics_pipeline.core.policy import Policy

WINDOW_DAYS: Final = 30
_DAY: Final = timedelta(days=1)


class Spent(Protocol):
    """A line of any ledger: of the catalogue, or a release record on chain."""

    @property
    def day(self) -> date: ...

    @property
    def rho_nano(self) -> int: ...


@dataclass(frozen=True)
class Caps:
    """What a policy lets a release, a day and 30 days spend, in 1e-9 rho."""

    per_release: int
    per_day: int
    per_30_days: int

    @classmethod
    def of(cls, policy: Policy) -> Self:
        return cls(
            policy.rho_nano_per_release, policy.rho_nano_per_day, policy.rho_nano_per_30_days
        )


@dataclass(frozen=True)
class Window:
    """30 consecutive days: what they have spent, what is kept for first releases, their cap."""

    first_day: date
    spent: int
    reserved: int
    cap: int

    @property
    def last_day(self) -> date:
        return self.first_day + (WINDOW_DAYS - 1) * _DAY

    @property
    def left(self) -> int:
        """Room for what the question was about; negative if an altered policy left none."""
        return self.cap - self.spent - self.reserved

    def __str__(self) -> str:
        return f"{self.first_day} to {self.last_day}"


@dataclass(frozen=True)
class Allowance:
    """What one more release of a day may spend."""

    day: date
    is_first: bool
    day_spent: int
    caps: Caps
    #: of those that contain the day, the one with the least room
    window: Window
    #: if it does not fit: the first later day with room for its kind; None: there will be none
    renews_on: date | None = None

    @property
    def day_left(self) -> int:
        return self.caps.per_day - self.day_spent

    @property
    def allowed(self) -> bool:
        """Whether the release fits."""
        return min(self.day_left, self.window.left) >= self.caps.per_release

    def __str__(self) -> str:
        """All of it in words for an operator."""
        kind = "first release" if self.is_first else "correction"
        caps, window = self.caps, self.window
        kept = f", {rho(window.reserved)} kept for first releases" if window.reserved else ""
        text = (
            f"{self.day}: a {kind} spends rho {rho(caps.per_release)}. Day: "
            f"{rho(self.day_spent)} of {rho(caps.per_day)} spent, "
            f"{rho(max(0, self.day_left))} left. "
            f"30 days ({window}): {rho(window.spent)} of {rho(window.cap)} spent{kept}, "
            f"{rho(max(0, window.left))} left for a {kind}"
        )
        if self.allowed:
            return text
        if self.renews_on is None:
            return f"{text}. This policy never has room for a {kind}"
        own = "A day's own budget never renews; the" if self.day_left < caps.per_release else "The"
        return f"{text}. {own} next day with room for a {kind} is {self.renews_on}"


@dataclass(frozen=True)
class Ledger:
    """What each day has spent, in 1e-9 rho.

    Args:
        spent: by day; days that spent nothing may be missing.
        promised: by day, the `per_30_days` of the policy it was released under. A window keeps the
            least of what its days were promised, or they would not verify any more.
    """

    spent: Mapping[date, int]
    promised: Mapping[date, int] = field(default_factory=dict)

    @classmethod
    def of(cls, spends: Iterable[Spent], promised: Mapping[date, int] | None = None) -> Self:
        """The sums by day of a ledger's lines."""
        sums: Counter[date] = Counter()
        for spend in spends:
            sums[spend.day] += spend.rho_nano
        return cls(sums, promised or {})

    def and_spend(self, day: date, rho_nano: int) -> "Ledger":
        """The ledger after one more spend."""
        return Ledger({**self.spent, day: self.spent.get(day, 0) + rho_nano}, self.promised)

    def windows(self, day: date, caps: Caps, *, reserve: bool) -> Iterator[Window]:
        """All windows of 30 days that contain the day, the earliest first.

        Args:
            reserve: whether days that have spent nothing count as one first release.
        """
        reach, number = WINDOW_DAYS - 1, day.toordinal()
        first, last = max(1, number - reach), min(number + reach, date.max.toordinal())
        days = [date.fromordinal(n) for n in range(first, last + 1)]
        spent = [self.spent.get(each, 0) for each in days]
        promised = [self.promised.get(each, caps.per_30_days) for each in days]
        for start in range(len(days) - reach):
            inside = slice(start, start + WINDOW_DAYS)
            yield Window(
                days[start],
                sum(spent[inside]),
                spent[inside].count(0) * caps.per_release if reserve else 0,
                min(caps.per_30_days, *promised[inside]),
            )

    def fullest(self, day: date, caps: Caps, *, reserve: bool) -> Window:
        """The window with the least room; of several, the one that spent most, the earliest."""
        windows = self.windows(day, caps, reserve=reserve)
        return min(windows, key=lambda window: (window.left, -window.spent))

    def allowance(self, day: date, caps: Caps) -> Allowance:
        """What one more release of the day may spend, and which later day has room if not."""
        day_spent = self.spent.get(day, 0)
        is_first = day_spent == 0
        window = self.fullest(day, caps, reserve=not is_first)
        found = Allowance(day, is_first, day_spent, caps, window)
        if found.allowed:
            return found
        return replace(found, renews_on=self._renews_on(day, caps, is_first))

    def _renews_on(self, day: date, caps: Caps, is_first: bool) -> date | None:
        """The first later day that has room: every day after the last spend is like every other, so
        that looking a window past it is enough."""
        last = max([day, *self.spent])
        for number in range(1, (last - day).days + WINDOW_DAYS + 1):
            later = day + number * _DAY
            spent = self.spent.get(later, 0)
            if is_first and spent:
                continue
            # a day that is not released yet has its first release before its correction
            in_day = spent if is_first or spent else caps.per_release
            window = self.fullest(later, caps, reserve=not is_first)
            if min(caps.per_day - in_day, window.left) >= caps.per_release:
                return later
        return None


@lru_cache(maxsize=256)
def promised_caps(policy_json: bytes) -> Caps | None:
    """The caps in a stored `policy.json`; None if its format is one that had no cap of 30 days.
    Read without deriving it again, so that policies of earlier versions count too."""
    raw = canonical.parse(policy_json, "policy")
    names = ("rho_nano_per_release", "rho_nano_per_day", "rho_nano_per_30_days")
    found = [raw.get(name) for name in names] if isinstance(raw, dict) else []
    caps = [value for value in found if isinstance(value, int)]
    return Caps(*caps) if len(caps) == len(names) else None


def require_allowed(ledger: Ledger, day: date, caps: Caps) -> None:
    """Raises BudgetOverspent if one more release of the day would spend more than is left."""
    allowance = ledger.allowance(day, caps)
    if not allowance.allowed:
        raise BudgetOverspent(str(allowance), allowance.renews_on)


def rho(rho_nano: int) -> str:
    """Nano-ρ as a number for readers, exact: ``0.125``."""
    return f"{rho_nano / NANO:.9f}".rstrip("0").rstrip(".")
