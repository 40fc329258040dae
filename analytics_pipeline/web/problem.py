"""Problems the API answers with: RFC 9457 ``application/problem+json``, one kind per cause.

Belongs here: the list of kinds and their JSON. Details say what to do next; they never repeat an
address, a user agent or a key.
"""

from dataclasses import dataclass
from typing import Final

import msgspec

PROBLEM_TYPE_PATH: Final = "/problems/"
MEDIA_TYPE: Final = b"application/problem+json"


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of problem: its HTTP status, title and what a caller can do about it."""

    name: str
    status: int
    title: str
    advice: str


INVALID: Final = Kind(
    "invalid", 400, "The request breaks a rule", "Correct the named `field`; do not send it again."
)
UNKNOWN_API_KEY: Final = Kind(
    "unknown-api-key", 401, "API key missing or unknown", "Send a current API key of the project."
)
FORBIDDEN: Final = Kind(
    "forbidden",
    403,
    "Not with this API key",
    "The key belongs to another project, does not allow this web origin, or takes summaries only.",
)
NOT_FOUND: Final = Kind("not-found", 404, "No such resource", "See /openapi.json.")
WRONG_METHOD: Final = Kind("wrong-method", 405, "Method not allowed", "Use the listed methods.")
TOO_SLOW: Final = Kind("too-slow", 408, "The body did not arrive in time", "Send it again.")
TOO_LARGE: Final = Kind("too-large", 413, "The body is too large", "Send smaller batches.")
UNSUPPORTED: Final = Kind(
    "unsupported", 415, "Unsupported media type", "Send JSON (or a frame) without encoding it."
)
RATE_LIMITED: Final = Kind(
    "rate-limited", 429, "Too many requests for this API key", "Wait for `Retry-After` seconds."
)
INTERNAL: Final = Kind(
    "internal", 500, "The request could not be handled", "Send it again later; nothing was stored."
)
UNAVAILABLE: Final = Kind(
    "unavailable", 503, "The batch was not stored", "Send it again after `Retry-After` seconds."
)

KINDS: Final = {
    kind.name: kind
    for kind in (
        INVALID,
        UNKNOWN_API_KEY,
        FORBIDDEN,
        NOT_FOUND,
        WRONG_METHOD,
        TOO_SLOW,
        TOO_LARGE,
        UNSUPPORTED,
        RATE_LIMITED,
        INTERNAL,
        UNAVAILABLE,
    )
}


class Problem(Exception):
    """Ends a request with a problem.

    Args:
        kind: one of the constants above.
        detail: this occurrence, in words.
        field: dotted path of the offending field, for `INVALID`.
        retry_after_seconds: for `RATE_LIMITED` and `UNAVAILABLE`.
    """

    def __init__(
        self, kind: Kind, detail: str, field: str | None = None, retry_after_seconds: int = 0
    ) -> None:
        super().__init__(detail)
        self.kind = kind
        self.detail = detail
        self.field = field
        self.retry_after_seconds = retry_after_seconds

    def body(self) -> bytes:
        """The JSON document of RFC 9457, with `field` as an extension member where it applies."""
        members: dict[str, object] = {
            "type": PROBLEM_TYPE_PATH + self.kind.name,
            "title": self.kind.title,
            "status": self.kind.status,
            "detail": self.detail,
        }
        if self.field is not None:
            members["field"] = self.field
        return msgspec.json.encode(members)

    def headers(self) -> list[tuple[bytes, bytes]]:
        """Media type and, where it applies, Retry-After and WWW-Authenticate."""
        headers = [(b"content-type", MEDIA_TYPE), (b"cache-control", b"no-store")]
        if self.retry_after_seconds:
            headers.append((b"retry-after", str(self.retry_after_seconds).encode()))
        if self.kind.status == 401:
            headers.append((b"www-authenticate", b"Bearer"))
        return headers
