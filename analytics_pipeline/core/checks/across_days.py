"""What must hold across all days of a platform, from its records.

Belongs here: rules 0 to 7 of `core.verify_all`. Does not belong here: what holds for one
release (`core.verify`), receipts across bundles (`core.checks.erasures`).
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date, timedelta
from itertools import pairwise
from typing import Final, NamedTuple

from analytics_pipeline.core.accounting import DELTA, published_epsilon
from analytics_pipeline.core.budget import Window, rho
from analytics_pipeline.core.bundle import CHAIN_FILE, history_files
from analytics_pipeline.core.canonical import hash_text
from analytics_pipeline.core.checks.budget import (
    verify_day_spend,
    verify_release_spends,
    verify_window,
)
from analytics_pipeline.core.checks.commitments import verify_beacon_delay, verify_beacons
from analytics_pipeline.core.checks.history import Unreleased, verify_order
from analytics_pipeline.core.errors import InvalidInput
from analytics_pipeline.core.policy import Policy
from analytics_pipeline.core.record import ChainEvidence
from analytics_pipeline.core.verify_errors import (
    DayMissing,
    HistoryBroken,
    PolicyChanged,
    ReleaseBeforeCommit,
    SeedChanged,
    SeedReused,
    UnexpectedFile,
    VerificationFailed,
)

_DAY: Final = timedelta(days=1)
_MAX_NAMED: Final = 8


class Span(NamedTuple):
    """Released days: the first, the last, and how many there are."""

    first: date
    last: date
    days: int


class PolicySpan(NamedTuple):
    """Consecutive released days under one policy."""

    first: date
    last: date
    policy_hash: bytes


def released_days(evidence: ChainEvidence) -> list[date]:
    """Every day with a release, ascending."""
    return sorted(day for day, records in evidence.by_day.items() if records.releases)


def find_gaps(evidence: ChainEvidence) -> list[tuple[date, date]]:
    """First and last day of every stretch without a release between released days."""
    return [
        (before + _DAY, after - _DAY)
        for before, after in pairwise(released_days(evidence))
        if after - before > _DAY
    ]


def committed_days(evidence: ChainEvidence) -> list[date]:
    """Days with commits and no release, ascending."""
    return sorted(day for day, records in evidence.by_day.items() if not records.releases)


def verify_history_files(evidence: ChainEvidence, files: Collection[str]) -> None:
    """Rule 0: an archive has chain.json and the bundles of released revisions, and nothing besides.
    (What is missing of a bundle, check 0 of its release says.)

    Raises:
        UnexpectedFile.
    """
    expected = {CHAIN_FILE}
    for records in evidence.by_day.values():
        for release in records.releases:
            expected.update(history_files(release.day, release.revision))
    for path in sorted(set(files) - expected):
        raise UnexpectedFile(f"{CHAIN_FILE} and bundles of released revisions only", path)


def verify_block_order(evidence: ChainEvidence) -> None:
    """Rule 1, second half: records stand in the order of their blocks, as a chain makes them.

    Raises:
        HistoryBroken.
    """
    for position, (before, after) in enumerate(pairwise(evidence.records), 1):
        if after.block_number < before.block_number or after.block_time < before.block_time:
            raise HistoryBroken(
                f"records[{position}] in block {before.block_number} or later",
                f"block {after.block_number}",
            )


def verify_no_gap(evidence: ChainEvidence) -> Span:
    """Rule 2: from the first released day to the last, every day is released. Raises DayMissing."""
    days, gaps = released_days(evidence), find_gaps(evidence)
    if gaps:
        begun = [d for d in committed_days(evidence) if any(a <= d <= b for a, b in gaps)]
        note = f" (committed to and never released: {name_days(begun)})" if begun else ""
        raise DayMissing(
            f"a release of each day from {days[0]} to {days[-1]}",
            f"none of {name_spans(gaps)}{note}",
        )
    return Span(days[0], days[-1], len(days))


def verify_orders(
    evidence: ChainEvidence, failures: list[VerificationFailed]
) -> dict[date, Unreleased]:
    """Rule 3: check 8's rules, for every released day. Returns the days' unreleased commits.

    Args:
        failures: gets one for every day that breaks them.
    """
    unreleased = {}
    for day in released_days(evidence):
        try:
            unreleased[day] = verify_order(evidence, day)
        except VerificationFailed as failure:
            failures.append(failure)
    return unreleased


def verify_seeds(evidence: ChainEvidence) -> int:
    """Rule 4: every released day has one seed, of its own. Returns how many there are.

    Raises:
        SeedChanged, SeedReused.
    """
    day_of: dict[bytes, date] = {}
    for day in released_days(evidence):
        records = evidence.by_day[day]
        seeds = {commit.seed_commitment for commit in (*records.commits, *records.later_commits)}
        if len(seeds) > 1:
            raise SeedChanged(f"one seed commitment for every revision of {day}", f"{len(seeds)}")
        for seed in seeds:
            if day_of.setdefault(seed, day) != day:
                raise SeedReused(
                    f"seed commitment {hash_text(seed)} for {day_of[seed]} only", f"also {day}"
                )
    return len(day_of)


def verify_all_beacons(evidence: ChainEvidence) -> int:
    """Rule 5: check 12's rules that need the records only. Returns the delay, in blocks.

    Raises:
        ReleaseBeforeCommit, BeaconBeforeCommit, WrongBeaconBlock, BeaconMismatch.
    """
    try:
        pairs = [(commit, release) for commit, release in evidence.pairs if release is not None]
    except InvalidInput as error:
        raise ReleaseBeforeCommit(
            "every release after its commit, in a later block", str(error)
        ) from None
    delays = [verify_beacon_delay(commit, release) for commit, release in pairs]
    verify_beacons(evidence, delays[0])
    return delays[0]


def policy_spans(evidence: ChainEvidence) -> list[PolicySpan]:
    """Which policy the released days were committed under, in the order of days.

    Raises:
        PolicyChanged: commits of one day promise different ones.
    """
    spans: list[PolicySpan] = []
    for day in released_days(evidence):
        promised = {commit.policy_hash for commit in evidence.by_day[day].commits}
        if len(promised) > 1:
            shown = ", ".join(sorted(map(hash_text, promised)))
            raise PolicyChanged(f"one policy for every revision of {day}", shown)
        for policy_hash in promised:
            if spans and spans[-1].policy_hash == policy_hash:
                spans[-1] = spans[-1]._replace(last=day)
            else:
                spans.append(PolicySpan(day, day, policy_hash))
    return spans


def verify_all_budgets(
    evidence: ChainEvidence,
    policies: Mapping[bytes, Policy],
    failures: list[VerificationFailed],
) -> str:
    """Rule 7: check 7's rules for every release, day and 30 days of the whole history.

    Args:
        policies: by hash; days under others are left out.
        failures: gets one for every day that breaks them.
    Returns:
        the fullest day and the fullest 30 days, in words.
    """
    fullest_day: tuple[float, date, int, Policy] | None = None
    fullest: tuple[float, Window] | None = None
    for day in released_days(evidence):
        commits = evidence.by_day[day].commits
        policy = policies.get(commits[0].policy_hash) if commits else None
        if policy is None:
            continue
        try:
            verify_release_spends(evidence.by_day[day], policy)
            spent = verify_day_spend(evidence, policy, day)
            window = verify_window(evidence, policy, day)
        except VerificationFailed as failure:
            failures.append(failure)
            continue
        share = spent / policy.rho_nano_per_day
        if fullest_day is None or share > fullest_day[0]:
            fullest_day = share, day, spent, policy
        share = window.spent / window.cap
        if fullest is None or share > fullest[0]:
            fullest = share, window
    if fullest_day is None or fullest is None:
        return "no caps are known"
    _, day, spent, policy = fullest_day
    window = fullest[1]
    return (
        f"fullest day {day}: rho {rho(spent)} of {rho(policy.rho_nano_per_day)}, epsilon "
        f"{published_epsilon(spent)}; fullest 30 days, {window}: rho {rho(window.spent)} of "
        f"{rho(window.cap)}, epsilon {published_epsilon(window.spent)}; delta {DELTA:g}"
    )


def name_days(days: Iterable[date]) -> str:
    """Ascending days for readers: ``2026-03-01, 2026-03-04 to 2026-03-06``."""
    spans: list[tuple[date, date]] = []
    for day in days:
        if spans and day - spans[-1][1] == _DAY:
            spans[-1] = (spans[-1][0], day)
        else:
            spans.append((day, day))
    return name_spans(spans)


def name_spans(spans: Sequence[tuple[date, date]]) -> str:
    """The same of first and last days; of many, the first ones."""
    parts = [f"{first}" if first == last else f"{first} to {last}" for first, last in spans]
    more = len(parts) - _MAX_NAMED
    return ", ".join(parts[:_MAX_NAMED]) + (f" and {more} more" if more > 0 else "")
