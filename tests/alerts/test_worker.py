"""The loop: idle without rules, patient with a chain that fails, and stopped when told to."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from datetime import date
from pathlib import Path

import pytest

from analytics_pipeline.alerts import worker
from analytics_pipeline.alerts.days import Checked, History, Published
from analytics_pipeline.alerts.delivery import Delivery
from analytics_pipeline.alerts.worker import run_forever, run_once
from analytics_pipeline.core.alert_conditions import Drop
from analytics_pipeline.core.errors import ChainError
from analytics_pipeline.core.record import ReleaseRecord
from analytics_pipeline.core.webhooks import Target
from analytics_pipeline.storage.alert_calls import store_decision
from analytics_pipeline.storage.alerts import OPERATOR, AlertStore, add_rule, list_rules
from analytics_pipeline.storage.read_keys import create_read_key, load_read_keys, revoke_read_key
from tests.alerts.calls import decided
from tests.alerts.days import FEW, RULE_MADE_AT, USUAL, WorldDays, day
from tests.alerts.receiver import Receiver

DROP = Drop("platform", percent=30, days=2)
#: no read key was ever made
NO_KEYS = Path("/nonexistent/read_keys.json")


class Opening:
    """Opens a world's days; the first so many times the chain does not answer."""

    def __init__(self, published: WorldDays, failures: int = 0) -> None:
        self.published = published
        self.failures = failures
        self.opened = 0
        self.closed = 0

    @contextmanager
    def __call__(self) -> Iterator[Published]:
        self.opened += 1
        if self.opened <= self.failures:
            raise ChainError("no answer")
        yield self.published
        self.closed += 1


def waits_of(
    rounds: int,
    store: AlertStore,
    opening: Opening,
    delivery: Delivery,
    monkeypatch: pytest.MonkeyPatch,
    interval_seconds: float = 60,
) -> list[float]:
    """Run so many rounds; how long it would have waited after each."""
    waits: list[float] = []
    stop = asyncio.Event()

    async def wait(_store: object, _delivery: object, stop: asyncio.Event, seconds: float) -> None:
        waits.append(seconds)
        if len(waits) == rounds:
            stop.set()

    monkeypatch.setattr(worker, "_call_for", wait)
    asyncio.run(run_forever(store, opening, delivery, NO_KEYS, stop, interval_seconds))
    return waits


