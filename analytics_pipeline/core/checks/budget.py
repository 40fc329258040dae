"""What the platform's releases spent of its viewers' privacy, from the records alone.

Belongs here: check 7, and its parts that hold for every day of a platform. Does not belong here:
sums and caps (`core.budget`), ε (`core.accounting`).
"""

from collections.abc import Iterator
from datetime import date, timedelta

from analytics_pipeline.core.accounting import DELTA, published_epsilon
from analytics_pipeline.core.budget import WINDOW_DAYS, Caps, Ledger, Window, rho
from analytics_pipeline.core.canonical import hash_text
from analytics_pipeline.core.checks.history import records_of_day
from analytics_pipeline.core.policy import Policy
from analytics_pipeline.core.record import ChainEvidence, DayRecords, ReleaseRecord
from analytics_pipeline.core.verify_errors import (
    BudgetExceeded,
    PolicyChanged,
    SpendMismatch,
    WindowExceeded,
)


def verify_budget(evidence: ChainEvidence, policy: Policy, release: ReleaseRecord) -> str:
    """The spend is what the queries cost; the day, and every 30 days with it, stay within their
    caps; the day has one policy. All of it from the records alone, of all days of the platform:
    what a release spent is in its record, and the caps are the verified day's.

    Returns:
        spends and ε of the day and of the fullest 30 days, in words.
    Raises:
        SpendMismatch, PolicyChanged, BudgetExceeded, WindowExceeded.
    """
    cost, cap = policy.rho_nano_per_release, policy.rho_nano_per_day
    if release.spend_nano_rho != cost:
        raise SpendMismatch(f"{cost} nano-rho, the queries' sum", f"{release.spend_nano_rho}")
    spent = verify_day_spend(evidence, policy, release.day)
    for other in _days_within(evidence, release.day):
        verify_release_spends(other, policy)
    window = verify_window(evidence, policy, release.day)
    return (
        f"day: rho {rho(spent)} of {rho(cap)}, epsilon {published_epsilon(spent)}; 30 days, "
        f"{window}: rho {rho(window.spent)} of {rho(window.cap)}, epsilon "
        f"{published_epsilon(window.spent)} of who came on each; delta {DELTA:g}"
    )


def verify_day_spend(evidence: ChainEvidence, policy: Policy, day: date) -> int:
    """The day's releases have one policy, this one, and stay within its cap together.

    Commits after the day's last release are left out: none of their figures were published.

    Returns:
        what they spent, in 1e-9 rho.
    Raises:
        PolicyChanged, BudgetExceeded.
    """
    records, cap = records_of_day(evidence, day), policy.rho_nano_per_day
    for record in records.commits:
        if record.policy_hash != policy.policy_hash:
            raise PolicyChanged(
                f"policy {hash_text(policy.policy_hash)} for every revision of {day}",
                f"{hash_text(record.policy_hash)} for revision {record.revision}",
            )
    spent = sum(record.spend_nano_rho for record in records.releases)
    if spent > cap:
        raise BudgetExceeded(
            f"at most {cap} nano-rho a day", f"{spent} in {len(records.releases)} releases"
        )
    return spent


def verify_window(evidence: ChainEvidence, policy: Policy, day: date) -> Window:
    """Every 30 days that contain the day stay within its policy's cap. Returns the fullest.

    Raises:
        WindowExceeded.
    """
    spent = {
        records.releases[0].day: sum(record.spend_nano_rho for record in records.releases)
        for records in _days_within(evidence, day)
    }
    window = Ledger(spent).fullest(day, Caps.of(policy), reserve=False)
    if window.left < 0:
        raise WindowExceeded(
            f"at most {window.cap} nano-rho in 30 days", f"{window.spent} from {window}"
        )
    return window


def verify_release_spends(records: DayRecords, policy: Policy) -> None:
    """Releases of a day that were committed to under this policy cost what its queries cost. (Of
    those under another one, the bundle of their day tells.) Raises SpendMismatch."""
    promised = {(commit.revision, commit.policy_hash) for commit in records.commits}
    for release in records.releases:
        same = (release.revision, policy.policy_hash) in promised
        if same and release.spend_nano_rho != policy.rho_nano_per_release:
            raise SpendMismatch(
                f"{policy.rho_nano_per_release} nano-rho for every release under this policy",
                f"{release.spend_nano_rho} for {release.day} revision {release.revision}",
            )


def _days_within(evidence: ChainEvidence, day: date) -> Iterator[DayRecords]:
    """Released days that share a window with the day, itself included."""
    for distance in range(1 - WINDOW_DAYS, WINDOW_DAYS):
        try:
            records = records_of_day(evidence, day + timedelta(days=distance))
        except OverflowError:
            continue
        if records.releases:
            yield records
