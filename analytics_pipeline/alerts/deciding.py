"""Which days a rule has to look at, and what it makes of them.

Belongs here: from records and remembered courses to decisions and calls. Does not belong here: the
arithmetic (`core.alerts`), storing (`alerts.rounds`).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Final

from analytics_pipeline.alerts.days import Checked, History, Published
from analytics_pipeline.core.alert_conditions import Drop, FailedVerification, MissingDay, Rebuffer
from analytics_pipeline.core.alert_payload import Kind, Subject, build_call, event_id
from analytics_pipeline.core.alerts import (
    STANDING,
    Decision,
    State,
    decide_drop,
    decide_missing_day,
    decide_rebuffer,
    decide_verification,
    due_at,
    follow,
)
from analytics_pipeline.core.canonical import hash_text
from analytics_pipeline.core.listing import ListedVideo
from analytics_pipeline.core.record import ReleaseRecord
from analytics_pipeline.core.report import Report
from analytics_pipeline.storage.alert_calls import Decided, NewCall
from analytics_pipeline.storage.alerts import AlertRule, Remembered

#: Days before this many calendar days are compared with no more.
REACH_DAYS: Final = 60
#: A day before that cannot be fetched is waited for, for so long after its record.
PATIENCE: Final = timedelta(days=1)

Courses = Mapping[date, Remembered]


@dataclass(frozen=True)
class DueDay:
    """A day to decide. ``inputs`` names the releases that the decision follows from; ``record`` is
    None where nothing is released."""

    day: date
    record: ReleaseRecord | None
    inputs: str
    lasting: bool = False


def due_days(rule: AlertRule, history: History, courses: Courses) -> Iterator[DueDay]:
    """The days to decide now, oldest first. `courses` may grow meanwhile: a day is judged by what
    became of the one before it."""
    if isinstance(rule.condition, MissingDay):
        yield from _due_missing(rule.condition, rule.created_at, history, courses)
        return
    days = sorted(history.releases)
    for position, day in enumerate(days):
        record = history.releases[day]
        known = courses.get(day)
        if known is None and record.block_time < rule.created_at.timestamp():
            continue
        if known is not None and _is_settled(known, record.revision):
            continue
        before = courses.get(days[position - 1]) if position else None
        stands = before is not None and before.course.state in STANDING
        lasting = stands and not isinstance(rule.condition, FailedVerification)
        due = DueDay(day, record, _inputs(rule, history, days, position), lasting)
        if known is None or _is_due(known, due, record.revision):
            yield due


def _is_settled(known: Remembered, revision: int) -> bool:
    state = known.course.state
    no_call = state is State.CLEAR and revision == known.course.revision
    return no_call or state is State.WITHDRAWN


def _is_due(known: Remembered, due: DueDay, revision: int) -> bool:
    """A new revision, other figures to compare with, or a day before that stands no more."""
    ended = known.course.state is State.LASTING and not due.lasting
    return ended or revision > known.course.revision or due.inputs != known.inputs


def _inputs(rule: AlertRule, history: History, days: list[date], position: int) -> str:
    if isinstance(rule.condition, FailedVerification):
        return hash_text(history.evidence.head)
    count = rule.condition.days if isinstance(rule.condition, Drop) else 0
    compared = days[max(0, position - count) : position + 1]
    return " ".join(f"{day}r{history.releases[day].revision}" for day in reversed(compared))


def _due_missing(
    missing: MissingDay, since: datetime, history: History, courses: Courses
) -> Iterator[DueDay]:
    day = since.date() - timedelta(days=1 + missing.hours // 24)
    while due_at(day, missing.hours) <= history.as_of:
        known = courses.get(day)
        record = history.releases.get(day)
        raised = known is not None and known.course.state is State.RAISED
        is_new = known is None and due_at(day, missing.hours) > since
        if (raised and record) or (is_new and day not in history.released):
            yield DueDay(day, record, "released" if record else "missing")
        day += timedelta(days=1)


def decide(rule: AlertRule, due: DueDay, history: History, published: Published) -> Decision | None:
    """Whether the rule's condition holds; None: that cannot be told now."""
    if isinstance(rule.condition, MissingDay):
        released = due.day in history.released
        return decide_missing_day(rule.condition, due.day, released, history.as_of)
    assert due.record is not None  # noqa: S101  # `due_days` saw to it
    checked = published.load_checked(due.record)
    if checked is None:
        return None
    if isinstance(rule.condition, FailedVerification):
        return decide_verification(due.day, due.record.revision, checked.failure)
    if checked.report is None:
        return None  # figures that do not verify are no figures
    if isinstance(rule.condition, Rebuffer):
        return decide_rebuffer(rule.condition, checked.report)
    before = _reports_before(rule.condition, due.day, history, published)
    if before is None:
        return None
    report, *earlier = (_figures_for(rule, each) for each in (checked, *before))
    return decide_drop(rule.condition, report, earlier)


def _figures_for(rule: AlertRule, checked: Checked) -> Report:
    """A verified report as a rule may look at it. A creator's rule about a video looks at the days
    on which it was that creator's; another day is as one that does not have the video."""
    assert checked.report is not None  # noqa: S101  # whoever asks saw to it
    drop, report = rule.condition, checked.report
    if rule.creator_id is None or not isinstance(drop, Drop) or drop.scope != "video":
        return report
    listed = checked.listing.videos if checked.listing else ()
    if ListedVideo(rule.creator_id, drop.key) in listed:
        return report
    others = tuple(row for row in report.rows if (row.scope, row.key) != (drop.scope, drop.key))
    return replace(report, rows=others)


def _reports_before(
    drop: Drop, day: date, history: History, published: Published
) -> list[Checked] | None:
    """Verified reports of the days before, newest first; None: wait for one of them."""
    reports: list[Checked] = []
    first = day - timedelta(days=REACH_DAYS)
    for other in sorted((d for d in history.releases if first <= d < day), reverse=True):
        if len(reports) == drop.days:
            break
        record = history.releases[other]
        checked = published.load_checked(record)
        if checked is not None and checked.report is not None:
            reports.append(checked)
        elif checked is None and history.as_of.timestamp() < record.block_time + (
            PATIENCE.total_seconds()
        ):
            return None
    return reports


def build_decided(
    rule: AlertRule,
    due: DueDay,
    known: Remembered | None,
    decision: Decision,
    history: History,
    now: datetime,
) -> Decided:
    """What is stored of a decision: where the day stands now, and the call that it asks for."""
    course = follow(
        known.course if known else None,
        decision.alert,
        due.record.revision if due.record else 0,
        lasting=due.lasting,
        noisy=isinstance(rule.condition, Drop | Rebuffer),
    )
    kind = None
    if known is None or course.state is not known.course.state:
        kind = {State.RAISED: Kind.RAISED, State.WITHDRAWN: Kind.WITHDRAWN}.get(course.state)
    call = None
    if kind is not None:
        subject = Subject(rule.rule_id, rule.condition, due.day, due.record, history.evidence)
        call = NewCall(
            event_id(rule.rule_id, due.day, kind), kind, build_call(subject, kind, decision, now)
        )
    return Decided(rule.rule_id, due.day, course, due.inputs, decision.says, call)
