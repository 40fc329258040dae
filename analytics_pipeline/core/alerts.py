"""Whether a released day is a reason to call somebody, and what follows from later releases.

    looked at       released ─→ CLEAR, or RAISED (one call), or LASTING (the day before was raised)
    corrected       RAISED   ─→ WITHDRAWN (one call) once the condition no longer holds

Every figure carries noise of a known size, so a condition on figures is a one-sided test: it holds
only where what was observed is beyond what it must be by `ALARM_SIGMAS` standard deviations of all
noise in the comparison. Where true values are at the very limit, or did not change at all, a look
errs once in 9,300 times; with two looks a day (a release, a correction) a rule raises a false alarm
less than once in ten years (docs/alerts.md has the sum, tests/alerts the proof).

A suppressed figure is known to be below its threshold, and counts as whatever makes an alert less
likely: today's as the largest value it can be, those compared with as nothing.

Pure; the I/O left out is reading and verifying days, the clock, and remembering. Belongs here: the
four decisions and their course. Does not belong here: what a call says (`core.alert_payload`).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from typing import Any, Final

from analytics_pipeline.core.alert_conditions import Drop, MissingDay, Rebuffer
from analytics_pipeline.core.derived import find_rows
from analytics_pipeline.core.histograms import REBUFFER_EDGES_PERMILLE, REBUFFER_METRICS
from analytics_pipeline.core.policy import SUPPRESSION_SIGMAS
from analytics_pipeline.core.quantiles import derive_rebuffer_share
from analytics_pipeline.core.report import Report, ReportRow

#: From so many thousandths of its time on a viewer-day counts as stalled; 0: at all.
STALLED_EDGES_PERMILLE: Final = (0, *REBUFFER_EDGES_PERMILLE)
#: P(noise > 3.7 σ) = 1.08e-4; with `LOOKS_PER_DAY` on 3,653 days: 0.79 false alarms in ten years.
ALARM_SIGMAS: Final = 3.7
#: So often may a day's releases raise an alert: its first one, and its first correction (the
#: default policy's budget has room for no more). Later ones can only withdraw.
LOOKS_PER_DAY: Final = 2


@dataclass(frozen=True)
class DatedFigure:
    """One figure of one release."""

    day: date
    revision: int
    row: ReportRow


@dataclass(frozen=True)
class Decision:
    """Whether the condition holds.

    Args:
        alert: whether it does, surely.
        says: the same in words, for people.
        figures: what was compared, the day's own first.
        numbers: how it was compared; names carry their unit.
    """

    alert: bool
    says: str
    figures: tuple[DatedFigure, ...] = ()
    numbers: dict[str, Any] | None = None


@dataclass(frozen=True)
class Failure:
    """Which check of a verification failed, with which error (`core.verify_errors`)."""

    number: int
    check: str
    error: str
    detail: str


def decide_drop(drop: Drop, report: Report, before: Sequence[Report]) -> Decision:
    """Whether the day's figure is surely more than ``percent`` below the mean of the days before.

    Args:
        before: the verified reports of the released days before it, newest first; those beyond
            ``drop.days`` are not looked at.
    """
    name = (drop.scope, drop.key, drop.metric)
    rows = [each.by_name.get(name) for each in (report, *before[: drop.days])]
    figures = [
        DatedFigure(each.header.day, each.header.revision, row)
        for each, row in zip((report, *before), rows, strict=False)
        if row is not None
    ]
    if len(figures) <= drop.days:
        days = f"{drop.days} released days before {report.header.day}"
        return Decision(False, f"{_subject(drop)}: not in all of the {days}, and of that day")
    today, *earlier = (figure.row for figure in figures)
    kept = 1 - drop.percent / 100
    mean = sum(row.value or 0 for row in earlier) / len(earlier)
    spread = math.hypot(*(row.sigma for row in earlier)) / len(earlier)
    mean_error_95 = math.hypot(*(row.error_95 for row in earlier)) / len(earlier)
    margin = ALARM_SIGMAS * math.hypot(today.sigma, kept * spread)
    alert = kept * mean - at_most(today) > margin
    return Decision(
        alert,
        f"{_subject(drop)}: {_shown(today)} on {report.header.day}, "
        f"{'more' if alert else 'not surely more'} than {drop.percent} % below {mean:,.0f} ± "
        f"{mean_error_95:,.0f}, the mean of the {drop.days} released days before",
        tuple(figures),
        {
            "value_at_most": at_most(today),
            "mean_at_least": round(mean, 3),
            "mean_error_95": round(mean_error_95, 3),
            "limit": round(kept * mean, 3),
            "margin": round(margin, 3),
            "margin_sigmas": ALARM_SIGMAS,
        },
    )


def decide_rebuffer(rebuffer: Rebuffer, report: Report) -> Decision:
    """Whether surely more than ``percent`` of the provider's viewer-days stalled that long.

    Of A viewer-days that did and B that did not, A / (A + B) > L means (1 − L)·A > L·B: a sum of
    figures, whose noise is known exactly, as that of a ratio is not. What is said is the share and
    its 95 % interval, and that has to lie above the limit as well.
    """
    bins = find_rows(report, "provider", rebuffer.provider, REBUFFER_METRICS)
    share = None
    if bins is not None:
        share = derive_rebuffer_share(report, rebuffer.provider, rebuffer.stalled_permille)
    if bins is None or share is None:
        return Decision(False, f"stalling at {rebuffer.provider}: all suppressed, or no such rows")
    limit = rebuffer.percent / 100
    first = STALLED_EDGES_PERMILLE.index(rebuffer.stalled_permille) + 1
    fluent, stalled = bins[:first], bins[first:]
    excess = (1 - limit) * sum(row.value or 0 for row in stalled)
    excess -= limit * sum(map(at_most, fluent))
    noise = [(1 - limit) * row.sigma for row in stalled] + [limit * row.sigma for row in fluent]
    margin = ALARM_SIGMAS * math.hypot(*noise)
    low, high = 1 - share.high, 1 - share.low
    alert = excess > margin and low > limit
    header = report.header
    return Decision(
        alert,
        f"stalling at {rebuffer.provider} on {header.day}: {100 * (1 - share.value):.1f} % of "
        f"viewer-days ({100 * low:.1f} to {100 * high:.1f} %) stalled "
        f"{_stalled_for(rebuffer.stalled_permille)}, {'more' if alert else 'not surely more'} than "
        f"{rebuffer.percent} %",
        tuple(DatedFigure(header.day, header.revision, row) for row in bins),
        {
            "share": round(1 - share.value, 6),
            "share_low_95": round(low, 6),
            "share_high_95": round(high, 6),
            "limit": limit,
            "excess": round(excess, 3),
            "margin": round(margin, 3),
            "margin_sigmas": ALARM_SIGMAS,
        },
    )


def decide_missing_day(
    missing: MissingDay, day: date, released: bool, as_of: datetime
) -> Decision | None:
    """Whether the day has no release although its time is over; None before that.

    Args:
        as_of: aware time up to which the records are known to be complete.
    """
    due = due_at(day, missing.hours)
    if released:
        return Decision(False, f"{day} is released")
    if as_of < due:
        return None
    return Decision(
        True, f"{day} has no release, {missing.hours} hours after its end", (), {"due_at": iso(due)}
    )


def decide_verification(day: date, revision: int, failure: Failure | None) -> Decision:
    """Whether the day's newest release failed to verify."""
    if failure is None:
        return Decision(False, f"{day} revision {revision} verifies")
    return Decision(
        True,
        f"{day} revision {revision} does not verify: {failure.error}, check {failure.number} "
        f"({failure.check})",
        (),
        {
            "check": failure.number,
            "check_name": failure.check,
            "error": failure.error,
            "detail": failure.detail,
        },
    )


