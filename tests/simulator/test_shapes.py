"""Parsing recordings: what is wrong is named."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analytics_pipeline.core.errors import InvalidInput
from analytics_pipeline.simulator.shapes import load_shapes, parse_shape

EVENT = {"type": "load", "session_id": "abcdefgh", "video_id": "v", "at_ms": 1_790_000_000_000}
RECORDING = {"recording_id": "r", "kind": "full", "duration_ms": 1000, "events": [EVENT]}


def test_a_recording_becomes_offsets() -> None:
    """Offsets count from the first event, whatever order the file has."""
    later = {**EVENT, "type": "play", "at_ms": EVENT["at_ms"] + 70, "seq": 1}  # type: ignore[operator]
    shape = parse_shape(json.dumps({**RECORDING, "events": [later, EVENT]}))
    assert shape.offsets_ms == (0, 70)
    assert shape.length_ms == 70
    assert [event.type for event in shape.events] == ["load", "play"]


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"events": []}, "recordings[3].events"),
        ({"duration_ms": 0}, "recordings[3].duration_ms"),
        ({"kind": 7}, "recordings[3].kind"),
        ({"events": [{**EVENT, "type": "jump"}]}, "recordings[3].events[0].type"),
        ({"events": [EVENT, {**EVENT, "video_id": "w"}]}, "recordings[3].events"),
    ],
)
def test_broken_recordings_name_their_field(changes: dict[str, Any], field: str) -> None:
    """The error says which recording and which field."""
    with pytest.raises(InvalidInput) as caught:
        parse_shape(json.dumps({**RECORDING, **changes}), position=3)
    assert caught.value.field == field


@given(st.binary(max_size=200))
def test_noise_is_refused(line: bytes) -> None:
    """Arbitrary bytes never crash the parser."""
    with pytest.raises(InvalidInput):
        parse_shape(line)


def test_missing_and_empty_files_are_named(tmp_path: Path) -> None:
    """A wrong path and an empty file are errors of the caller."""
    with pytest.raises(InvalidInput, match="cannot read"):
        load_shapes(tmp_path / "none.jsonl")
    (tmp_path / "empty.jsonl").touch()
    with pytest.raises(InvalidInput, match="empty"):
        load_shapes(tmp_path / "empty.jsonl")
