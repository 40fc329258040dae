"""Session shapes: what recorded players really sent.

Belongs here: reading `data/recordings/sessions.jsonl` (its README describes the fields). Does not
belong here: changing a shape in any way.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Final

import msgspec
from msgspec import Meta

from analytics_pipeline.core.errors import InvalidEvent, InvalidInput
from analytics_pipeline.core.event import (
    MAX_MEDIA_MS,
    Event,
    describe_validation_error,
    parse_event,
)

_RELATIVE: Final = Path("data/recordings/sessions.jsonl")


@dataclass(frozen=True)
class Shape:
    """One recorded session of one view.

    Attributes:
        kind: what the viewer did, in one word; the simulator mixes by it.
        duration_ms: length of the media that was played.
        events: as recorded, ordered by (at_ms, seq).
        offsets_ms: of each event, milliseconds since the first.
    """

    recording_id: str
    kind: str
    duration_ms: int
    events: tuple[Event, ...]
    offsets_ms: tuple[int, ...]

    @property
    def length_ms(self) -> int:
        """Wall time from the first event to the last."""
        return self.offsets_ms[-1]


class _Recording(msgspec.Struct):
    recording_id: Annotated[str, Meta(min_length=1)]
    kind: Annotated[str, Meta(min_length=1)]
    duration_ms: Annotated[int, Meta(gt=0, le=MAX_MEDIA_MS)]
    events: Annotated[list[Any], Meta(min_length=1)]


def parse_shape(line: bytes | str, *, position: int = 0) -> Shape:
    """Parse one line of the recordings. Raises InvalidInput naming the field."""
    where = f"recordings[{position}]"
    try:
        recording = msgspec.json.decode(line, type=_Recording)
    except msgspec.ValidationError as error:
        field, problem = describe_validation_error(error)
        raise InvalidInput(f"{where}.{field}", problem) from None
    except msgspec.DecodeError:
        raise InvalidInput(where, "not JSON") from None
    try:
        events = [parse_event(raw, position=n) for n, raw in enumerate(recording.events)]
    except InvalidEvent as error:
        raise InvalidInput(f"{where}.{error.field}", error.problem) from None
    events.sort(key=lambda event: (event.at_ms, event.seq))
    if len({(event.session_id, event.video_id) for event in events}) != 1:
        raise InvalidInput(f"{where}.events", "one recording is one view of one session")
    start_ms = events[0].at_ms
    return Shape(
        recording_id=recording.recording_id,
        kind=recording.kind,
        duration_ms=recording.duration_ms,
        events=tuple(events),
        offsets_ms=tuple(event.at_ms - start_ms for event in events),
    )


def default_recordings() -> Path:
    """The recordings of this checkout, or those below the working directory."""
    checkout = Path(__file__).parents[2] / _RELATIVE
    return checkout if checkout.exists() else _RELATIVE


def load_shapes(path: Path | None = None) -> tuple[Shape, ...]:
    """Read all recordings.

    Args:
        path: a JSON Lines file; by default the recordings that ship with the project.
    Raises:
        InvalidInput: the file is missing, empty, or a line is malformed.
    """
    source = path or default_recordings()
    try:
        lines = source.read_bytes().splitlines()
    except OSError:
        raise InvalidInput("recordings", f"cannot read {source}") from None
    if not lines:
        raise InvalidInput("recordings", f"{source} is empty")
    return tuple(parse_shape(line, position=n) for n, line in enumerate(lines))
