"""What the process leaves behind holds no address, user agent, API key or session."""

import signal
from ipaddress import ip_address
from pathlib import Path

import pytest

from tests.ingest.support import Api, assert_problem, make_event, make_plain

ADDRESSES = ("81.2.69.142", "203.0.113.77", "2a02:2e0:3fe:1001:1234:5678:9abc:def0")
USER_AGENT = "ConspicuousBrowser/7.42"
SESSION = "conspicuous-session-0815"


def leave_traces(api: Api) -> None:
    """Take every path through the API, good and bad, with conspicuous values."""
    api.client.headers["user-agent"] = USER_AGENT
    for address in ADDRESSES:
        forwarded = {"x_forwarded_for": address}
        frame = api.frame()
        api.post_frame(frame, **forwarded)
        api.post_frame(frame, **forwarded)
        api.post_plain(make_plain(sessionId=SESSION), **forwarded)
        api.post_plain(make_plain(sessionId=SESSION, videoId=[]), **forwarded)
        api.post_plain({"sessionId": SESSION}, **forwarded)
        api.post_frame(frame[:-1], **forwarded)
        api.post_frame(frame[:50], **forwarded)
        api.post_frame(api.frame(api_key="ak_conspicuous"), **forwarded)
        api.post_frame(api.frame(key_id="unknown"), **forwarded)
        api.post_frame(bytes(300_000), **forwarded)
        api.client.get(f"/nowhere/{address}", headers={"x-forwarded-for": address})
        api.client.get("/api/v1/status", headers={"x-forwarded-for": address})
        api.client.request("BREW", "/api/ingest", headers={"x-forwarded-for": address})


@pytest.mark.parametrize("sign", [signal.SIGTERM, signal.SIGKILL])
def test_no_file_and_no_log_names_a_viewer(tmp_path: Path, sign: int) -> None:
    """Queue, write-ahead log, salts, keys and the process's output are searched byte by byte."""
    api = Api(tmp_path, ANALYTICS_TRUSTED_PROXIES="127.0.0.0/8,::1").start()
    leave_traces(api)
    assert len(api.queued()) == 6
    api.stop(sign)
    needles = [USER_AGENT.encode(), SESSION.encode(), api.api_key.encode(), b"ak_conspicuous"]
    for text in ADDRESSES:
        packed = ip_address(text).packed
        needles += [text.encode(), packed, packed[:8]]
    searched = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert {"queue.sqlite", "api.log", "api_keys.json"} <= {path.name for path in searched}
    for path in searched:
        content = path.read_bytes()
        assert not [needle for needle in needles if needle in content], path


def test_devices_that_count_for_themselves_leave_nothing(tmp_path: Path) -> None:
    """Under a high key neither pseudonym nor country is worked out: two visitors' batches differ in
    id, time and ciphertext only, no salt is made, and plain events are refused."""
    api = Api(tmp_path, ANALYTICS_TRUSTED_PROXIES="127.0.0.1").start()
    api.api_key = api.new_api_key(viewer_model="high")
    summary = make_event(type="summary", watched_ms=5_000)
    for address in ADDRESSES:
        frame = api.frame(events=[summary])
        answer = api.post_frame(frame, x_forwarded_for=address, user_agent=USER_AGENT)
        assert answer.status_code == 202
    queued = api.queued()
    assert {(batch.viewer, batch.country, batch.viewer_model) for batch in queued} == {
        (None, "ZZ", "high")
    }
    assert len({batch.batch_id for batch in queued}) == len(ADDRESSES)
    assert_problem(api.post_plain(), 403)
    assert list((tmp_path / "salts").glob("*.salt")) == []
    api.stop()
    for path in (path for path in tmp_path.rglob("*") if path.is_file()):
        content = path.read_bytes()
        for text in ADDRESSES:
            packed = ip_address(text).packed
            assert not [n for n in (text.encode(), packed, packed[:8]) if n in content], path


def test_one_device_cannot_use_up_a_high_key(tmp_path: Path) -> None:
    """The rate of one visitor is limited under a high key too, in memory."""
    limits = {"ANALYTICS_RATE_LIMIT_PER_VIEWER": "2"}
    api = Api(tmp_path, ANALYTICS_TRUSTED_PROXIES="127.0.0.1", **limits).start()
    api.api_key = api.new_api_key(viewer_model="high")
    first, other = ADDRESSES[:2]
    answers = [api.post_frame(x_forwarded_for=first).status_code for _ in range(12)]
    assert 429 in answers
    assert api.post_frame(x_forwarded_for=other).status_code == 202
    api.stop()


def test_files_are_for_the_owner_only(tmp_path: Path) -> None:
    """Queue (with its write-ahead log), salts and API keys are readable by nobody else."""
    api = Api(tmp_path).start()
    api.post_frame()
    private = [*tmp_path.glob("queue.sqlite*"), *(tmp_path / "salts").iterdir(), api.api_keys_path]
    assert len(private) >= 5
    assert [path for path in private if path.stat().st_mode & 0o077] == []
    api.stop()


def test_stale_salt_is_destroyed_at_start_up(tmp_path: Path) -> None:
    """A salt left by a machine that was off goes before the first request is served."""
    api = Api(tmp_path)
    stale = tmp_path / "salts" / "2026-01-01.salt"
    stale.parent.mkdir()
    stale.write_bytes(b"s" * 32)
    api.start()
    assert not stale.exists()
    api.stop()


def test_same_viewer_same_pseudonym_and_otherwise_not(tmp_path: Path) -> None:
    """Address and user agent together make the day's pseudonym; an untrusted peer's
    X-Forwarded-For changes nothing."""
    api = Api(tmp_path, ANALYTICS_TRUSTED_PROXIES="127.0.0.1").start()
    for address, agent in (("81.2.69.142", "A"), ("81.2.69.142", "A"), ("81.2.69.143", "A")):
        api.post_frame(x_forwarded_for=f"10.9.8.7, {address}", user_agent=agent)
    api.post_frame(x_forwarded_for="81.2.69.142", user_agent="B")
    first, second, third, fourth = [batch.viewer for batch in api.queued()]
    assert first == second
    assert len({first, third, fourth}) == 3
    api.stop()
    api.environ = {}
    api.start()
    api.post_frame(x_forwarded_for="81.2.69.142", user_agent="A")
    api.post_frame(x_forwarded_for="81.2.69.143", user_agent="A")
    *_, fifth, sixth = api.queued()
    assert fifth.viewer == sixth.viewer
    assert fifth.country == "ZZ"
    api.stop()
