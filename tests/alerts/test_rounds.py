"""Rounds over released days: exactly one call for what happened, none when looked at again."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import msgspec
import pytest

from analytics_pipeline.alerts.deciding import PATIENCE
from analytics_pipeline.alerts.rounds import run_round
from analytics_pipeline.core import canonical
from analytics_pipeline.core.alert_conditions import (
    Condition,
    Drop,
    FailedVerification,
    MissingDay,
    Rebuffer,
)
from analytics_pipeline.core.alerts import State
from analytics_pipeline.core.webhooks import Target
from analytics_pipeline.storage.alerts import (
    OPERATOR,
    AlertRule,
    AlertStore,
    add_rule,
    list_rules,
    load_courses,
)
from tests.alerts.conftest import TINY_POLICY
from tests.alerts.days import FEW, RULE_MADE_AT, USUAL, WorldDays, day
from tests.support.world import Lies, World

NOW = datetime(2026, 3, 20, tzinfo=UTC)
DROP = Drop("platform", percent=30, days=2)


def rule_of(store: AlertStore, condition: Condition, since: datetime = RULE_MADE_AT) -> AlertRule:
    return add_rule(store, OPERATOR, condition, Target("https://example.org/hook"), since)


def stored(store: AlertStore) -> list[tuple[str, str]]:
    """(day, kind) of all calls, oldest first."""
    rows = store.query("SELECT day, kind FROM calls ORDER BY number")
    return [(row["day"], row["kind"]) for row in rows]


def bodies(store: AlertStore) -> list[dict[str, Any]]:
    rows = store.query("SELECT body FROM calls ORDER BY number")
    return [msgspec.json.decode(row["body"]) for row in rows]


def states(store: AlertStore, rule: AlertRule) -> dict[date, State]:
    return {d: known.course.state for d, known in load_courses(store, rule.rule_id).items()}


def test_a_drop_is_called_for_once_and_withdrawn_once(
    store: AlertStore, published: WorldDays
) -> None:
    """However often the rounds run, and whatever follows."""
    rule = rule_of(store, DROP)
    for number in range(2):
        published.release(number, USUAL)
    assert run_round(store, published, NOW) == 0
    published.release(2, FEW)
    assert run_round(store, published, NOW) == 1
    assert run_round(store, published, NOW) == 0
    assert stored(store) == [("2026-03-03", "raised")]
    published.release(2, USUAL, revision=2)
    assert run_round(store, published, NOW) == 1
    assert run_round(store, published, NOW) == 0
    published.release(2, FEW, revision=3)
    assert run_round(store, published, NOW) == 0
    assert stored(store) == [("2026-03-03", "raised"), ("2026-03-03", "withdrawn")]
    assert states(store, rule)[day(2)] is State.WITHDRAWN


def test_what_a_call_says(store: AlertStore, published: WorldDays) -> None:
    """Rule, day, revision, figures with errors, record, and how to check; nothing besides."""
    rule = rule_of(store, DROP)
    for number, scale in enumerate((USUAL, USUAL, FEW)):
        published.release(number, scale)
    run_round(store, published, NOW)
    [body] = bodies(store)
    release = published.world.records[-1]
    assert body["type"] == "alert.drop.raised"
    assert body["timestamp"] == "2026-03-20T00:00:00Z"
    data = body["data"]
    condition = {"type": "drop", "scope": "platform", "key": "", "metric": "viewers"}
    condition |= {"percent": 30, "days": 2}
    assert data["rule"] == {"id": rule.rule_id, "condition": condition}
    assert (data["platform"], data["day"], data["revision"]) == ("demo", "2026-03-03", 1)
    assert [figure["day"] for figure in data["figures"]] == [
        "2026-03-03",
        "2026-03-02",
        "2026-03-01",
    ]
    assert {figure["error_95"] for figure in data["figures"]} == {27.721}
    assert data["record"]["block_number"] == release.block_number
    assert data["record"]["registry"] == published.world.registry
    assert data["check"]["command"].startswith("analytics-pipeline verify demo 2026-03-03 --rev")
    assert "example.org" not in str(body)
    published.release(2, USUAL, revision=2)
    run_round(store, published, NOW)
    raised, withdrawn = store.query("SELECT event_id, body FROM calls ORDER BY number")
    body = msgspec.json.decode(withdrawn["body"])
    assert body["type"] == "alert.drop.withdrawn"
    assert body["data"]["withdraws"] == raised["event_id"]
    assert body["data"]["revision"] == 2
    assert canonical.parse(withdrawn["body"]) == body


def test_a_drop_that_lasts_is_said_once(store: AlertStore, published: WorldDays) -> None:
    """The second low day is the same fact; when the first is taken back, the second is called."""
    rule = rule_of(store, DROP)
    for number, scale in enumerate((USUAL, USUAL, FEW, FEW)):
        published.release(number, scale)
    run_round(store, published, NOW)
    assert stored(store) == [("2026-03-03", "raised")]
    assert states(store, rule)[day(3)] is State.LASTING
    published.release(2, USUAL, revision=2)
    run_round(store, published, NOW)
    assert stored(store)[1:] == [("2026-03-03", "withdrawn"), ("2026-03-04", "raised")]


def test_a_correction_of_a_day_before_can_withdraw(store: AlertStore, published: WorldDays) -> None:
    """The verdict is about newest figures, of all days that it compares; none is raised by it."""
    rule_of(store, DROP)
    for number, scale in enumerate((USUAL, USUAL, FEW, USUAL)):
        published.release(number, scale)
    run_round(store, published, NOW)
    published.release(0, FEW, revision=2)
    published.release(1, FEW, revision=2)
    run_round(store, published, NOW)
    assert stored(store) == [("2026-03-03", "raised"), ("2026-03-03", "withdrawn")]
    published.release(0, 50, revision=3)
    run_round(store, published, NOW)
    assert len(stored(store)) == 2


def test_only_what_is_released_after_the_rule(store: AlertStore, published: WorldDays) -> None:
    """A new rule does not call about the past, but compares with it."""
    for number, scale in enumerate((USUAL, USUAL, FEW)):
        published.release(number, scale)
    rule = rule_of(store, DROP, published.world.now + timedelta(seconds=1))
    assert run_round(store, published, NOW) == 0
    assert states(store, rule) == {}
    published.release(3, USUAL)
    published.release(4, FEW)
    run_round(store, published, NOW)
    assert stored(store) == [("2026-03-05", "raised")]


def test_two_rules_are_two_calls(store: AlertStore, published: WorldDays) -> None:
    """Each with an id of its own."""
    rule_of(store, DROP)
    rule_of(store, DROP)
    for number, scale in enumerate((USUAL, USUAL, FEW)):
        published.release(number, scale)
    assert run_round(store, published, NOW) == 2
    ids = {row["event_id"] for row in store.query("SELECT event_id FROM calls")}
    assert len(ids) == 2


@pytest.mark.parametrize("changed_on", [1, 2])
def test_a_creator_hears_of_a_video_on_the_days_it_was_theirs(
    store: AlertStore, changed_on: int
) -> None:
    """When it changes hands, neither what it was before nor what it becomes is the other's."""
    published = WorldDays(World(policy=TINY_POLICY, videos=1))
    drop = Drop("video", "clip-0", "watch_seconds", percent=30, days=2)
    target = Target("https://example.org/")
    add_rule(store, "key-1", drop, target, RULE_MADE_AT, creator_id="ana")
    add_rule(store, "key-2", drop, target, RULE_MADE_AT, creator_id="bob")
    operator = rule_of(store, drop)
    for number, scale in enumerate((USUAL, USUAL, FEW)):
        published.world.creator = "ana" if number < changed_on else "bob"
        published.release(number, scale)
    assert run_round(store, published, NOW) == 1
    assert [row["rule_id"] for row in store.query("SELECT rule_id FROM calls")] == [
        operator.rule_id
    ]
    for number in (3, 4, 5):
        published.release(number, FEW if number == 5 else USUAL)
    run_round(store, published, NOW)
    owners = {rule.rule_id: rule.owner for rule in list_rules(store)}
    rows = store.query("SELECT rule_id, day FROM calls ORDER BY number")
    assert {(owners[row["rule_id"]], row["day"]) for row in rows[1:]} == {
        (OPERATOR, "2026-03-06"),
        ("key-2", "2026-03-06"),
    }


