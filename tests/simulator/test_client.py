"""Posting: real HTTP, to the real API and to one that fails on purpose."""

import base64
import json
from datetime import date
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PublicKey

from analytics_pipeline.core.errors import UploadFailed
from analytics_pipeline.simulator import (
    Endpoint,
    SimulatedSession,
    SimulationSpec,
    client,
    post_sessions,
    simulate,
)
from analytics_pipeline.storage.country import CountryDatabase
from analytics_pipeline.storage.public_keys import active_public_key
from tests.ingest.support import Api
from tests.sdk.support import Wire, open_wire

SESSIONS = list(simulate(SimulationSpec(first_day=date(2026, 11, 19), target_events=300)))
EVENTS = [event for session in SESSIONS for event in session.events]


def endpoint_of(wire: Wire) -> Endpoint:
    return Endpoint(wire.url, "demo", "ak_test", "key-1", wire.private_key.public_key())


def long_session() -> SimulatedSession:
    """A recorded session repeated until it needs three batches."""
    session = SESSIONS[0]
    events = (session.events * 60)[:45]
    return SimulatedSession(session.session_id, session.viewer, session.recording_id, events)


def test_everything_arrives_once_and_progress_ends_full() -> None:
    """All events arrive, from each viewer's address and browser; progress counts up to the end."""
    seen: list[tuple[int, int]] = []
    with open_wire() as wire:
        endpoint = endpoint_of(wire)
        summary = post_sessions(
            SESSIONS, endpoint, progress=lambda done, total: seen.append((done, total))
        )
        events = wire.events()
    assert sorted(map(repr, events)) == sorted(map(repr, EVENTS))
    assert (summary.sessions, summary.events) == (len(SESSIONS), 300)
    assert summary.batches == len(wire.bodies)
    assert seen == sorted(seen)
    assert seen[-1] == (300, 300)
    sent = {(headers["x-forwarded-for"], headers["user-agent"]) for headers in wire.headers}
    assert sent == {(each.viewer.address, each.viewer.user_agent) for each in SESSIONS}


def test_batches_split_like_the_sdks() -> None:
    """Twenty events a batch, in order; ids do not give the session away and repeat on a re-run."""
    session = long_session()
    with open_wire() as wire:
        post_sessions([session], endpoint_of(wire))
        post_sessions([session], endpoint_of(wire))
        frames = wire.frames()
        counted = [event.seq for event in wire.events()]
    ids = [frame.header.batch_id for frame in frames]
    assert len(ids) == 6
    assert ids[:3] == ids[3:]
    assert len(set(ids)) == 3
    assert session.session_id not in "".join(ids)
    assert counted[:45] == [event.seq for event in session.events]


def test_retries_repeat_the_same_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    """429 and 5xx lead to the same bytes again, nothing is lost or doubled."""
    monkeypatch.setattr(client, "FIRST_RETRY_SECONDS", 0.01)
    with open_wire(429, 503, 500) as wire:
        summary = post_sessions(SESSIONS[:1], endpoint_of(wire), concurrency=1)
    assert len(wire.bodies) == 4
    assert len(set(wire.bodies)) == 1
    assert (summary.retries, summary.batches) == (3, 1)


def test_refusal_and_silence_are_errors(monkeypatch: pytest.MonkeyPatch) -> None:
    """A 401 is not repeated; an API that is not there gives up after some attempts."""
    monkeypatch.setattr(client, "FIRST_RETRY_SECONDS", 0.001)
    with open_wire(401) as wire:
        endpoint = endpoint_of(wire)
        with pytest.raises(UploadFailed, match="401"):
            post_sessions(SESSIONS[:1], endpoint, concurrency=1)
        assert len(wire.bodies) == 1
    with pytest.raises(UploadFailed, match="attempts"):
        post_sessions(SESSIONS[:1], endpoint, concurrency=1)


def test_the_real_api_takes_it_and_knows_the_countries(tmp_path: Path) -> None:
    """The ingestion API queues every batch with the viewer's country and one pseudonym a viewer;
    posting again changes nothing."""
    api = Api(tmp_path, ANALYTICS_TRUSTED_PROXIES="127.0.0.1").start()
    try:
        key = active_public_key(tmp_path / "keys")
        url = f"http://127.0.0.1:{api.port}"
        answer = json.loads(api.client.get("/api/v1/keys").text)
        assert base64.b64decode(answer["public_key"]) == key.public_bytes
        public = X25519PublicKey.from_public_bytes(key.public_bytes)
        endpoint = Endpoint(url, "demo", api.api_key, key.key_id, public)
        first = post_sessions(SESSIONS, endpoint)
        again = post_sessions(SESSIONS, endpoint)
        queued = api.queued()
    finally:
        api.stop()
    assert (first.duplicates, again.duplicates) == (0, again.batches)
    assert len(queued) == first.batches
    database = CountryDatabase()
    expected = [database.country_of(ip_address(s.viewer.address)) for s in SESSIONS]
    assert sorted(batch.country for batch in queued) == sorted(expected)
    viewers = {session.viewer.number for session in SESSIONS}
    assert len({batch.viewer for batch in queued}) == len(viewers)
