"""From sealed batches to events: each event is accepted once, or refused for a named reason."""

import json
import re
from collections import Counter
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from analytics_pipeline.core.day import MS_PER_DAY, day_start_ms
from analytics_pipeline.core.event import ACCEPTED_AGE_MS, ACCEPTED_AHEAD_MS
from analytics_pipeline.core.viewer_model import summary_viewer
from analytics_pipeline.sealer.opening import Fates, open_batches
from analytics_pipeline.storage.catalogue import Counts
from analytics_pipeline.storage.event_columns import EVENT_COLUMNS, NULLABLE_COLUMNS
from analytics_pipeline.storage.queue import QueuedBatch
from tests.seal.support import DAY, NOON_MS, VIEWER, Deployment, make_event, make_summary

RECEIVED_MS = NOON_MS + 60_000


def total(fates: Fates) -> Counts:
    """All days together."""
    summed = Counts()
    for fate in fates.values():
        summed.accepted += fate.accepted
        summed.duplicate += fate.duplicate
        summed.rejected.update(fate.rejected)
    return summed


def test_every_field_arrives(deployment: Deployment):
    """An event's fields, its pseudonym, country and time of receipt stand in its row."""
    event = {
        "type": "play",
        "session_id": "session-1",
        "video_id": "v",
        "at_ms": NOON_MS,
        "seq": 3,
        "position_ms": 4,
        "duration_ms": 5,
        "startup_ms": 6,
        "delivered_bytes": 2**40,
        "provider": "cdn",
        "first_of_week": True,
        "first_of_month": False,
    }
    batch = deployment.build_batch([event])
    row = open_batches([batch], deployment.stores.keyring.open_batch).frame.row(0, named=True)
    origin = {"viewer": VIEWER, "country": "DE", "received_at_ms": RECEIVED_MS}
    absent = {"error_code": None, "watched_ms": None, "stalled_ms": None}
    assert {name: row[name] for name in EVENT_COLUMNS} == {**event, **absent, **origin}
    assert row["batch_id"] == batch.batch_id


def test_optional_fields_are_null(deployment: Deployment):
    """What a player does not know is null, never zero."""
    event = make_event()
    del event["position_ms"]
    opened = open_batches([deployment.build_batch([event])], deployment.stores.keyring.open_batch)
    assert all(opened.frame[name].null_count() == 1 for name in NULLABLE_COLUMNS)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"type": "teleport"}, "unknown_type"),
        ({"at_ms": 1_735_689_600}, "bad_time"),
        ({"at_ms": "noon"}, "bad_time"),
        ({"session_id": "x"}, "bad_field"),
        ({"video_id": "../../etc"}, "bad_field"),
        ({"seq": -1}, "bad_field"),
        ({"position_ms": 1.5}, "bad_field"),
        ({"user": "alice"}, "bad_field"),
        ({"error_code": "E"}, "bad_field"),
        ({"first_of_week": True}, "bad_field"),
        ({"first_of_month": False}, "bad_field"),
        ({"watched_ms": 1}, "bad_field"),
        ({"stalled_ms": 1}, "bad_field"),
        ({"type": "summary"}, "bad_field"),
        ({"type": "summary", "watched_ms": 86_400_001}, "bad_field"),
        ({"type": "play", "first_of_week": 1}, "bad_field"),
        ({"at_ms": RECEIVED_MS + ACCEPTED_AHEAD_MS + 1}, "in_future"),
        ({"at_ms": RECEIVED_MS - ACCEPTED_AGE_MS - 1}, "too_old"),
    ],
)
def test_bad_event_spares_its_neighbours(deployment: Deployment, change: dict, reason: str):
    """One bad event is counted under its reason; the others of its batch are accepted."""
    events = [make_event(1), make_event(2, **change), make_event(3)]
    opened = open_batches([deployment.build_batch(events)], deployment.stores.keyring.open_batch)
    assert opened.fates == {("demo", DAY): Counts(2, 0, 0, Counter({reason: 1}))}
    assert opened.frame.height == 2


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (b"", "bad_payload"),
        (b"\xff\xfe", "bad_payload"),
        (b"[" * 100_000, "bad_payload"),
        (b'{"v":2,"events":[{}]}', "bad_payload"),
        (b'{"v":1,"events":[]}', "bad_payload"),
        (b'{"v":1,"events":[],"x":1}', "bad_payload"),
        (json.dumps({"v": 1, "events": [{}] * 501}).encode(), "too_many"),
    ],
)
def test_bad_payload_spares_its_neighbours(deployment: Deployment, payload: bytes, reason: str):
    """A batch that opens to nonsense counts as one rejected event."""
    batches = [deployment.build_batch(payload=payload), deployment.build_batch([make_event()])]
    opened = open_batches(batches, deployment.stores.keyring.open_batch)
    assert total(opened.fates) == Counts(1, 0, 0, Counter({reason: 1}))