def test_without_rules_nothing_is_read(store: AlertStore, published: WorldDays) -> None:
    """No rules, no work."""
    published.release(0, USUAL)
    assert run_round(store, published, NOW) == 0
    assert published.checks == 0


def test_a_day_that_cannot_be_fetched_is_waited_for(
    store: AlertStore, published: WorldDays
) -> None:
    """Silence is no lie: nothing is decided about it, by no rule, until it is there."""
    drop, failed = rule_of(store, DROP), rule_of(store, FailedVerification())
    for number, scale in enumerate((USUAL, USUAL, FEW)):
        published.release(number, scale)
    published.absent = {day(2)}
    assert run_round(store, published, NOW) == 0
    assert day(2) not in states(store, drop)
    assert day(2) not in states(store, failed)
    published.absent = set()
    assert run_round(store, published, NOW) == 1


def test_a_day_before_is_waited_for_a_day(store: AlertStore, published: WorldDays) -> None:
    """Then the days that are there have to do; here they are too few."""
    rule = rule_of(store, DROP)
    for number, scale in enumerate((USUAL, USUAL, FEW)):
        published.release(number, scale)
    published.absent = {day(1)}
    published.as_of = published.world.now
    run_round(store, published, NOW)
    assert day(2) not in states(store, rule)
    published.as_of += PATIENCE
    run_round(store, published, NOW)
    assert states(store, rule)[day(2)] is State.CLEAR


