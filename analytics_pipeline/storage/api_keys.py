"""API keys of a deployment: who may send events for which project, from which web pages.

    keys/api_keys.json   [{"sha256", "project", "label", "origins", "created_at"}, ...]

Trust: the file holds SHA-256 digests of 256-bit random keys, so reading it lets nobody in; writing
it lets anybody in. A key inside a web page is public: it names the project and limits the rate, its
origin list keeps other sites' browsers out, and it grants nothing but sending events.
Belongs here: creating, listing, revoking, looking up. Does not belong here: HTTP (`ingest.access`).
"""

import fcntl
import hashlib
import hmac
import re
import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Final

import msgspec
from msgspec import Meta

from analytics_pipeline.core.batch import Name
from analytics_pipeline.core.errors import InvalidInput, KeyUnavailable
from analytics_pipeline.core.event import describe_validation_error
from analytics_pipeline.storage.public_keys import write_file_durably

ANY_ORIGIN: Final = "*"
_PREFIX: Final = "ak_"
_ORIGIN: Final = re.compile(r"https?://(\[[0-9a-f:.]+\]|[a-z0-9.-]+)(:\d{1,5})?\Z")

Digest = Annotated[str, Meta(pattern=r"\A[0-9a-f]{64}\Z")]


class ApiKey(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One stored key. ``origins`` are the web origins (RFC 6454) that may use it, or ``*``;
    requests without an Origin header (servers) are not limited by it."""

    sha256: Digest
    project: Name
    label: str
    origins: tuple[str, ...]
    created_at: datetime

    @property
    def key_id(self) -> str:
        """Short public name of the key: the first 12 hex digits of its digest."""
        return self.sha256[:12]

    def allows_origin(self, origin: str) -> bool:
        """Whether pages of `origin` may use the key."""
        return ANY_ORIGIN in self.origins or origin in self.origins


def digest_of(secret: str) -> str:
    """SHA-256 of an API key, in hex: the only form that is stored."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def find_key(keys: Sequence[ApiKey], secret: str) -> ApiKey | None:
    """The key `secret` belongs to; each digest is compared in constant time."""
    wanted = digest_of(secret)
    found = None
    for key in keys:
        if hmac.compare_digest(key.sha256, wanted):
            found = key
    return found


def load_api_keys(path: Path) -> list[ApiKey]:
    """All keys in the file, none if there is no file. Raises KeyUnavailable if it is malformed."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=list[ApiKey])
    except FileNotFoundError:
        return []
    except msgspec.ValidationError as error:
        field, problem = describe_validation_error(error)
        raise KeyUnavailable(f"{path.name}: {field}: {problem}") from None
    except msgspec.DecodeError:
        raise KeyUnavailable(f"{path.name}: not JSON") from None


def create_api_key(
    path: Path, project: str, label: str, origins: Sequence[str], now: datetime
) -> str:
    """Create a key and store its digest.

    Args:
        path: ``keys/api_keys.json`` of the home folder.
        project: the project the key may send events for.
        label: the operator's words for it.
        origins: web origins such as ``https://video.example``, or ``*`` for any.
        now: aware time of creation.
    Returns:
        The key itself. It is shown once and cannot be recovered.
    Raises:
        InvalidInput: `project` or an origin is malformed.
    """
    for position, origin in enumerate(origins):
        if origin != ANY_ORIGIN and not _ORIGIN.match(origin):
            raise InvalidInput(
                f"origins[{position}]", f"{origin!r} is not of the form https://host[:port]"
            )
    try:
        msgspec.convert(project, Name)
    except msgspec.ValidationError as error:
        raise InvalidInput("project", str(error)) from None
    secret = _PREFIX + secrets.token_urlsafe(32)
    entry = ApiKey(digest_of(secret), project, label, tuple(origins), now.astimezone(UTC))
    with _locked(path):
        _write(path, [*load_api_keys(path), entry])
    return secret


def revoke_api_key(path: Path, key_id: str) -> ApiKey:
    """Remove the key whose digest begins with `key_id` (12 or more hex digits).

    Raises:
        KeyUnavailable: there is no such key.
    """
    with _locked(path):
        keys = load_api_keys(path)
        for key in keys:
            if len(key_id) >= 12 and key.sha256.startswith(key_id):
                _write(path, [other for other in keys if other is not key])
                return key
    raise KeyUnavailable(f"no API key {key_id}; `analytics-pipeline api-keys list` shows them")


def _write(path: Path, keys: list[ApiKey]) -> None:
    encoded = msgspec.json.format(msgspec.json.encode(keys), indent=2)
    write_file_durably(path, encoded + b"\n", 0o600)


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Let one process at a time read, change and replace the file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
