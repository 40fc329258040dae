"""One player event: its fields, its limits, and the parser that rejects.

Belongs here: the event vocabulary shared by the browser SDK, the ingestion API, the sealer and
the simulator. Does not belong here: how events travel (`core.batch`) or are stored.
"""

import re
from typing import Annotated, Any, Final, Literal, get_args

import msgspec
from msgspec import Meta

from analytics_pipeline.core.errors import InvalidEvent

PlayerEventType = Literal[
    "load", "play", "pause", "seek", "heartbeat", "rebuffer", "complete", "error"
]
#: `summary`: what a device that counts for itself sends instead (viewer model `high`)
EventType = Literal[PlayerEventType, "summary"]
Provider = Literal["ipfs", "arweave", "filecoin", "cdn", "unknown"]
PLAYER_EVENT_TYPES: Final[tuple[str, ...]] = get_args(PlayerEventType)
EVENT_TYPES: Final[tuple[str, ...]] = get_args(EventType)
PROVIDERS: Final[tuple[str, ...]] = get_args(Provider)

MAX_MEDIA_MS: Final = 7 * 86_400_000
#: a summary is about one UTC day
MAX_SUMMED_MS: Final = 86_400_000
# 2020-01-01 .. 2100-01-01: outside is a broken clock, or seconds taken for milliseconds.
MIN_AT_MS: Final = 1_577_836_800_000
MAX_AT_MS: Final = 4_102_444_800_000
# An event counts if its time is at most this far from when it was received. Ahead: clocks are off.
# Behind: a device was offline; later than this, its day is closed for good.
ACCEPTED_AHEAD_MS: Final = 3_600_000
ACCEPTED_AGE_MS: Final = 8 * 86_400_000

Identifier = Annotated[str, Meta(min_length=1, max_length=128, pattern=r"\A[A-Za-z0-9._:-]+\Z")]
SessionId = Annotated[str, Meta(min_length=8, max_length=64, pattern=r"\A[A-Za-z0-9_-]+\Z")]
AtMs = Annotated[int, Meta(ge=MIN_AT_MS, lt=MAX_AT_MS)]
MediaMs = Annotated[int, Meta(ge=0, le=MAX_MEDIA_MS)]
SummedMs = Annotated[int, Meta(ge=0, le=MAX_SUMMED_MS)]


class Event(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """One fact about one view, as the browser SDK sends it inside a sealed batch.

    A *view* is one (session_id, video_id); its events are ordered by (at_ms, seq).
    ``at_ms`` is Unix time in milliseconds by the client's clock; ``position_ms``,
    ``duration_ms`` and ``startup_ms`` are milliseconds of media or of waiting.

    A `summary` says how much of one video a device has played on one UTC day so far; later ones
    replace it. Its ``session_id`` groups that day's summaries of the device and says nothing else.
    """

    type: EventType
    session_id: SessionId
    video_id: Identifier
    at_ms: AtMs
    seq: Annotated[int, Meta(ge=0, lt=2**31)] = 0
    position_ms: MediaMs | None = None
    #: length of the media, where the player knows it
    duration_ms: MediaMs | None = None
    #: first `play` of a view, and `summary`: from the wish to play to the first frame
    startup_ms: Annotated[int, Meta(ge=0, le=3_600_000)] | None = None
    #: media bytes delivered since the view's previous event
    delivered_bytes: Annotated[int, Meta(ge=0, le=2**40)] | None = None
    provider: Provider = "unknown"
    #: `error` only: a short symbolic code, never a message (messages carry URLs)
    error_code: (
        Annotated[str, Meta(min_length=1, max_length=64, pattern=r"\A[A-Z0-9_]+\Z")] | None
    ) = None
    #: `play` and `summary` only: nothing was played on this device earlier in the ISO week (Monday,
    #: UTC), or in the month; null where the device keeps no date, or has said it before that day
    first_of_week: bool | None = None
    first_of_month: bool | None = None
    #: `summary` only (and required there): played of this video on this day so far
    watched_ms: SummedMs | None = None
    #: `summary` only: stalled meanwhile
    stalled_ms: SummedMs | None = None


#: event types that may carry a field; fields not named here are for all
ONLY_ON: Final[dict[str, tuple[str, ...]]] = {
    "error_code": ("error",),
    "startup_ms": ("play", "summary"),
    "first_of_week": ("play", "summary"),
    "first_of_month": ("play", "summary"),
    "watched_ms": ("summary",),
    "stalled_ms": ("summary",),
}
_FIELD_IN_MESSAGE = re.compile(r"`\$\.?(?P<path>[^`]*)`$")
_NAMED_FIELD = re.compile(r"(?:unknown|required) field `(?P<name>[^`]*)`")


def describe_validation_error(error: msgspec.ValidationError) -> tuple[str, str]:
    """Split msgspec's message into (dotted field path, problem)."""
    text = str(error)
    located = _FIELD_IN_MESSAGE.search(text)
    path = located["path"] if located else ""
    problem = text[: located.start()].removesuffix(" - at ") if located else text
    named = _NAMED_FIELD.search(text)
    if named:
        path = f"{path}.{named['name']}" if path else named["name"]
    return path or "event", problem


def parse_event(raw: Any, *, position: int = 0) -> Event:
    """Validate one decoded JSON object.

    Args:
        raw: what `json.loads` gave for one element of ``events``.
        position: its index in the batch, to name the field.
    Raises:
        InvalidEvent: with ``reason`` one of ``unknown_type``, ``bad_time``, ``bad_field``.
    """
    try:
        event = msgspec.convert(raw, Event)
    except msgspec.ValidationError as error:
        field, problem = describe_validation_error(error)
        reason = {"type": "unknown_type", "at_ms": "bad_time"}.get(field, "bad_field")
        raise InvalidEvent(f"events[{position}].{field}", problem, reason) from None
    for name, types in ONLY_ON.items():
        if event.type not in types and getattr(event, name) is not None:
            problem = f"only on type {' and '.join(types)}"
            raise InvalidEvent(f"events[{position}].{name}", problem, "bad_field")
    if event.type == "summary" and event.watched_ms is None:
        raise InvalidEvent(f"events[{position}].watched_ms", "required on summary", "bad_field")
    return event
