"""The built SDK, run in Node against a real HTTP server, opened with Python's HPKE."""

import json
import re
from typing import Any

import pytest

from analytics_pipeline.core.day import MS_PER_DAY
from tests.sdk.support import BUNDLE, Wire, open_wire, run_node

PLAY_TWICE = """
  tracker.trackPlayEvent("video-1", 1_790_000_000_000);
  tracker.trackPauseEvent("video-1", 2_500);
"""


def run_sdk(wire: Wire, body: str, before: str = "", **options: Any) -> Any:
    """Run `body` with a tracker; gives the tracker's counters."""
    return run_node(f"""
      {before}
      const {{ init }} = await import("{BUNDLE.as_uri()}");
      const tracker = init({json.dumps(wire.options(**options))});
      {body}
      console.log(JSON.stringify(tracker.stats));
      process.exit(0);
    """)


def test_python_opens_what_javascript_sealed() -> None:
    """A batch sealed by the bundle opens with `cryptography` and holds valid events."""
    with open_wire() as wire:
        stats = run_sdk(wire, PLAY_TWICE + "await tracker.flush();")
    (frame,) = wire.frames()
    assert (frame.header.project, frame.header.key_id) == ("demo", "key-1")
    assert frame.header.api_key == "ak_test"
    play, pause = wire.events()
    assert (play.type, play.at_ms, play.position_ms) == ("play", 1_790_000_000_000, 0)
    assert (pause.type, pause.at_ms, pause.position_ms) == ("pause", 1_790_000_002_500, 2_500)
    assert play.session_id == pause.session_id
    assert play.seq < pause.seq
    assert stats["accepted"] == 2


def test_upload_names_nobody() -> None:
    """No cookie, no referrer, a type that needs no preflight; session ids differ per page."""
    with open_wire() as wire:
        for _ in range(2):
            run_sdk(wire, PLAY_TWICE + "await tracker.flush();")
    for headers in wire.headers:
        assert headers["content-type"] == "text/plain"
        assert not {"cookie", "referer", "authorization"} & headers.keys()
    assert len({event.session_id for event in wire.events()}) == 2


def test_retry_repeats_the_same_bytes() -> None:
    """After 503 and 429 the very same batch is sent again; nothing is counted twice."""
    wait = "while (tracker.stats.waiting) await new Promise((next) => setTimeout(next, 50));"
    with open_wire(503, 429) as wire:
        stats = run_sdk(wire, PLAY_TWICE + "await tracker.flush();" + wait)
    assert len(wire.bodies) == 3
    assert len(set(wire.bodies)) == 1
    assert (stats["accepted"], stats["retries"], stats["refused"]) == (2, 2, 0)


def test_refused_batch_is_given_up() -> None:
    """A 400 is not repeated, and its events are counted as refused."""
    with open_wire(400) as wire:
        stats = run_sdk(wire, PLAY_TWICE + "await tracker.flush();")
    assert len(wire.bodies) == 1
    assert (stats["accepted"], stats["refused"], stats["waiting"]) == (0, 2, 0)


def test_batches_hold_twenty_events_and_distinct_ids() -> None:
    """45 events leave as 20, 20 and 5, in order, each in a batch of its own id and key."""
    many = "for (let i = 0; i < 45; i++) tracker.trackPlayEvent('v', 1_790_000_000_000 + i);"
    with open_wire() as wire:
        run_sdk(wire, many + "await tracker.flush();")
    frames = wire.frames()
    assert len({frame.header.batch_id for frame in frames}) == len(frames) == 3
    assert len({frame.sealed[:32] for frame in frames}) == 3
    assert [event.seq for event in wire.events()] == list(range(45))


def test_full_queue_drops_and_counts() -> None:
    """While nothing can be sent at most 500 events wait; what is dropped is counted."""
    many = "for (let i = 0; i < 600; i++) tracker.trackPlayEvent('v', 1_790_000_000_000 + i);"
    with open_wire() as wire:
        stats = run_sdk(wire, many)
    assert stats["waiting"] == 500
    assert stats["dropped"] == 100


LOCAL_STORAGE = """
  const kept = new Map();
  globalThis.localStorage = {
    getItem: (name) => kept.get(name) ?? null, setItem: (name, text) => void kept.set(name, text),
  };
"""
PLAY_NOW = """
  for (const video of ["video-1", "video-2"]) tracker.trackPlayEvent(video);
  await tracker.flush();
"""


def test_the_first_play_of_a_day_says_whether_it_is_the_first() -> None:
    """One play of a day carries the bits; what is kept is the date and nothing else."""
    before = LOCAL_STORAGE + """kept.set("analytics-pipeline.demo", '{"last":"2020-02-02"}');"""
    check = """
      const today = new Date().toISOString().slice(0, 10);
      const entry = kept.get("analytics-pipeline.demo");
      if (kept.size !== 1 || entry !== `{"last":"${today}"}`) process.exit(1);
    """
    with open_wire() as wire:
        run_sdk(wire, PLAY_NOW + check + PLAY_NOW, before)
    said = [(event.first_of_week, event.first_of_month) for event in wire.events()]
    assert said == [(True, True), *[(None, None)] * 3]