def due_at(day: date, hours: int) -> datetime:
    """So many hours after the end of a UTC day."""
    return datetime.combine(day + timedelta(days=1), time(), UTC) + timedelta(hours=hours)


def iso(moment: datetime) -> str:
    """An aware time in UTC, to the second."""
    return moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def at_most(row: ReportRow) -> int:
    """The value, or the largest one that is suppressed: its threshold less 1."""
    if row.value is not None:
        return row.value
    return threshold_of(row) - 1


def threshold_of(row: ReportRow) -> int:
    """Smallest value that is shown, as the row's policy has it."""
    return -(-round(1000 * row.sigma) * SUPPRESSION_SIGMAS // 1000)


class State(StrEnum):
    """Where a rule stands about a day."""

    CLEAR = "clear"
    RAISED = "raised"
    #: The condition holds, and held for the released day before: that day's call has said it.
    LASTING = "lasting"
    WITHDRAWN = "withdrawn"


STANDING: Final = frozenset((State.RAISED, State.LASTING))


@dataclass(frozen=True)
class Course:
    """What is remembered of a rule and a day: the revision last looked at, and how many looks
    could have raised an alert."""

    state: State
    revision: int
    looks: int


def follow(
    past: Course | None, alert: bool, revision: int, *, lasting: bool = False, noisy: bool = True
) -> Course:
    """What becomes of a rule and a day by a decision.

    A day that becomes RAISED is to be called for, and one that becomes WITHDRAWN; each happens once
    at most, for nothing leads back.

    Args:
        revision: of the day's release that was decided on; 0: there is none.
        lasting: the condition stands for the released day before.
        noisy: the decision is a test on noise, so looks are counted.
    """
    if past is not None and past.state is State.WITHDRAWN:
        return past
    if past is not None and past.state is State.RAISED:
        return replace(past, state=State.RAISED if alert else State.WITHDRAWN, revision=revision)
    looks = past.looks if past else 0
    if past is None or past.state is State.CLEAR:
        fresh = past is None or revision > past.revision
        looks += fresh
        if not fresh or (noisy and looks > LOOKS_PER_DAY):
            alert = False
    reached = State.CLEAR
    if alert:
        reached = State.LASTING if lasting else State.RAISED
    return Course(reached, revision, min(looks, LOOKS_PER_DAY))


def _subject(drop: Drop) -> str:
    what = {"viewers": "viewers", "watch_seconds": "watch seconds"}[drop.metric]
    whose = "the platform" if drop.scope == "platform" else f"{drop.scope} {drop.key}"
    return f"{what} of {whose}"


def _shown(row: ReportRow) -> str:
    if row.value is None:
        return f"suppressed (below {threshold_of(row):,})"
    return f"{row.value:,} ± {row.error_95:,.0f}"


def _stalled_for(permille: int) -> str:
    return f"for at least {permille / 10:g} % of their time" if permille else "at all"
