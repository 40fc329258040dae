"""Rounds: what is in the queue ends up in segments, once, and the accounts agree."""

import random
import threading
from collections import Counter
from datetime import timedelta

import pytest

from analytics_pipeline.core.budget import Caps
from analytics_pipeline.core.day import MS_PER_DAY
from analytics_pipeline.core.errors import IntegrityError, SealerRunning
from analytics_pipeline.sealer import rounds
from analytics_pipeline.sealer.lock import sole_sealer
from analytics_pipeline.sealer.rounds import run_round
from analytics_pipeline.sealer.worker import clean_up, run_forever, seal_waiting
from analytics_pipeline.storage.catalogue import (
    Counts,
    list_segments,
    load_counts,
    plan_release,
    record_intents,
    rewrap_data_keys,
)
from tests.seal.support import DAY, NOON_MS, Deployment, events_of, make_event

GO = threading.Event()


def test_nothing_to_do(deployment: Deployment):
    """An empty queue makes no segment and no row."""
    assert run_round(deployment.stores).batches == 0
    assert list_segments(deployment.stores.catalogue, "demo") == []


def test_one_segment_per_platform_and_day(deployment: Deployment):
    """A round writes one segment for each (platform, day), and empties the queue."""
    deployment.put_events(make_event(1), make_event(2, at_ms=NOON_MS - MS_PER_DAY))
    deployment.put_events(make_event(3), project="other")
    result = run_round(deployment.stores)
    assert [(s.platform, s.day) for s in result.segments] == [
        ("demo", DAY),
        ("demo", DAY - timedelta(days=1)),
        ("other", DAY),
    ]
    assert result.counts == Counts(accepted=3)
    assert deployment.stores.queue.depth() == 0
    assert deployment.stores.content.pins() == sorted(s.cid for s in result.segments)
    assert deployment.load().height == 2
    assert deployment.load("other").height == 1


def test_read_back_is_what_was_sent(deployment: Deployment):
    """Every accepted event comes back with every field."""
    events = [make_event(number, delivered_bytes=number) for number in range(300)]
    for start in range(0, 300, 50):
        deployment.put_events(*events[start : start + 50])
    seal_waiting(deployment.stores, GO)
    rows = deployment.load().sort("at_ms").to_dicts()
    assert [{name: row[name] for name in events[0]} for row in rows] == events


def test_accounts_agree(deployment: Deployment):
    """Over several rounds of mixed input: received = accepted + duplicate + rejected in the
    counters, and the segments' rows and counts say the same."""
    rng = random.Random(7)
    sent = 0
    for _ in range(40):
        events = [make_event(rng.randrange(400)) for _ in range(rng.randrange(1, 30))]
        events += [make_event(1, type="bad")] * rng.randrange(3)
        events += [make_event(1, at_ms=NOON_MS + 10**8)] * rng.randrange(2)
        sent += len(events)
        deployment.put_events(*events)
    deployment.put(deployment.build_batch(payload=b"nonsense"))
    total = Counts()
    while (result := run_round(deployment.stores, max_batches=7)).batches:
        total.accepted += result.counts.accepted
        total.duplicate += result.counts.duplicate
        total.rejected.update(result.counts.rejected)
    counts = load_counts(deployment.stores.catalogue, "demo", DAY)[DAY]
    assert counts == total
    assert counts.received == sent + 1
    assert counts.accepted == deployment.load().height
    assert min(counts.duplicate, counts.rejected["in_future"]) > 0
    segments = list_segments(deployment.stores.catalogue, "demo")
    of_segments = Counter[str]()
    for segment in segments:
        of_segments.update(accepted=segment.counts["accepted"], dup=segment.counts["duplicate"])
        of_segments.update(segment.counts["rejected"])
    assert of_segments == {"accepted": total.accepted, "dup": total.duplicate, **total.rejected}


def test_large_days_are_split(deployment: Deployment, monkeypatch: pytest.MonkeyPatch):
    """Above the row limit a day gets several segments, and its counts are not repeated."""
    monkeypatch.setattr(rounds, "MAX_ROWS_PER_SEGMENT", 40)
    deployment.put_events(*(make_event(n) for n in range(100)), make_event(1), {"type": "x"})
    result = run_round(deployment.stores)
    assert [s.counts["accepted"] for s in result.segments] == [40, 40, 20]
    assert [s.counts["duplicate"] for s in result.segments] == [1, 0, 0]
    assert [s.counts["rejected"] for s in result.segments] == [{"unknown_type": 1}, {}, {}]
    assert deployment.load().height == 100


def test_memory_is_bounded_by_bytes(deployment: Deployment):
    """A round takes no more sealed bytes than it may, and the rest stays queued."""
    for _ in range(10):
        deployment.put_events(*(make_event(n) for n in range(100)))
    first = run_round(deployment.stores, max_bytes=40_000)
    assert 0 < first.batches < 10
    assert deployment.stores.queue.depth() == 10 - first.batches


