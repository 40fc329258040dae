"""One plain JSON event of `POST /api/ingest`: strict parsing, conversion, identity.

    {"sessionId": "…", "videoId": "…", "eventType": "play", "timestamp": 1767225600000,
     "payload": {"currentTime": 12.5}}

Belongs here: pure functions from bytes to a `core.event.Event` and its batch id. Does not belong
here: sealing and queueing (`ingest.service`).
"""

import base64
import hashlib
import hmac
from datetime import UTC, datetime, timedelta
from typing import Annotated, Final

import msgspec
from msgspec import Meta

from analytics_pipeline.core.errors import InvalidInput
from analytics_pipeline.core.event import (
    ACCEPTED_AGE_MS,
    ACCEPTED_AHEAD_MS,
    MAX_AT_MS,
    MAX_MEDIA_MS,
    MIN_AT_MS,
    AtMs,
    Event,
    Identifier,
    PlayerEventType,
    Provider,
    SessionId,
    describe_validation_error,
)

MAX_PLAIN_BYTES: Final = 16 * 1024

MediaSeconds = Annotated[float, Meta(ge=0, le=MAX_MEDIA_MS / 1000)]


class PlainPayload(
    msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename="camel", omit_defaults=True
):
    """Optional facts of a plain event; times are seconds, as `HTMLMediaElement` gives them."""

    current_time: MediaSeconds | None = None
    duration: MediaSeconds | None = None
    #: `play` only: seconds from the wish to play to the first frame
    startup_time: Annotated[float, Meta(ge=0, le=3600)] | None = None
    delivered_bytes: Annotated[int, Meta(ge=0, le=2**40)] | None = None
    provider: Provider = "unknown"
    #: `error` only
    error_code: (
        Annotated[str, Meta(min_length=1, max_length=64, pattern=r"\A[A-Z0-9_]+\Z")] | None
    ) = None


class PlainEvent(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename="camel"):
    """The request body. ``timestamp`` is Unix milliseconds, or an RFC 3339 string with offset."""

    session_id: SessionId
    video_id: Identifier
    event_type: PlayerEventType
    timestamp: AtMs | Annotated[datetime, Meta(tz=True)]
    payload: PlainPayload = PlainPayload()


def parse_plain_event(body: bytes) -> Event:
    """Parse and convert a request body.

    Raises:
        InvalidInput: naming the field as the caller wrote it, e.g. ``payload.currentTime``.
    """
    try:
        plain = _DECODER.decode(body)
    except msgspec.ValidationError as error:
        field, problem = describe_validation_error(error)
        raise InvalidInput("body" if field == "event" else field, problem) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise InvalidInput("body", "not UTF-8 JSON") from None
    payload = plain.payload
    if payload.startup_time is not None and plain.event_type != "play":
        raise InvalidInput("payload.startupTime", "only on eventType play")
    if payload.error_code is not None and plain.event_type != "error":
        raise InvalidInput("payload.errorCode", "only on eventType error")
    return Event(
        type=plain.event_type,
        session_id=plain.session_id,
        video_id=plain.video_id,
        at_ms=_unix_ms(plain.timestamp),
        position_ms=_milliseconds(payload.current_time),
        duration_ms=_milliseconds(payload.duration),
        startup_ms=_milliseconds(payload.startup_time),
        delivered_bytes=payload.delivered_bytes,
        provider=payload.provider,
        error_code=payload.error_code,
    )


def check_time(event: Event, received_at_ms: int) -> None:
    """Refuse an event that the sealer would drop. (It cannot be seen inside a sealed batch: there
    the sealer drops and counts it.) Raises InvalidInput naming ``timestamp``."""
    if event.at_ms > received_at_ms + ACCEPTED_AHEAD_MS:
        raise InvalidInput("timestamp", "more than an hour in the future")
    if event.at_ms < received_at_ms - ACCEPTED_AGE_MS:
        raise InvalidInput("timestamp", "more than 8 days ago")


def plain_batch_id(install_secret: bytes, project: str, event: Event) -> str:
    """The batch id of a plain event: equal for equal (session, video, type, timestamp), and for
    `complete` for equal (session, video).

    An HMAC under the installation's secret and not a plain hash: those fields are few enough to
    try all, and batch ids stay in the queue's memory in the clear.
    """
    identity = [project, event.session_id, event.video_id, event.type]
    if event.type != "complete":
        identity.append(str(event.at_ms))
    message = b"".join(len(part).to_bytes(4, "big") + part.encode() for part in identity)
    digest = hmac.new(install_secret, message, hashlib.sha256).digest()
    return base64.urlsafe_b64encode(digest[:24]).decode("ascii")


_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_DECODER: Final = msgspec.json.Decoder(PlainEvent)


def _milliseconds(seconds: float | None) -> int | None:
    return None if seconds is None else round(seconds * 1000)


def _unix_ms(timestamp: int | datetime) -> int:
    if isinstance(timestamp, int):
        return timestamp
    at_ms = (timestamp - _EPOCH) // timedelta(milliseconds=1)  # exact; floats lose milliseconds
    if not MIN_AT_MS <= at_ms < MAX_AT_MS:
        raise InvalidInput("timestamp", "not between 2020 and 2100")
    return at_ms
