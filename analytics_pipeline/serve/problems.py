"""The problems of the read API; their form is `web.problem`.

Belongs here: the list of kinds. Does not belong here: where they are raised.
"""

from typing import Final

from analytics_pipeline.web.problem import (
    INVALID,
    NOT_FOUND,
    TOO_LARGE,
    TOO_SLOW,
    UNSUPPORTED,
    WRONG_METHOD,
    Kind,
)

UNKNOWN_READ_KEY: Final = Kind(
    "unknown-read-key",
    401,
    "Read key missing or unknown",
    "Send a current read key as `Authorization: Bearer …` or `X-API-Key`.",
)
NOT_GRANTED: Final = Kind(
    "not-granted",
    403,
    "Not with this read key",
    "The key's grant does not cover this. Ask for what it covers, or ask the operator for another.",
)
RULES_FULL: Final = Kind(
    "rules-full", 409, "No room for another rule", "Remove a rule of this key first."
)
RATE_LIMITED: Final = Kind(
    "rate-limited",
    429,
    "Too many requests",
    "Wait for `Retry-After` seconds; a read key raises the limit.",
)
INTERNAL: Final = Kind("internal", 500, "The request could not be handled", "Send it again later.")
UNAVAILABLE: Final = Kind(
    "unavailable", 503, "Not available now", "Send it again after `Retry-After` seconds."
)

KINDS: Final = {
    kind.name: kind
    for kind in (
        INVALID,
        UNKNOWN_READ_KEY,
        NOT_GRANTED,
        NOT_FOUND,
        WRONG_METHOD,
        TOO_SLOW,
        TOO_LARGE,
        UNSUPPORTED,
        RULES_FULL,
        RATE_LIMITED,
        INTERNAL,
        UNAVAILABLE,
    )
}
