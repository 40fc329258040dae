"""Who may send: API keys, web origins, rate; and which public keys batches may be sealed to.

Belongs here: decisions about one request, on key files that are read again when they change (so
`create`, `revoke` and a rotation work without a restart). Does not belong here: the files' formats
(`storage.api_keys`, `storage.public_keys`).
"""

from pathlib import Path

from analytics_pipeline.core.errors import KeyUnavailable
from analytics_pipeline.storage.api_keys import ApiKey, load_api_keys
from analytics_pipeline.storage.key_file import find_key
from analytics_pipeline.storage.public_keys import (
    PUBLIC_FOLDER,
    PublicKeyEntry,
    active_public_key,
    load_public_keys,
)
from analytics_pipeline.web.http import sent_key
from analytics_pipeline.web.limits import TokenBuckets
from analytics_pipeline.web.problem import (
    FORBIDDEN,
    INVALID,
    RATE_LIMITED,
    UNAVAILABLE,
    UNKNOWN_API_KEY,
    Problem,
)
from analytics_pipeline.web.watched import Watched


class Access:
    """The access rules of a deployment. `now_seconds` is always a monotonic clock."""

    def __init__(self, keys_dir: Path, rate_per_second: int) -> None:
        """Raises KeyUnavailable if the file of API keys is malformed."""
        path = keys_dir / "api_keys.json"
        public = keys_dir / PUBLIC_FOLDER
        self._api_keys = Watched(path, lambda: load_api_keys(path))
        self._public_keys = Watched(public, lambda: load_public_keys(keys_dir))
        self._active = Watched(public, lambda: active_public_key(keys_dir))
        self._buckets = TokenBuckets(rate_per_second)
        load_api_keys(path)

    def knows_origin(self, origin: str, now_seconds: float) -> bool:
        """Whether any key may be used from pages of `origin` (all that a preflight can ask)."""
        return any(key.allows_origin(origin) for key in self._api_keys.get(now_seconds))

    def authorise(
        self, secret: str, project: str | None, origin: str | None, now_seconds: float
    ) -> ApiKey:
        """The key of this request, with one token of its rate taken.

        Args:
            secret: what the client sent as its API key; may be empty.
            project: the project it claims; None if the route takes it from the key.
            origin: the Origin header of a browser, None of a server.
        Raises:
            Problem: 401, 403 or 429.
        """
        key = find_key(self._api_keys.get(now_seconds), secret) if secret else None
        if key is None:
            raise Problem(UNKNOWN_API_KEY, "no key was sent" if not secret else "no such key")
        if project is not None and key.project != project:
            raise Problem(FORBIDDEN, "the API key belongs to another project", "header.project")
        if origin is not None and not key.allows_origin(origin):
            raise Problem(FORBIDDEN, "this origin is not on the API key's list", "Origin")
        wait_seconds = self._buckets.take(key.sha256, now_seconds)
        if wait_seconds:
            raise Problem(RATE_LIMITED, "more than one second's worth", None, wait_seconds)
        return key

    def check_key_id(self, key_id: str, now_seconds: float) -> None:
        """Raises Problem (400, ``header.key_id``) unless batches may be sealed to that key."""
        if key_id not in self._public_keys.get(now_seconds):
            raise Problem(
                INVALID, "no such batch key here; fetch /api/v1/keys again", "header.key_id"
            )

    def active_key(self, now_seconds: float) -> PublicKeyEntry:
        """The key new batches are to be sealed to. Raises Problem (503) if there is none yet."""
        try:
            return self._active.get(now_seconds)
        except KeyUnavailable as error:
            raise Problem(UNAVAILABLE, str(error), None, 30) from None


def sent_api_key(headers: dict[bytes, bytes], in_frame: str = "") -> str:
    """The API key of a request: that of its headers, else the frame's."""
    return sent_key(headers) or in_frame
