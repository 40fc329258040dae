"""Calls reach a real receiver: signed, at least once, under one id, until a 2xx or three days."""

import asyncio
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analytics_pipeline.alerts.calling import Answer
from analytics_pipeline.alerts.delivery import Delivery, deliver_due
from analytics_pipeline.core.errors import InvalidInput, StoreError, TooManyRules
from analytics_pipeline.core.webhooks import (
    GIVE_UP_AFTER,
    LONGEST_PAUSE,
    Target,
    next_attempt,
)
from analytics_pipeline.storage.alert_calls import (
    CallState,
    NewCall,
    count_calls,
    list_calls,
    next_due,
    store_decision,
)
from analytics_pipeline.storage.alerts import (
    AlertStore,
    add_rule,
    list_rules,
    load_courses,
    load_rule,
    remove_rule,
)
from analytics_pipeline.storage.webhook_keys import load_webhook_keys
from tests.alerts.calls import CONDITION, decided, rule_to
from tests.alerts.conftest import Clock
from tests.alerts.days import RULE_MADE_AT, day
from tests.alerts.receiver import Receiver


def deliver(store: AlertStore, delivery: Delivery) -> int:
    return asyncio.run(deliver_due(store, delivery))


def test_a_call_is_signed_and_made_once(
    store: AlertStore, delivery: Delivery, receiver: Receiver, clock: Clock, tmp_path: Path
) -> None:
    """The receiver checks it by the specification and the public key; nobody is called again."""
    rule = rule_to(store, receiver.url)
    assert store_decision(store, decided(rule), clock())
    assert deliver(store, delivery) == 1
    [call] = receiver.calls
    key = load_webhook_keys(tmp_path / "keys", clock()).active.public_key
    assert call.is_signed_by(key)
    assert call.path == "/hook"
    assert call.headers["content-type"] == "application/json"
    assert call.headers["webhook-timestamp"] == str(int(clock().timestamp()))
    assert call.body == b'{"day":0}'
    for altered in (
        {**call.headers, "webhook-id": "msg_other"},
        {**call.headers, "webhook-timestamp": str(int(clock().timestamp()) + 1)},
    ):
        assert not type(call)(call.path, altered, call.body).is_signed_by(key)
    assert not type(call)(call.path, call.headers, b'{"day":1}').is_signed_by(key)
    clock.advance(days=30)
    assert deliver(store, delivery) == 0
    assert count_calls(store) == {CallState.DELIVERED: 1}


def test_it_is_made_again_until_somebody_takes_it(
    store: AlertStore, delivery: Delivery, receiver: Receiver, clock: Clock
) -> None:
    """Same id, same body, a time of its own, ever longer pauses."""
    statuses = [500, 404, 302, 204]
    receiver.answer = lambda n: (statuses[n - 1], {"location": receiver.url})
    store_decision(store, decided(rule_to(store, receiver.url)), clock())
    pauses = []
    while (due := next_due(store)) is not None:
        pauses.append((due - clock()).total_seconds())
        clock.time = due
        assert deliver(store, delivery) == 1
    assert pauses == [0, 10, 20, 40]
    assert len(receiver.calls) == 4, "no redirect was followed"
    assert len({(call.event_id, call.body) for call in receiver.calls}) == 1
    assert len({call.headers["webhook-timestamp"] for call in receiver.calls}) == 4
    [past] = list_calls(store)
    assert (past.state, past.attempts, past.last_error) == (CallState.DELIVERED, 4, None)


def test_nobody_is_called_for_ever(
    store: AlertStore, delivery: Delivery, receiver: Receiver, clock: Clock
) -> None:
    """After three days it is dead, counted, and says why."""
    receiver.answer = lambda _: (503, {"retry-after": "999999"})
    began = clock()
    store_decision(store, decided(rule_to(store, receiver.url)), began)
    while (due := next_due(store)) is not None:
        clock.time = due
        deliver(store, delivery)
    assert clock() - began < GIVE_UP_AFTER
    assert clock() - began > GIVE_UP_AFTER - 2 * LONGEST_PAUSE
    [past] = list_calls(store)
    assert (past.state, past.last_error) == (CallState.DEAD, "refused (status 503)")
    assert past.attempts == len(receiver.calls) == 12
    assert count_calls(store) == {CallState.DEAD: 1}


def test_who_is_gone_is_left_alone(
    store: AlertStore, delivery: Delivery, receiver: Receiver, clock: Clock
) -> None:
    """410 means: not again."""
    receiver.answer = lambda _: (410, {})
    store_decision(store, decided(rule_to(store, receiver.url)), clock())
    deliver(store, delivery)
    assert next_due(store) is None
    assert count_calls(store) == {CallState.DEAD: 1}


def test_a_receiver_may_ask_for_time(
    store: AlertStore, delivery: Delivery, receiver: Receiver, clock: Clock
) -> None:
    """Retry-After is heeded, up to the longest pause."""
    receiver.answer = lambda _: (429, {"Retry-After": "600"})
    store_decision(store, decided(rule_to(store, receiver.url)), clock())
    deliver(store, delivery)
    due = next_due(store)
    assert due is not None
    assert due - clock() == timedelta(seconds=600)