def test_without_rules_nothing_is_opened(
    store: AlertStore, published: WorldDays, delivery: Delivery, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No chain, no content store; a rule that comes later is seen."""
    opening = Opening(published)
    assert waits_of(3, store, opening, delivery, monkeypatch) == [60, 60, 60]
    asyncio.run(run_once(store, opening, delivery, NO_KEYS))
    assert opening.opened == 0
    add_rule(store, OPERATOR, DROP, Target("https://example.org/"), RULE_MADE_AT)
    waits_of(2, store, opening, delivery, monkeypatch)
    assert (opening.opened, opening.closed) == (1, 1)


def test_a_chain_that_fails_is_opened_again_ever_later(
    store: AlertStore, published: WorldDays, delivery: Delivery, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And every minute once it answers, on one connection."""
    add_rule(store, OPERATOR, DROP, Target("https://example.org/"), RULE_MADE_AT)
    opening = Opening(published, failures=4)
    waits = waits_of(7, store, opening, delivery, monkeypatch)
    assert waits == [120, 240, 300, 300, 60, 60, 60]
    assert (opening.opened, opening.closed) == (5, 1)


def test_a_chain_that_fails_for_days_does_not_end_the_process(
    store: AlertStore, published: WorldDays, delivery: Delivery, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Doubled 1,024 times, a wait fits no float."""
    add_rule(store, OPERATOR, DROP, Target("https://example.org/"), RULE_MADE_AT)
    opening = Opening(published, failures=1100)
    waits = waits_of(1101, store, opening, delivery, monkeypatch, interval_seconds=60.0)
    assert waits[-2:] == [300, 60]


def test_once_makes_all_calls_that_are_due(
    store: AlertStore, published: WorldDays, delivery: Delivery, receiver: Receiver
) -> None:
    """A drop, and its withdrawal right after it."""
    add_rule(store, OPERATOR, DROP, Target(receiver.url, True), RULE_MADE_AT)
    for number, scale in enumerate((USUAL, USUAL, FEW)):
        published.release(number, scale)
    asyncio.run(run_once(store, Opening(published), delivery, NO_KEYS))
    published.release(2, USUAL, revision=2)
    asyncio.run(run_once(store, Opening(published), delivery, NO_KEYS))
    asyncio.run(run_once(store, Opening(published), delivery, NO_KEYS))
    assert [call.document["type"] for call in receiver.calls] == [
        "alert.drop.raised",
        "alert.drop.withdrawn",
    ]


def test_calls_are_made_while_the_chain_is_down(
    store: AlertStore, published: WorldDays, delivery: Delivery, receiver: Receiver
) -> None:
    """What was decided before does not wait for it; the error is told all the same."""
    rule = add_rule(store, OPERATOR, DROP, Target(receiver.url, True), RULE_MADE_AT)
    store_decision(store, decided(rule), delivery.now())
    with pytest.raises(ChainError):
        asyncio.run(run_once(store, Opening(published, failures=1), delivery, NO_KEYS))
    assert len(receiver.calls) == 1


def test_the_loop_calls_and_stops(
    store: AlertStore, published: WorldDays, delivery: Delivery, receiver: Receiver
) -> None:
    """As a process runs it: the receiver's answer is noted, then it ends when told to."""
    add_rule(store, OPERATOR, DROP, Target(receiver.url, True), RULE_MADE_AT)
    for number, scale in enumerate((USUAL, USUAL, FEW)):
        published.release(number, scale)

    async def run() -> None:
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()

        def answer(_: int) -> tuple[int, dict[str, str]]:
            loop.call_soon_threadsafe(stop.set)
            return 204, {}

        receiver.answer = answer
        opening = Opening(published)
        await asyncio.wait_for(run_forever(store, opening, delivery, NO_KEYS, stop, 600), 60)

    asyncio.run(run())
    [row] = store.query("SELECT state FROM calls")
    assert row["state"] == "delivered"


def test_calls_and_signals_do_not_wait_for_a_round(
    store: AlertStore, published: WorldDays, delivery: Delivery, receiver: Receiver
) -> None:
    """While chain and IPFS keep it waiting; told to stop, it decides no further day."""
    rule = add_rule(store, OPERATOR, DROP, Target(receiver.url, True), RULE_MADE_AT)
    store_decision(store, decided(rule, 9), delivery.now())
    for number in range(3):
        published.release(number, USUAL)
    called = threading.Event()
    looked_at: list[date] = []

    def answer(_: int) -> tuple[int, dict[str, str]]:
        called.set()
        return 204, {}

    receiver.answer = answer

    async def run() -> None:
        stop, loop = asyncio.Event(), asyncio.get_running_loop()

        async def tell_to_stop() -> None:
            stop.set()

        class Slow:
            def load_history(self) -> History:
                assert called.wait(10), "no call was made meanwhile"
                return published.load_history()

            def load_checked(self, record: ReleaseRecord) -> Checked | None:
                looked_at.append(record.day)
                asyncio.run_coroutine_threadsafe(tell_to_stop(), loop).result(10)
                return published.load_checked(record)

        await asyncio.wait_for(
            run_forever(store, lambda: nullcontext(Slow()), delivery, NO_KEYS, stop, 600), 60
        )

    asyncio.run(run())
    assert looked_at == [day(0)]


def test_a_rule_lives_as_long_as_its_key(
    store: AlertStore, published: WorldDays, delivery: Delivery, tmp_path: Path
) -> None:
    """Revoked is revoked: nobody is called on its behalf any more. Other rules stay."""
    path = tmp_path / "read_keys.json"
    for label in ("kept", "revoked"):
        create_read_key(path, label, "platform", delivery.now())
    kept, revoked = load_read_keys(path)
    target = Target("https://example.org/")
    rules = [
        add_rule(store, owner, DROP, target, RULE_MADE_AT)
        for owner in (OPERATOR, kept.key_id, revoked.key_id)
    ]
    asyncio.run(run_once(store, Opening(published), delivery, path))
    assert list_rules(store) == rules
    away = path.rename(tmp_path / "moved.json")
    asyncio.run(run_once(store, Opening(published), delivery, path))
    assert list_rules(store) == rules  # a file that is lost revokes nothing
    away.rename(path)
    revoke_read_key(path, revoked.key_id)
    asyncio.run(run_once(store, Opening(published), delivery, path))
    assert list_rules(store) == rules[:2]