def test_late_events_are_kept_and_counted(deployment: Deployment):
    """Events sealed after their day was planned are stored, and counted as late."""
    deployment.put_events(make_event(1))
    run_round(deployment.stores)
    plan_release(
        deployment.stores.catalogue,
        "demo",
        DAY,
        inputs_digest="aa",
        caps=Caps(1, 1, 1),
        reason="first release",
    )
    deployment.put_events(make_event(2), make_event(3))
    result = run_round(deployment.stores)
    assert (result.counts.accepted, result.counts.late) == (2, 2)
    assert "2 late" in str(result)
    counts = load_counts(deployment.stores.catalogue, "demo", DAY)[DAY]
    assert (counts.accepted, counts.late) == (3, 2)
    assert deployment.load().height == 3


def test_batches_sealed_before_are_only_deleted(deployment: Deployment):
    """A crash between catalogue and queue: the next round counts nothing again."""
    deployment.put_events(*(make_event(n) for n in range(5)))
    waiting = deployment.stores.queue.peek(10)
    run_round(deployment.stores)
    before = (
        load_counts(deployment.stores.catalogue, "demo"),
        list_segments(deployment.stores.catalogue, "demo"),
    )
    _requeue(deployment, waiting[0])
    result = run_round(deployment.stores)
    assert (result.batches, result.replayed, result.counts) == (1, 1, Counts())
    assert before == (
        load_counts(deployment.stores.catalogue, "demo"),
        list_segments(deployment.stores.catalogue, "demo"),
    )
    assert deployment.stores.queue.depth() == 0


def _requeue(deployment: Deployment, batch) -> None:
    """Put a batch back the way an interrupted deletion leaves it."""
    import sqlite3

    with sqlite3.connect(deployment.home / "queue.sqlite") as connection:
        connection.execute("DELETE FROM seen")
    deployment.put(batch)


def test_orphaned_pins_are_taken_back(deployment: Deployment):
    """A pin without a segment goes at the next start; a segment's pin stays, even if its intent
    survived."""
    deployment.put_events(make_event(1))
    (segment,) = run_round(deployment.stores).segments
    stores = deployment.stores
    orphan = stores.content.add(b"orphan")
    stores.content.pin(orphan)
    record_intents(stores.catalogue, [orphan, segment.cid, "bafkreiaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"])
    clean_up(stores)
    assert stores.content.pins() == [segment.cid]
    clean_up(stores)


def test_a_store_that_renames_is_caught(deployment: Deployment, monkeypatch: pytest.MonkeyPatch):
    """If the content store names an envelope differently, nothing is recorded or deleted."""
    monkeypatch.setattr(deployment.stores.content, "add", lambda data: "bafkreiwrong")
    deployment.put_events(make_event(1))
    with pytest.raises(IntegrityError):
        run_round(deployment.stores)
    assert list_segments(deployment.stores.catalogue, "demo") == []
    assert deployment.stores.queue.depth() == 1


def test_failing_store_is_tried_again(deployment: Deployment, monkeypatch: pytest.MonkeyPatch):
    """The worker survives a store that fails, and loses nothing."""
    stop, failures = threading.Event(), []
    add = deployment.stores.content.add

    def failing(data: bytes) -> str:
        if not failures:
            failures.append(1)
            raise IntegrityError("disk on fire")
        return add(data)

    monkeypatch.setattr(deployment.stores.content, "add", failing)
    deployment.put_events(make_event(1))
    worker = threading.Thread(target=run_forever, args=(deployment.stores, stop, 0.01))
    worker.start()
    try:
        for _ in range(200):
            if not deployment.stores.queue.depth():
                break
            stop.wait(0.05)
    finally:
        stop.set()
        worker.join()
    assert failures
    assert deployment.load().height == 1


def test_rotation_between_rounds(deployment: Deployment):
    """Batches sealed to the old key, segments under the old wrapping key, and new ones of both
    kinds all open after a rotation by another process, and no CID changes."""
    deployment.put_events(make_event(1))
    run_round(deployment.stores)
    deployment.put_events(make_event(2))
    type(deployment.stores.keyring)(deployment.home / "keys").rotate()
    deployment.put_events(make_event(3))
    run_round(deployment.stores)
    before = list_segments(deployment.stores.catalogue, "demo")
    assert len({segment.wrapping_key_id for segment in before}) == 2
    assert rewrap_data_keys(deployment.stores.catalogue, deployment.stores.keyring) == 1
    assert list_segments(deployment.stores.catalogue, "demo") == before
    assert events_of(deployment.load()) == events_of(deployment.load())
    assert deployment.load().height == 3


def test_one_sealer_at_a_time(deployment: Deployment):
    """The second sealer says which process holds the lock, and the lock goes with its holder."""
    path = deployment.home / "sealer.lock"
    with (
        sole_sealer(path, deployment.stores.catalogue),
        pytest.raises(SealerRunning, match=r"process \d+"),
        sole_sealer(path, deployment.stores.catalogue),
    ):
        pass
    with sole_sealer(path, deployment.stores.catalogue):
        pass