@pytest.mark.parametrize(
    ("before", "options"),
    [
        (LOCAL_STORAGE, {"storage": False}),
        (
            LOCAL_STORAGE
            + "Object.defineProperty(globalThis, 'navigator', {value: {doNotTrack: '1'}});",
            {"respectPrivacySignals": False},
        ),
    ],
)
@pytest.mark.parametrize("level", ["standard", "high"])
def test_without_leave_nothing_is_stored(before: str, options: dict[str, Any], level: str) -> None:
    """With `storage: false`, or a viewer's privacy signal, no entry and no bits; events go on."""
    check = "if (kept.size) process.exit(1);"
    with open_wire() as wire:
        run_sdk(wire, PLAY_NOW + check, before, privacyLevel=level, **options)
    events = wire.events()
    assert len(events) == 2
    assert {(event.first_of_week, event.first_of_month) for event in events} == {(None, None)}


def test_high_sends_summaries_and_nothing_else() -> None:
    """No session, no time, no event of the player: sums of the day under the day's number."""
    body = """
      tracker.trackPlayEvent("video-1");
      tracker.trackPauseEvent("video-1", 2_500);
      await tracker.flush();
      tracker.trackPlayEvent("video-2");
      await tracker.flush();
    """
    with open_wire() as wire:
        run_sdk(wire, body, LOCAL_STORAGE, privacyLevel="high")
    first, second = wire.events()
    assert (first.type, first.video_id, first.position_ms) == ("summary", "video-1", 2_500)
    assert (second.type, second.video_id, second.watched_ms) == ("summary", "video-2", 0)
    assert first.watched_ms == 2_500
    assert first.session_id == second.session_id
    assert (first.at_ms % MS_PER_DAY, second.at_ms % MS_PER_DAY) == (0, 1)
    assert (first.first_of_week, second.first_of_week) == (True, None)


def test_waiting_summaries_make_way_for_newer_ones() -> None:
    """While nothing can be sent, one summary of each video waits."""
    body = """
      for (let i = 0; i < 5; i++) {
        tracker.trackPlayEvent("video-1", Date.now() + i);
        tracker.trackPlayEvent("video-2", Date.now() + i);
        tracker.flush();
      }
    """
    with open_wire() as wire:
        stats = run_sdk(wire, body, LOCAL_STORAGE, privacyLevel="high")
    assert stats["waiting"] == 2


@pytest.mark.parametrize("signal", ["{globalPrivacyControl: true}", '{doNotTrack: "1"}'])
def test_opted_out_viewers_are_left_alone(signal: str) -> None:
    """GPC and DNT silence the SDK unless the page says otherwise."""
    before = f"Object.defineProperty(globalThis, 'navigator', {{value: {signal}}});"
    with open_wire() as wire:
        run_sdk(wire, PLAY_TWICE + "await tracker.flush();", before)
        assert wire.bodies == []
        run_sdk(wire, PLAY_TWICE + "await tracker.flush();", before, respectPrivacySignals=False)
        assert len(wire.bodies) == 1


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"privacyLevel": "total"}, "privacyLevel: 'standard' or 'high'"),
        ({"endpoint": "http://events.example.org"}, "endpoint: must be https"),
        ({"endpoint": "nonsense"}, "endpoint: not a URL"),
        ({"publicKey": "AAAA"}, "publicKey: an X25519 key has 32 bytes"),
        ({"publicKey": "?"}, "publicKey: not base64url"),
        ({"projectId": "a b"}, "projectId"),
        ({"keyId": ""}, "keyId"),
        ({"environment": "staging"}, "environment"),
    ],
)
def test_wrong_options_are_named(changes: dict[str, str], problem: str) -> None:
    """`init` throws a TypeError that names the option."""
    options = Wire(url="https://events.example.org").options(**changes)
    message = run_node(f"""
      const {{ init }} = await import("{BUNDLE.as_uri()}");
      try {{ init({json.dumps(options)}); console.log('"accepted"'); }}
      catch (error) {{ console.log(JSON.stringify(`${{error.name}} ${{error.message}}`)); }}
      process.exit(0);
    """)
    assert re.match(f"TypeError {problem}", message), message


@pytest.mark.parametrize(
    "call",
    [
        "tracker.trackPlayEvent('a video', 1)",
        "tracker.trackPlayEvent('v', NaN)",
        "tracker.trackPauseEvent('v', -1)",
        "tracker.attach({}, {videoId: 'v', provider: 'ftp'})",
    ],
)
def test_wrong_arguments_are_named(call: str) -> None:
    """A page's own mistake throws where it is made."""
    attempt = f"""
      let problem = null;
      try {{ {call} }} catch (error) {{ problem = error; }}
      if (!(problem instanceof TypeError)) process.exit(1);
    """
    with open_wire() as wire:
        assert run_sdk(wire, attempt)["waiting"] == 0
