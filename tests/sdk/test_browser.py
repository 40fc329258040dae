"""Real pages in headless Chromium, through the recorder: what players do becomes these events."""

import json
import sys
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from tests.chain.node_tools import node_command
from tests.sdk.support import SDK, install_sdk, run_in

pytestmark = [pytest.mark.browser, pytest.mark.node]
SCRIPTS = (
    "^(full-04|early_exit-07|pause-13|seek-14|stall-19|slow_start-26|error-2.|load_only-30)-31s"
)

#: The scripts stall for seconds; anything shorter is the machine.
MACHINE_STALL_MS = 2_000

Event = dict[str, Any]


@pytest.fixture(scope="module")
def recordings(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Event]]:
    """Events of a few fresh recordings (about 50 seconds), by script."""
    sdk = install_sdk(tmp_path_factory.mktemp("browser"))
    out = sdk / "sessions.jsonl"
    command = [*node_command(), "record/record.mjs", "--only", SCRIPTS, "--out", str(out)]
    command += ["--python", sys.executable]
    run_in(sdk, *command, PYTHONPATH=str(SDK.parent))
    lines = [json.loads(line) for line in Path(out).read_text().splitlines()]
    return {line["recording_id"].removesuffix("-31s"): line["events"] for line in lines}


def is_hiccup(event: Event, following: Event) -> bool:
    """A busy machine's player runs dry now and then for a moment: not what a script asked for."""
    return event["type"] == "rebuffer" and following["at_ms"] - event["at_ms"] < MACHINE_STALL_MS


def types(events: list[Event]) -> list[str]:
    """Event types in order, without the machine's own hiccups, heartbeats in a row once."""
    steady = [a for a, b in pairwise(events) if not is_hiccup(a, b)] + events[-1:]
    named = [event["type"] for event in steady]
    return [named[0], *(b for a, b in pairwise(named) if (a, b) != ("heartbeat", "heartbeat"))]


def test_full_view_and_replay(recordings: dict[str, list[Event]]) -> None:
    """`complete` without the browser's `pause` before it; a replay seeks to the start and plays."""
    events = recordings["full-04"]
    expected = ["load", "play", "heartbeat", "complete", "seek", "play", "heartbeat"]
    assert types(events) == expected
    plays = [event for event in events if event["type"] == "play"]
    assert "startup_ms" in plays[0]
    assert "startup_ms" not in plays[1]
    assert sum(event["delivered_bytes"] for event in events) > 700_000


def test_closing_the_tab_keeps_the_last_events(recordings: dict[str, list[Event]]) -> None:
    """A tab closed while playing still delivers how far the viewer got, by beacon."""
    events = recordings["early_exit-07"]
    assert types(events) == ["load", "play", "heartbeat"]
    assert 7_500 <= events[-1]["position_ms"] <= 9_500


def test_pause_and_seek(recordings: dict[str, list[Event]]) -> None:
    """`pause` once; `seek` carries the destination."""
    assert types(recordings["pause-13"]) == ["load", "play", "heartbeat", "pause"]
    events = recordings["seek-14"]
    assert types(events) == ["load", "play", "seek", "heartbeat"]
    assert abs(events[2]["position_ms"] - 0.6 * 31_008) < 50


def test_stall_starts_with_rebuffer_and_ends_with_heartbeat(
    recordings: dict[str, list[Event]],
) -> None:
    """The server withheld the bytes for four seconds: that is the gap after `rebuffer`."""
    events = recordings["stall-19"]
    stalls = [
        n
        for n, (a, b) in enumerate(pairwise(events))
        if a["type"] == "rebuffer" and not is_hiccup(a, b)
    ]
    (start,) = stalls
    assert events[start + 1]["type"] == "heartbeat"
    assert 3_900 <= events[start + 1]["at_ms"] - events[start]["at_ms"] <= 7_000
    assert events[-1]["type"] == "complete"


def test_errors_have_symbolic_codes(recordings: dict[str, list[Event]]) -> None:
    """404, spoilt key frames and a cut connection are told apart."""
    last = {name: recordings[f"error-{name}"][-1] for name in ("27", "28", "29")}
    assert {name: event["error_code"] for name, event in last.items()} == {
        "27": "MEDIA_ERR_SRC_NOT_SUPPORTED",
        "28": "MEDIA_ERR_DECODE",
        "29": "MEDIA_ERR_NETWORK",
    }


def test_views_that_never_played(recordings: dict[str, list[Event]]) -> None:
    """Leaving without playing, or before anything came, is a view of its own."""
    assert types(recordings["load_only-30"]) == ["load"]
    assert types(recordings["slow_start-26"]) == ["load"]
