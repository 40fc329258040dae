"""The committed recordings: varied, valid, and true to the SDK's promises."""

from collections import Counter
from itertools import pairwise

import pytest

from analytics_pipeline.simulator import Shape, load_shapes

SHAPES = load_shapes()
EACH = pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.recording_id)


def test_at_least_forty_sessions_of_every_kind() -> None:
    """Full views, early exits, pauses, seeks, stalls, errors, and pages never played."""
    kinds = Counter(shape.kind for shape in SHAPES)
    assert len(SHAPES) >= 40
    assert set(kinds) == {
        "full", "early_exit", "pause", "seek", "stall", "slow_start", "error", "load_only"
    }  # fmt: skip
    assert min(kinds.values()) >= 3
    types = {event.type for shape in SHAPES for event in shape.events}
    assert types == {
        "load", "play", "pause", "seek", "heartbeat", "rebuffer", "complete", "error"
    }  # fmt: skip


def test_session_ids_are_random_and_recordings_named_once() -> None:
    """128 random bits per page; every recording its own."""
    sessions = {shape.events[0].session_id for shape in SHAPES}
    assert len(sessions) == len(SHAPES) == len({shape.recording_id for shape in SHAPES})
    assert {len(session) for session in sessions} == {22}


@EACH
def test_order(shape: Shape) -> None:
    """A view starts with `load`; sequence numbers and times go forward together."""
    assert [event.type for event in shape.events].index("load") == 0
    assert [event.seq for event in shape.events] == list(range(len(shape.events)))
    assert all(a <= b for a, b in pairwise(shape.offsets_ms))


@EACH
def test_positions_and_lengths_fit_the_media(shape: Shape) -> None:
    """No position lies beyond the end; the length is the media's wherever it is given."""
    for event in shape.events:
        assert event.position_ms is not None
        assert 0 <= event.position_ms <= shape.duration_ms + 100
        assert event.duration_ms in (None, shape.duration_ms)
        assert event.delivered_bytes is not None


@EACH
def test_only_a_playing_view_beats(shape: Shape) -> None:
    """Heartbeats follow play, heartbeat, seek or the end of a stall, at most ten seconds apart."""
    for before, after in pairwise(shape.events):
        if after.type == "heartbeat":
            assert before.type in {"play", "heartbeat", "seek", "rebuffer"}
            if before.type != "rebuffer":
                assert after.at_ms - before.at_ms <= 10_500


@EACH
def test_stalls_and_ends(shape: Shape) -> None:
    """A stall starts while playing and ends in a heartbeat; `complete` has no `pause` before it."""
    for before, after in pairwise(shape.events):
        if after.type == "rebuffer":
            assert before.type in {"play", "heartbeat", "seek"}
        if before.type == "rebuffer":
            assert after.type in {"heartbeat", "error"}
        if after.type == "complete":
            assert before.type != "pause"
    plays = [event for event in shape.events if event.type == "play"]
    assert all(event.startup_ms is None for event in plays[1:])