def test_figures_that_do_not_verify_are_no_figures(store: AlertStore, published: WorldDays) -> None:
    """A forged drop is a failed verification, with its check and error, and no drop."""
    drop, failed = rule_of(store, DROP), rule_of(store, FailedVerification())
    published.release(0, USUAL)
    published.release(1, USUAL)
    published.release(2, FEW, lies=Lies(rows=lambda rows: rows[:-1]))
    assert run_round(store, published, NOW) == 1
    assert day(2) not in states(store, drop)
    assert states(store, failed)[day(2)] is State.RAISED
    [body] = bodies(store)
    assert body["type"] == "alert.failed_verification.raised"
    assert body["data"]["compared"]["error"] == "RowMissing"
    assert body["data"]["compared"]["check"] == 5
    assert body["data"]["figures"] == []
    published.release(2, USUAL, revision=2)
    assert run_round(store, published, NOW) == 1
    assert stored(store)[1] == ("2026-03-03", "withdrawn")


def test_a_day_that_does_not_verify_is_not_compared_with(
    store: AlertStore, published: WorldDays
) -> None:
    """The verified days before it take its place."""
    rule = rule_of(store, DROP)
    published.release(0, USUAL)
    published.release(1, USUAL)
    published.release(2, 50, lies=Lies(rows=lambda rows: rows[:-1]))
    published.release(3, USUAL)
    published.release(4, FEW)
    run_round(store, published, NOW)
    assert states(store, rule)[day(3)] is State.CLEAR
    assert stored(store) == [("2026-03-05", "raised")]


def test_missing_days_are_called_for_until_they_are_released(
    store: AlertStore, published: WorldDays
) -> None:
    """Each day by itself, at its time by the chain's clock, and taken back when it comes."""
    rule = rule_of(store, MissingDay(hours=6), datetime(2026, 3, 2, tzinfo=UTC))
    published.as_of = datetime(2026, 3, 2, 5, 59, tzinfo=UTC)
    assert run_round(store, published, NOW) == 0
    published.as_of = datetime(2026, 3, 4, 6, 0, tzinfo=UTC)
    published.release(1, USUAL)
    assert run_round(store, published, NOW) == 2
    assert run_round(store, published, NOW) == 0
    assert stored(store) == [("2026-03-01", "raised"), ("2026-03-03", "raised")]
    published.release(2, USUAL)
    assert run_round(store, published, NOW) == 1
    assert run_round(store, published, NOW) == 0
    assert stored(store)[2:] == [("2026-03-03", "withdrawn")]
    assert states(store, rule) == {day(0): State.RAISED, day(2): State.WITHDRAWN}
    assert [body["data"]["revision"] for body in bodies(store)] == [None, None, 1]


def test_a_day_due_before_the_rule_was_made_is_not_called_for(
    store: AlertStore, published: WorldDays
) -> None:
    """A rule looks ahead, also one of ten days."""
    rule_of(store, MissingDay(hours=240), datetime(2026, 3, 12, tzinfo=UTC))
    published.as_of = datetime(2026, 3, 13, tzinfo=UTC)
    run_round(store, published, NOW)
    assert stored(store) == [("2026-03-02", "raised")]


@pytest.mark.parametrize("percent", [10, 90])
def test_stalling_is_called_for(percent: int, store: AlertStore, published: WorldDays) -> None:
    """The world's viewer-days are spread evenly over all bins: half stalled for 2 % or more."""
    rule_of(store, Rebuffer("ipfs", 20, percent))
    published.release(0, USUAL)
    published.release(1, USUAL)
    assert run_round(store, published, NOW) == (percent < 50)
    if percent < 50:
        [body] = bodies(store)
        assert body["data"]["compared"]["share"] == pytest.approx(0.5, abs=0.01)
        assert len(body["data"]["figures"]) == 8