def test_a_withdrawal_waits_for_what_it_withdraws(
    store: AlertStore, delivery: Delivery, receiver: Receiver, clock: Clock
) -> None:
    """Receivers hear of both in their order, or of the second once the first is dead."""
    rule = rule_to(store, receiver.url)
    refused = [f"msg_{rule.rule_id}0raised"]

    def answer(_: int) -> tuple[int, dict[str, str]]:
        if receiver.calls[-1].event_id in refused:
            refused.clear()
            return 500, {}
        return 204, {}

    receiver.answer = answer
    store_decision(store, decided(rule), clock())
    store_decision(store, decided(rule, kind="withdrawn"), clock())
    store_decision(store, decided(rule, 1), clock())
    assert deliver(store, delivery) == 2
    assert deliver(store, delivery) == 0
    assert next_due(store) == clock() + timedelta(seconds=10)  # nothing is due while it waits
    clock.advance(seconds=10)
    assert deliver(store, delivery) == 1
    assert deliver(store, delivery) == 1
    called = [call.event_id.removeprefix(f"msg_{rule.rule_id}") for call in receiver.calls]
    assert sorted(called[:2]) == ["0raised", "1raised"]
    assert called[2:] == ["0raised", "0withdrawn"]


def test_a_decision_is_stored_with_its_call_or_not_at_all(
    store: AlertStore, receiver: Receiver, clock: Clock
) -> None:
    """Twice the same is once; of a rule that is gone, never."""
    rule = rule_to(store, receiver.url)
    assert store_decision(store, decided(rule), clock())
    assert not store_decision(store, decided(rule), clock())
    broken = replace(decided(rule, 1), call=NewCall("msg_1", "raised", None))  # type: ignore[arg-type]
    with pytest.raises(StoreError, match="not stored"):
        store_decision(store, broken, clock())
    assert load_courses(store, rule.rule_id).keys() == {day(0)}
    remove_rule(store, rule.rule_id)
    assert not store_decision(store, decided(rule, 2), clock())
    assert load_courses(store, rule.rule_id) == {}


def test_a_removed_rule_calls_nobody(
    store: AlertStore, delivery: Delivery, receiver: Receiver, clock: Clock, tmp_path: Path
) -> None:
    """What was pending is cancelled, its address is gone from the file, the history stays."""
    rule = rule_to(store, f"{receiver.url}/secret-path")
    store_decision(store, decided(rule), clock())
    remove_rule(store, rule.rule_id)
    assert deliver(store, delivery) == 0
    assert [past.state for past in list_calls(store, rule.rule_id)] == [CallState.CANCELLED]
    assert b"secret-path" not in (tmp_path / "alerts.sqlite").read_bytes()
    for lookup in (load_rule, remove_rule):
        with pytest.raises(InvalidInput, match="alerts list"):
            lookup(store, rule.rule_id)


def test_a_slow_receiver_holds_up_nobody(
    store: AlertStore, delivery: Delivery, clock: Clock
) -> None:
    """Calls are made side by side: the second answers before the first does."""
    rules = [rule_to(store, f"http://127.0.0.1/{name}") for name in ("slow", "fast")]
    for rule in rules:
        store_decision(store, decided(rule), clock())
    answered = []
    gate = asyncio.Event()

    async def call(target: Target, _headers: object, _body: bytes) -> Answer:
        if target.url.endswith("slow"):
            await gate.wait()
        answered.append(target.url[-4:])
        gate.set()
        return Answer(204)

    asyncio.run(deliver_due(store, Delivery(delivery.signer, clock, call)))
    assert answered == ["fast", "slow"]


def test_an_owner_has_so_many_rules(store: AlertStore) -> None:
    """Others may still make theirs."""
    target = Target("https://example.org/hook")
    for _ in range(2):
        add_rule(store, "key-1", CONDITION, target, RULE_MADE_AT, creator_id="ana", limit=2)
    with pytest.raises(TooManyRules, match="2 rules"):
        add_rule(store, "key-1", CONDITION, target, RULE_MADE_AT, limit=2)
    add_rule(store, "key-2", CONDITION, target, RULE_MADE_AT, limit=2)
    assert [rule.creator_id for rule in list_rules(store, "key-1")] == ["ana", "ana"]
    assert len(list_rules(store)) == 3


def test_rules_survive_the_process(tmp_path: Path) -> None:
    """What was stored is there when the file is opened again; for its owner's eyes alone."""
    path = tmp_path / "alerts.sqlite"
    with closing(AlertStore(path)) as store:
        rule = rule_to(store, "http://localhost:1/x")
    with closing(AlertStore(path)) as store:
        assert list_rules(store) == [rule]
    assert path.stat().st_mode & 0o777 == 0o600


@given(st.lists(st.tuples(st.floats(0, 1), st.integers(0, 10**9)), min_size=1, max_size=40))
@settings(max_examples=50)
def test_attempts_come_ever_later_and_end(answers: list[tuple[float, int]]) -> None:
    """Whatever receivers ask for and chance adds: each attempt is later than the one before, no
    pause is longer than seven and a half hours, and the last is within three days."""
    created_at = now = RULE_MADE_AT
    for attempts, (jitter, asked) in enumerate(answers, start=1):
        due = next_attempt(created_at, now, attempts, jitter=jitter, asked_seconds=asked)
        if due is None:
            assert now + LONGEST_PAUSE * 1.25 >= created_at + GIVE_UP_AFTER
            return
        assert timedelta(seconds=10) <= due - now <= LONGEST_PAUSE * 1.25
        now = due
    assert now < created_at + GIVE_UP_AFTER
