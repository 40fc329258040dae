"""Who may send: API keys, web origins, rate; and which public keys batches may be sealed to.

Belongs here: decisions about one request, on key files that are read again when they change (so
`create`, `revoke` and a rotation work without a restart). Does not belong here: the files' formats
(`storage.api_keys`, `storage.public_keys`).
"""

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Final, Generic, TypeVar

from analytics_pipeline.core.errors import KeyUnavailable, PipelineError
from analytics_pipeline.ingest.limits import TokenBuckets
from analytics_pipeline.ingest.problem import (
    FORBIDDEN,
    INVALID,
    RATE_LIMITED,
    UNAVAILABLE,
    UNKNOWN_API_KEY,
    Problem,
)
from analytics_pipeline.storage.api_keys import ApiKey, find_key, load_api_keys
from analytics_pipeline.storage.public_keys import (
    PUBLIC_FOLDER,
    PublicKeyEntry,
    active_public_key,
    load_public_keys,
)

RECHECK_SECONDS: Final = 1.0
_BEARER: Final = b"bearer "

_log = logging.getLogger(__name__)

T = TypeVar("T")


class _Watched(Generic[T]):
    """A value loaded from a file or folder, loaded again when its modification time changes."""

    def __init__(self, path: Path, load: Callable[[], T]) -> None:
        self._path = path
        self._load = load
        self._checked_at = float("-inf")
        self._stamp: int | None = None
        self._value: T | None = None

    def get(self, now_seconds: float) -> T:
        """The value; a file that has become malformed is logged and leaves the old one."""
        if self._value is not None and now_seconds - self._checked_at < RECHECK_SECONDS:
            return self._value
        self._checked_at = now_seconds
        stamp = self._path.stat().st_mtime_ns if self._path.exists() else None
        if self._value is not None and stamp == self._stamp:
            return self._value
        try:
            value = self._load()
        except PipelineError as error:
            if self._value is None:
                raise
            _log.error("%s; going on with what was read before", error)
            return self._value
        self._value, self._stamp = value, stamp
        return value


class Access:
    """The access rules of a deployment. `now_seconds` is always a monotonic clock."""

    def __init__(self, keys_dir: Path, rate_per_second: int) -> None:
        """Raises KeyUnavailable if the file of API keys is malformed."""
        path = keys_dir / "api_keys.json"
        public = keys_dir / PUBLIC_FOLDER
        self._api_keys = _Watched(path, lambda: load_api_keys(path))
        self._public_keys = _Watched(public, lambda: load_public_keys(keys_dir))
        self._active = _Watched(public, lambda: active_public_key(keys_dir))
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
    """The API key of a request: ``Authorization: Bearer``, else ``X-API-Key``, else the frame's."""
    authorization = headers.get(b"authorization", b"")
    if authorization[:7].lower() == _BEARER:
        return authorization[7:].strip().decode("latin-1")
    return headers.get(b"x-api-key", b"").decode("latin-1") or in_frame