def test_unopenable_batches_spare_their_neighbours(deployment: Deployment):
    """Wrong key, unknown key, another batch's id, too short: one `cannot_open` each."""
    good = deployment.build_batch([make_event()])
    fields = {name: getattr(good, name) for name in QueuedBatch.__slots__}
    deployment.stores.keyring.rotate()
    newer = deployment.stores.keyring.batch_key_ids[-1]
    bad = [
        QueuedBatch(**{**fields, **change})
        for change in (
            {"key_id": newer},
            {"key_id": "batch-999999-00000000"},
            {"batch_id": "another-batch-id"},
            {"project": "other"},
            {"sealed": good.sealed[:40]},
            {"sealed": good.sealed[:-1] + bytes([good.sealed[-1] ^ 1])},
        )
    ]
    opened = open_batches([*bad[:3], good, *bad[3:]], deployment.stores.keyring.open_batch)
    assert total(opened.fates) == Counts(1, 0, 0, Counter(cannot_open=6))


def test_window_is_inclusive(deployment: Deployment):
    """Exactly an hour ahead and exactly 8 days old are accepted, on their own days."""
    events = [
        make_event(at_ms=RECEIVED_MS + ACCEPTED_AHEAD_MS),
        make_event(at_ms=RECEIVED_MS - ACCEPTED_AGE_MS),
    ]
    opened = open_batches([deployment.build_batch(events)], deployment.stores.keyring.open_batch)
    assert {day for (_, day), fate in opened.fates.items() if fate.accepted} == {
        DAY,
        DAY - timedelta(days=8),
    }


def test_days_are_split_at_midnight_utc(deployment: Deployment):
    """The last millisecond belongs to the day, the next one to the next day."""
    midnight = day_start_ms(DAY) + MS_PER_DAY
    events = [make_event(at_ms=midnight - 1), make_event(at_ms=midnight)]
    batch = deployment.build_batch(events, received_at_ms=midnight)
    fates = open_batches([batch], deployment.stores.keyring.open_batch).fates
    accepted = {day: fate.accepted for (_, day), fate in fates.items()}
    assert accepted == {DAY: 1, DAY + timedelta(days=1): 1}


def test_first_received_duplicate_wins(deployment: Deployment):
    """Of equal events the one received first is kept, whatever its place in the queue; another
    platform's equal event is another event."""
    again = deployment.build_batch([make_event(5, position_ms=1)], received_at_ms=RECEIVED_MS + 1)
    first = deployment.build_batch([make_event(5, position_ms=2)])
    other = deployment.build_batch([make_event(5)], project="other")
    opened = open_batches([again, first, other], deployment.stores.keyring.open_batch)
    assert opened.fates["demo", DAY] == Counts(accepted=1, duplicate=1)
    assert opened.fates["other", DAY] == Counts(accepted=1)
    kept = opened.frame.row(0, named=True)
    assert kept["position_ms"] == 2


def test_a_summary_has_no_pseudonym(deployment: Deployment):
    """Its viewer follows from its group and project alone; groups and projects differ."""
    summaries = [make_summary(seq=1), make_summary(seq=2), make_summary("h" * 22)]
    batches = [
        deployment.build_batch(summaries, viewer_model="high"),
        deployment.build_batch([make_summary()], viewer_model="high", project="other"),
    ]
    opened = open_batches(batches, deployment.stores.keyring.open_batch)
    viewers = opened.frame.sort("platform", "session_id", "seq")["viewer"].to_list()
    assert viewers[0] == viewers[1]
    assert len(set(viewers)) == 3
    assert all(re.fullmatch(r"[0-9a-f]{32}", viewer) for viewer in viewers)
    assert set(opened.frame["country"]) == {"ZZ"}


def test_each_viewer_model_has_its_events(deployment: Deployment):
    """A summary under a standard key and any other event under a high one are dropped."""
    both = [make_event(), make_summary()]
    batches = [deployment.build_batch(both), deployment.build_batch(both, viewer_model="high")]
    opened = open_batches(batches, deployment.stores.keyring.open_batch)
    assert total(opened.fates) == Counts(2, 0, 0, Counter(wrong_viewer_model=2))
    assert sorted(opened.frame.select("type", "viewer").iter_rows()) == [
        ("heartbeat", VIEWER),
        ("summary", summary_viewer("demo", "g" * 22)),
    ]


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_every_event_has_exactly_one_fate(deployment: Deployment, data: st.DataObject):
    """received = accepted + duplicate + rejected, and received is what came in."""
    event = st.one_of(
        st.builds(make_event, st.integers(0, 30)),
        st.builds(make_event, st.integers(0, 5), at_ms=st.integers(-5, 2**45)),
        st.fixed_dictionaries({"type": st.text(max_size=8)}),
        st.none() | st.integers() | st.lists(st.integers(), max_size=2),
    )
    batches = [
        deployment.build_batch(
            events, received_at_ms=RECEIVED_MS + data.draw(st.integers(-(10**9), 10**9))
        )
        for events in data.draw(st.lists(st.lists(event, min_size=1, max_size=20), max_size=6))
    ]
    opened = open_batches(batches, deployment.stores.keyring.open_batch)
    summed = total(opened.fates)
    sent = 0
    for batch in batches:
        info = f"viewership-batch/1\ndemo\n{batch.key_id}\n{batch.batch_id}".encode()
        payload = deployment.stores.keyring.open_batch(batch.key_id, info, batch.sealed)
        sent += len(json.loads(payload)["events"])
    assert summed.received == sent
    assert summed.accepted == opened.frame.height
    identity = ["platform", "session_id", "video_id", "type", "at_ms", "seq"]
    assert opened.frame.select(identity).is_unique().all()
