"""What comes out of verifying a platform's history: rules, releases, and what to make of both.

Belongs here: the values. Does not belong here: verifying (`core.verify_all`), showing them
(`cli.history_table`).
"""

import datetime
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from analytics_pipeline.core.budget import rho
from analytics_pipeline.core.canonical import hash_text
from analytics_pipeline.core.checks.across_days import PolicySpan, name_days
from analytics_pipeline.core.errors import PipelineError
from analytics_pipeline.core.policy import Policy
from analytics_pipeline.core.record import ChainEvidence, ReleaseRecord
from analytics_pipeline.core.verify_errors import (
    CheckResult,
    CheckState,
    Reservation,
    VerificationFailed,
)

ERASURES_BEHIND: Final = Reservation(
    "ErasuresBehind",
    "the newest release ends at an earlier erasure receipt than was published: its publisher did "
    "not know of the later ones",
)


class ReleaseState(StrEnum):
    """How the verification of one release ended."""

    VERIFIED = "verified"
    FAILED = "failed"
    #: nobody had its bundle
    UNAVAILABLE = "unavailable"
    #: its day was not asked for
    SKIPPED = "skipped"


@dataclass(frozen=True)
class ReleaseResult:
    """One release of one day.

    ``error`` says why it failed or was unavailable, ``number`` which check found it.
    """

    release: ReleaseRecord
    state: ReleaseState
    results: tuple[CheckResult, ...] = ()
    error: PipelineError | None = None
    #: the operator's word for why it was made; empty if its bundle was not read
    reason: str = ""

    @property
    def number(self) -> int | None:
        if isinstance(self.error, VerificationFailed):
            return self.error.number
        return 2 if self.state is ReleaseState.FAILED else None

    @property
    def label(self) -> str:
        return f"{self.release.day} revision {self.release.revision}"

    @property
    def reservations(self) -> list[Reservation]:
        """What its checks hold against it that is no lie."""
        return [each for result in self.results for each in result.reservations]

    @property
    def trusted(self) -> list[CheckResult]:
        """What was left to somebody else."""
        return [result for result in self.results if result.state is CheckState.TRUSTED]


@dataclass(frozen=True)
class History:
    """What came out of it. ``failures`` are those of the rules, with their numbers; those of single
    releases stand in ``releases``."""

    evidence: ChainEvidence
    rules: tuple[CheckResult, ...]
    failures: tuple[tuple[int, VerificationFailed], ...]
    #: in the order of days and revisions
    releases: tuple[ReleaseResult, ...]
    policies: tuple[tuple[PolicySpan, Policy | None], ...]
    #: first and last day of every stretch that rule 2 misses
    gaps: tuple[tuple[datetime.date, datetime.date], ...]
    #: days with commits and no release
    committed: tuple[datetime.date, ...]

    @property
    def verified(self) -> bool | None:
        """None: nothing is refuted, and not all of what was asked for could be looked at."""
        if self.failures or self.of_state(ReleaseState.FAILED):
            return False
        return None if self.of_state(ReleaseState.UNAVAILABLE) else True

    def of_state(self, state: ReleaseState) -> list[ReleaseResult]:
        """The releases that ended so."""
        return [result for result in self.releases if result.state is state]

    @property
    def reservations(self) -> list[Reservation]:
        """Of rules and releases; those of one name together, their ``count`` being releases."""
        found: dict[str, list[tuple[ReleaseResult, Reservation]]] = {}
        for result in self.releases:
            for each in result.reservations:
                found.setdefault(each.name, []).append((result, each))
        judged = sum(bool(result.results) for result in self.releases)
        together = [
            Reservation(name, _tell_together(some, judged), len(some))
            for name, some in found.items()
        ]
        return [*together, *(each for rule in self.rules for each in rule.reservations)]


