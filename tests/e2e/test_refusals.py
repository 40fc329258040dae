"""What a running deployment refuses, by name, and what is still there afterwards."""

import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from analytics_pipeline.chain.embedded import development_account
from analytics_pipeline.chain.outbox import Outbox
from analytics_pipeline.chain.publisher import Publisher
from analytics_pipeline.core.day import day_start_ms
from analytics_pipeline.core.errors import (
    BudgetOverspent,
    EventsExpired,
    KeyUnavailable,
    NotPublisher,
    RecordRefused,
)
from analytics_pipeline.core.record import Commit
from analytics_pipeline.defs.steps import commitments, events, inputs
from analytics_pipeline.defs.steps.onchain_verifier import onchain_proofs
from analytics_pipeline.sealer.__main__ import open_stores
from analytics_pipeline.sealer.rounds import RoundResult
from analytics_pipeline.sealer.worker import seal_waiting
from analytics_pipeline.storage.catalogue import (
    expire_day,
    list_releases,
    load_counts,
    spent_nano,
)
from analytics_pipeline.storage.queue import SqliteQueue
from tests.ingest.support import Api, make_event
from tests.support.home_copy import CheckFailed, HomeCopy, run_steps, verify_as_stranger
from tests.support.tamper import Undo, moved, other_secret


def test_a_report_of_another_day_is_refused_by_the_contract(copy: HomeCopy) -> None:
    """The operator releases one day's report, with its proof, under another day. The proof is not
    about that day, so the registry refuses; the commit without a release is there for all to see,
    and the day verifies as it was."""
    with copy.stores() as stores:
        first, second = list_releases(stores.catalogue, "demo")[:2]
        chain = stores.registry.read_evidence("demo")
        bodies = {(r.day, r.revision): r for r in chain.records if hasattr(r, "bundle_cid")}
        stolen = bodies[first.day, 1].body
        commit = next(r for r in chain.records if r.day == second.day)
        [sent] = stores.publisher.commit("demo", [replace(commit.body, revision=2)])
        stores.publisher.beacon_of(sent)
        false = replace(stolen, day=second.day, revision=2)
        with pytest.raises(RecordRefused, match="ProofRejected"):
            stores.publisher.release("demo", [false], onchain_proofs(stores, [first]))
    assert "committed after the last release: [2]" in str(verify_as_stranger(copy)[8])
    before = copy.state()
    copy.run()
    assert copy.state() == before


def test_a_stolen_publisher_changes_nothing(copy: HomeCopy) -> None:
    """An account without the role is refused by the contract, on commit and on release."""
    with copy.stores() as stores:
        stranger = Publisher(
            stores.registry,
            development_account(1),
            Outbox(copy.home / "stranger.sqlite"),
            poll_seconds=0.02,
        )
        head = stores.registry.head("demo")
        body = Commit(copy.days[0], 2, *(bytes(32) for _ in range(5)))
        with pytest.raises(NotPublisher):
            stranger.commit("demo", [body])
        assert stores.registry.head("demo") == head
    verify_as_stranger(copy)


def test_an_expired_day_refuses_and_changes_nothing(copy: HomeCopy) -> None:
    """Its events cannot be had any more; what was released stays, and so do the other days."""
    with copy.stores() as stores:
        expire_day(stores.catalogue, "demo", copy.days[1], "retention")
    before = copy.state()
    files = {path: path.read_bytes() for path in (copy.home / "raw").rglob("*.*")}
    warehouse = (copy.home / "warehouse.duckdb").read_bytes()
    with pytest.raises(EventsExpired, match="retention"):
        copy.run()
    with copy.stores() as stores, pytest.raises(EventsExpired):
        events.load_day(stores, copy.days[1])
    assert copy.state() == before
    assert {path: path.read_bytes() for path in (copy.home / "raw").rglob("*.*")} == files
    assert (copy.home / "warehouse.duckdb").read_bytes() == warehouse
    verify_as_stranger(copy)
    with copy.stores() as stores:
        run_steps(stores, copy.days[2:])


