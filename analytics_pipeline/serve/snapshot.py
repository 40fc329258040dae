"""The index of released days: immutable, swapped as a whole when chain or IPFS have news.

Belongs here: finding releases. Does not belong here: reading them (`serve.refresh`), what a caller
may see (`serve.access`).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import cached_property

from analytics_pipeline.core.record import ChainEvidence
from analytics_pipeline.serve.released import Contents, Released

DEFAULT_DAYS = 30


@dataclass(frozen=True)
class Span:
    """UTC days, both inclusive."""

    first: date
    last: date

    def __contains__(self, day: date) -> bool:
        return self.first <= day <= self.last


@dataclass(frozen=True, eq=False)
class Content:
    """All releases of a platform as of one head.

    Args:
        evidence: the records; None before the registry was ever read.
    """

    platform: str
    evidence: ChainEvidence | None = None
    releases: Mapping[tuple[date, int], Released] = field(default_factory=dict)

    @cached_property
    def days(self) -> tuple[date, ...]:
        """Days with a release, ascending."""
        return tuple(sorted({day for day, _ in self.releases}))

    @cached_property
    def revisions(self) -> Mapping[date, tuple[int, ...]]:
        """Released revisions of each day, ascending."""
        found: dict[date, list[int]] = {day: [] for day in self.days}
        for day, revision in sorted(self.releases):
            found[day].append(revision)
        return {day: tuple(revisions) for day, revisions in found.items()}

    def find(self, day: date, revision: int | None = None) -> Released | None:
        """A release of a day, by default the newest; None if there is none."""
        revisions = self.revisions.get(day)
        if revisions is None:
            return None
        return self.releases.get((day, revision or revisions[-1]))

    @cached_property
    def newest(self) -> tuple[Released, ...]:
        """The newest release of each day, ascending by day."""
        return tuple(self.releases[day, self.revisions[day][-1]] for day in self.days)

    @cached_property
    def in_record_order(self) -> tuple[Released, ...]:
        """Releases in the order of their records."""
        if self.evidence is None:
            return ()
        place = {record: number for number, record in enumerate(self.evidence.records)}
        return tuple(sorted(self.releases.values(), key=lambda release: place[release.record]))

    @cached_property
    def latest_contents(self) -> Contents | None:
        """What the newest day says whose newest release verifies."""
        return next((r.contents for r in reversed(self.newest) if r.contents), None)

    def span(self, first: date | None, last: date | None) -> Span | None:
        """The days asked for; by default the last 30 that are released. None: nothing is."""
        if not self.days:
            return None
        until = last or self.days[-1]
        if first is not None:
            return Span(first, until)
        known = [day for day in self.days if day <= until]
        return Span(known[-DEFAULT_DAYS:][0] if known else until, until)

    def within(self, span: Span | None, revision: int | None = None) -> list[Released]:
        """Verified releases of a span, ascending: of each day the newest, or the revision asked
        for. A day whose newest release does not verify is left out: an older one is no answer."""
        if span is None:
            return []
        found: Iterable[Released | None] = self.newest
        if revision is not None:
            found = (self.releases.get((day, revision)) for day in self.days)
        return [r for r in found if r is not None and r.contents is not None and r.day in span]


@dataclass(frozen=True)
class Stale:
    """Why the records are not those of now, and since when. A bundle that cannot be had is no
    reason: its release says so itself."""

    since: datetime
    error: str
    detail: str


@dataclass(frozen=True, eq=False)
class Snapshot:
    """What requests are answered from.

    Args:
        block_number: as of which the chain was read; None before the first time.
        stale: None while the records can be read.
    """

    content: Content
    block_number: int | None = None
    stale: Stale | None = None