def _tell_together(some: Sequence[tuple[ReleaseResult, Reservation]], judged: int) -> str:
    (first, reservation), texts = some[0], {each.text for _, each in some}
    if len(texts) > 1:
        return f"{first.label}: {reservation.text}; likewise releases: {len(some) - 1}"
    if len(some) == judged:
        return reservation.text
    where = first.label if len(some) == 1 else f"{len(some)} of {judged} releases"
    return f"{where}: {reservation.text}"


@dataclass
class RuleLine:
    """What a rule has seen, and how it ends."""

    seen: list[str] = field(default_factory=list)
    #: what it could not look at
    left_out: list[str] = field(default_factory=list)
    failures: list[VerificationFailed] = field(default_factory=list)
    #: why it failed, where the failures stand elsewhere
    refuted: str = ""
    reservations: list[Reservation] = field(default_factory=list)

    def append(self, text: str) -> None:
        self.seen.append(text)

    def result(self, number: int, name: str) -> CheckResult:
        if self.failures:
            more = len(self.failures) - 1
            detail = f"{self.failures[0].name}: {self.failures[0]}"
            detail += f" And {more} more of its kind." if more else ""
            return CheckResult(number, name, CheckState.FAILED, detail)
        if self.refuted:
            return CheckResult(number, name, CheckState.FAILED, self.refuted)
        state = CheckState.PARTLY if self.left_out else CheckState.PASSED
        seen = "; ".join([*self.seen, *self.left_out])
        return CheckResult(number, name, state, seen, tuple(self.reservations))


class RuleTable:
    """Collects the results of rules; one that raises has failed, and the next one goes on."""

    def __init__(self, names: tuple[str, ...]) -> None:
        self._names = names
        self.results: list[CheckResult] = []
        self.failures: list[tuple[int, VerificationFailed]] = []

    @contextmanager
    def rule(self, number: int) -> Iterator[RuleLine]:
        line = RuleLine()
        try:
            yield line
        except VerificationFailed as failure:
            line.failures.append(failure)
        self.failures += [(number, failure) for failure in line.failures]
        self.results.append(line.result(number, self._names[number]))


def days_committed(days: Sequence[datetime.date]) -> Reservation:
    """That some days have commits only. It is no lie, and yet not to be overlooked."""
    text = (
        f"{name_days(days)}: committed to and not released; a release is on its way, or was given "
        "up, and its figures may have been drawn, seen and left out"
    )
    return Reservation("DaysCommitted", text, len(days))


def describe_policy(span: PolicySpan, policies: Mapping[bytes, Policy]) -> str:
    """A policy and the days under it, for readers."""
    policy = policies.get(span.policy_hash)
    text = f"{span.first} to {span.last} {hash_text(span.policy_hash)}"
    if policy is None:
        return text
    caps = (policy.rho_nano_per_release, policy.rho_nano_per_day, policy.rho_nano_per_30_days)
    release, day, month = map(rho, caps)
    return f"{text}: rho {release} a release, {day} a day, {month} in 30 days"


def count_releases(line: RuleLine, releases: Sequence[ReleaseResult]) -> None:
    """Rule 9: how many releases have been verified, and which fail."""
    of = {state: [r for r in releases if r.state is state] for state in ReleaseState}
    line.append(f"verified: {len(of[ReleaseState.VERIFIED])} of {len(releases)}")
    if failed := of[ReleaseState.FAILED]:
        names = ", ".join(f"{each.label} ({type(each.error).__name__})" for each in failed)
        line.refuted = f"{len(failed)} of {len(releases)} fail: {names}"
    if unavailable := of[ReleaseState.UNAVAILABLE]:
        line.left_out.append(f"unavailable: {len(unavailable)}")
    if skipped := of[ReleaseState.SKIPPED]:
        line.left_out.append(f"not asked for: {len(skipped)}")
        line.reservations.append(
            Reservation(
                "PartOfHistory",
                f"{len(skipped)} of {len(releases)} releases were not asked for: of those only the "
                "records were checked",
                len(skipped),
            )
        )