def seal(copy: HomeCopy) -> RoundResult:
    """What `python -m analytics_pipeline.sealer --once` does."""
    with open_stores(copy.settings) as stores:
        return seal_waiting(stores, threading.Event())


def late_frame(copy: HomeCopy, api: Api, number: int) -> bytes:
    """A batch with one event of the first day that nobody has sent before."""
    event = make_event(at_ms=day_start_ms(copy.days[0]) + number, video_id="video-0001")
    return api.frame(events=[event])


@pytest.mark.slow
def test_a_third_release_is_refused_before_anything_leaves(copy: HomeCopy) -> None:
    """Late events make a second release; of a third nothing is reserved, drawn, pinned or sent,
    and the day verifies. Its events are kept."""
    first = copy.days[:1]
    api = Api(copy.home).start()
    try:
        for number in (1, 2):
            assert api.post_frame(late_frame(copy, api, number)).status_code == 202
            assert seal(copy).counts.late == 1
            if number == 1:
                with copy.stores() as stores:
                    run_steps(stores, first)
    finally:
        api.stop()
    before = copy.state()
    with copy.stores() as stores:
        with pytest.raises(CheckFailed, match=r"budget_left: .* 0\.25 of 0\.25 spent, 0 left"):
            run_steps(stores, first)
        with pytest.raises(BudgetOverspent):
            commitments.plan_and_commit(stores, first)
        spent = spent_nano(stores.catalogue, "demo", first[0])
        assert spent == inputs.POLICY.rho_nano_per_day
        assert events.load_intake(stores, first[0]).accepted == sum(
            segment.counts["accepted"] for segment in before["segments"] if segment.day == first[0]
        )
    assert copy.state() == before
    assert [r.revision for r in before["releases"] if r.day == first[0]] == [1, 2]
    verify_as_stranger(copy, 0)


def queue_depth(copy: HomeCopy) -> int:
    queue = SqliteQueue(copy.settings.queue_path)
    try:
        return queue.depth()
    finally:
        queue.close()


def accepted_events(copy: HomeCopy) -> int:
    with copy.stores() as stores:
        return sum(count.accepted for count in load_counts(stores.catalogue, "demo").values())


def test_a_replayed_batch_counts_once(copy: HomeCopy) -> None:
    """Over HTTP it is a duplicate; and if the queue's memory is lost, the catalogue's is not."""
    api = Api(copy.home).start()
    before = accepted_events(copy)
    frame = late_frame(copy, api, 1)
    answers = [api.post_frame(frame) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [202, 202]
    assert [answer.json()["duplicate"] for answer in answers] == [False, True]
    assert seal(copy).counts.accepted == 1
    assert api.post_frame(frame).json()["duplicate"] is True
    assert seal(copy).batches == 0
    api.stop()
    for path in copy.home.glob("queue.sqlite*"):
        path.unlink()
    api.start()
    assert api.post_frame(frame).json()["duplicate"] is False
    result = seal(copy)
    api.stop()
    assert (result.batches, result.replayed, result.segments) == (1, 1, [])
    assert accepted_events(copy) == before + 1


@pytest.mark.parametrize("lie", [other_secret, moved])
def test_a_wrong_batch_key_loses_no_batch(copy: HomeCopy, lie: Callable[[Path], Undo]) -> None:
    """What clients sealed to the published key waits until its private half is back."""
    api = Api(copy.home).start()
    assert api.post_frame(late_frame(copy, api, 1)).status_code == 202
    api.stop()
    with copy.stores() as stores:
        stores.keyring.rotate()
    before = accepted_events(copy)
    undo = lie(min((copy.home / "keys" / "private" / "batch").glob("*.json")))
    with pytest.raises(KeyUnavailable, match="private half of batch key"):
        seal(copy)
    assert (queue_depth(copy), accepted_events(copy)) == (1, before)
    undo()
    assert seal(copy).counts.accepted == 1
    assert (queue_depth(copy), accepted_events(copy)) == (0, before + 1)
