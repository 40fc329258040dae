"""The table of decisions: what was released → whether somebody is called, and where a day then
stands."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import get_args

import pytest

from analytics_pipeline.core.alert_conditions import (
    Condition,
    Drop,
    FailedVerification,
    MissingDay,
    Rebuffer,
    StalledPermille,
    build_condition,
    parse_condition,
)
from analytics_pipeline.core.alerts import (
    STALLED_EDGES_PERMILLE,
    Course,
    Failure,
    State,
    decide_drop,
    decide_missing_day,
    decide_rebuffer,
    decide_verification,
    follow,
)
from analytics_pipeline.core.errors import InvalidInput
from analytics_pipeline.core.histograms import REBUFFER_METRICS
from analytics_pipeline.core.policy import DEFAULT_POLICY
from analytics_pipeline.core.report import Report
from tests.alerts.noise import DAY, report_of

VIEWERS = DEFAULT_POLICY.by_row["platform", "viewers"]
REBUFFER = DEFAULT_POLICY.by_row["provider", "rebuffer_0"]
DROP = Drop("platform", percent=30, days=2)


def viewers(value: int | None) -> Report:
    return report_of(VIEWERS, "", {"viewers": value})


@dataclass(frozen=True)
class Case:
    """Values of the day and of the days before it, newest first."""

    name: str
    today: int | None
    before: list[int | None]
    alert: bool
    says: str = ""
    drop: Drop = field(default=DROP)


CASES = [
    Case("unchanged", 1000, [1000, 1000], False, "not surely more than 30 % below 1,000 ± 20"),
    Case("more than before", 2000, [1000, 1000], False),
    Case(
        "halved", 500, [1000, 1000], True, "viewers of the platform: 500 ± 28 on 2026-11-21, more"
    ),
    Case("halved, and tiny", 25, [50, 50], False),
    Case("a fall within the noise of the limit", 650, [1000, 1000], False),
    Case("just beyond it", 641, [1000, 1000], True),
    Case("suppressed after many", None, [1000, 1000], True, "suppressed (below 43)"),
    Case("suppressed after few", None, [120, 120], False),
    Case("the days before suppressed", 50, [None, None], False),
    Case("one of them suppressed: counts as nothing", 500, [1000, None], False),
    Case("… and still a drop", 200, [1000, None], True),
    Case("nothing before", 500, [], False, "not in all of the 2 released days before"),
    Case("too little before", 500, [1000], False, "not in all of the 2 released days before"),
    Case("days beyond are not looked at", 500, [1000, 1000, 1], True),
    Case("another limit", 641, [1000, 1000], False, drop=Drop("platform", percent=40, days=2)),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_drops(case: Case) -> None:
    """Alert where the value is surely more than so many percent below the mean."""
    decision = decide_drop(case.drop, viewers(case.today), [viewers(v) for v in case.before])
    assert decision.alert is case.alert, decision.says
    assert case.says in decision.says
    if decision.alert:
        assert len(decision.figures) == case.drop.days + 1
        numbers = decision.numbers
        assert numbers is not None
        assert numbers["value_at_most"] < numbers["limit"] - numbers["margin"]


def test_a_figure_that_the_day_does_not_have() -> None:
    """A video that was taken off the list, or came to it yesterday, is no drop."""
    absent = report_of(VIEWERS, "", {})
    assert not decide_drop(DROP, absent, [viewers(1000), viewers(1000), viewers(1000)]).alert
    decision = decide_drop(DROP, viewers(1), [viewers(1000), absent, viewers(1000)])
    assert not decision.alert
    assert "not in all" in decision.says


def stalls(*bins: int | None) -> Report:
    return report_of(REBUFFER, "ipfs", dict(zip(REBUFFER_METRICS, bins, strict=True)))


@pytest.mark.parametrize(
    ("bins", "alert"),
    [
        ((1000, 0, 0, 0, 0, 0, 0, 0), False),
        ((1000, None, None, None, 100, 50, 50, None), False),
        ((1000, None, None, None, 200, 200, 100, None), True),
        ((1000, 1500, 1500, 1000, 200, 200, 100, None), False),
        ((None, None, None, None, 900, None, None, None), True),
        ((None, None, None, None, 50, None, None, None), False),
        ((None,) * 8, False),
    ],
)
def test_stalling(bins: tuple[int | None, ...], alert: bool) -> None:
    """Surely more than a tenth stalled for 2 % of their time or more; hidden fluent ones count."""
    decision = decide_rebuffer(Rebuffer("ipfs", 20, 10), stalls(*bins))
    assert decision.alert is alert, decision.says
    if alert:
        assert decision.numbers is not None
        assert decision.numbers["share_low_95"] > decision.numbers["limit"]
        assert len(decision.figures) == 8


def test_stalling_at_all_and_at_another_provider() -> None:
    """Edge 0 is any stall; a provider that the report lacks raises nothing."""
    report = stalls(500, 500, None, None, None, None, None, None)
    decision = decide_rebuffer(Rebuffer("ipfs", 0, 30), report)
    assert decision.alert
    assert "stalled at all, more than 30 %" in decision.says
    assert not decide_rebuffer(Rebuffer("ipfs", 5, 30), report).alert
    assert not decide_rebuffer(Rebuffer("arweave", 0, 30), report).alert


def test_a_missing_day_is_missing_once_its_time_is_over() -> None:
    """Not a second before; never once it is released."""
    missing = MissingDay(hours=6)
    due = datetime(2026, 11, 22, 6, tzinfo=UTC)
    assert decide_missing_day(missing, DAY, False, due.replace(hour=5, minute=59)) is None
    late = decide_missing_day(missing, DAY, False, due)
    assert late is not None
    assert late.alert
    assert late.says == "2026-11-21 has no release, 6 hours after its end"
    released = decide_missing_day(missing, DAY, True, due)
    assert released is not None
    assert not released.alert


def test_a_failure_names_its_check_and_error() -> None:
    """And a day that verifies is none."""
    failure = Failure(4, "report root", "RootMismatch", "expected 0x1; found 0x2. …")
    decision = decide_verification(DAY, 2, failure)
    assert decision.alert
    assert decision.says == (
        "2026-11-21 revision 2 does not verify: RootMismatch, check 4 (report root)"
    )
    assert decision.numbers == {
        "check": 4,
        "check_name": "report root",
        "error": "RootMismatch",
        "detail": "expected 0x1; found 0x2. …",
    }
    assert not decide_verification(DAY, 2, None).alert


CLEAR, RAISED, LASTING, WITHDRAWN = State


@pytest.mark.parametrize(
    ("past", "alert", "revision", "lasting", "then"),
    [
        (None, False, 1, False, Course(CLEAR, 1, 1)),
        (None, True, 1, False, Course(RAISED, 1, 1)),
        (None, True, 1, True, Course(LASTING, 1, 1)),
        (Course(CLEAR, 1, 1), True, 1, False, Course(CLEAR, 1, 1)),
        (Course(CLEAR, 1, 1), True, 2, False, Course(RAISED, 2, 2)),
        (Course(CLEAR, 2, 2), True, 3, False, Course(CLEAR, 3, 2)),
        (Course(RAISED, 1, 1), True, 2, False, Course(RAISED, 2, 1)),
        (Course(RAISED, 1, 1), False, 1, False, Course(WITHDRAWN, 1, 1)),
        (Course(RAISED, 1, 1), False, 2, True, Course(WITHDRAWN, 2, 1)),
        (Course(LASTING, 1, 1), True, 1, True, Course(LASTING, 1, 1)),
        (Course(LASTING, 1, 1), True, 1, False, Course(RAISED, 1, 1)),
        (Course(LASTING, 1, 1), False, 2, False, Course(CLEAR, 2, 1)),
        (Course(WITHDRAWN, 2, 1), True, 3, False, Course(WITHDRAWN, 2, 1)),
    ],
)
def test_the_course_of_a_day(
    past: Course | None, alert: bool, revision: int, lasting: bool, then: Course
) -> None:
    """Raised once at most, withdrawn once at most; a third release raises nothing."""
    assert follow(past, alert, revision, lasting=lasting) == then


def test_what_is_no_test_on_noise_may_be_raised_by_any_revision() -> None:
    """A fourth release that does not verify is as bad as a first."""
    assert follow(Course(CLEAR, 3, 2), True, 4, noisy=False).state is RAISED


def test_the_edges_of_stalling_are_those_of_the_histogram() -> None:
    """Written out in the type, so that other languages see them."""
    assert get_args(StalledPermille) == STALLED_EDGES_PERMILLE


CONDITIONS: list[Condition] = [
    Drop("creator", "ana", "watch_seconds", 50, 14),
    Drop("platform"),
    Rebuffer("ipfs", 0, 99),
    MissingDay(24),
    FailedVerification(),
]


@pytest.mark.parametrize("condition", CONDITIONS, ids=str)
def test_conditions_survive_their_document(condition: Condition) -> None:
    """Parsing is the inverse of building."""
    assert parse_condition(build_condition(condition)) == condition


@pytest.mark.parametrize(
    ("document", "field"),
    [
        ({}, "type"),
        ({"type": "rise"}, "type"),
        ("drop", "type"),
        ({"type": "drop"}, "scope"),
        ({"type": "drop", "scope": "galaxy"}, "scope"),
        ({"type": "drop", "scope": "creator"}, "key"),
        ({"type": "drop", "scope": "platform", "key": "x"}, "key"),
        ({"type": "drop", "scope": "creator", "key": "a b"}, "key"),
        ({"type": "drop", "scope": "region", "key": "XX"}, "key"),
        ({"type": "drop", "scope": "region", "key": "DE", "metric": "watch_seconds"}, "metric"),
        ({"type": "drop", "scope": "platform", "metric": "peak_viewers"}, "metric"),
        ({"type": "drop", "scope": "platform", "percent": 0}, "percent"),
        ({"type": "drop", "scope": "platform", "percent": 100}, "percent"),
        ({"type": "drop", "scope": "platform", "percent": "30"}, "percent"),
        ({"type": "drop", "scope": "platform", "days": 1}, "days"),
        ({"type": "drop", "scope": "platform", "sigmas": 1}, "sigmas"),
        ({"type": "rebuffer"}, "provider"),
        ({"type": "rebuffer", "provider": "nowhere"}, "provider"),
        ({"type": "rebuffer", "provider": "ipfs", "stalled_permille": 7}, "stalled_permille"),
        ({"type": "missing_day", "hours": 0}, "hours"),
        ({"type": "failed_verification", "check": 1}, "check"),
    ],
)
def test_what_is_no_condition_is_refused_by_field(document: object, field: str) -> None:
    """Nothing is guessed, and nothing is ignored: a rule cannot loosen its own test."""
    with pytest.raises(InvalidInput) as caught:
        parse_condition(document)
    assert caught.value.field == field
