"""API keys of a deployment: who may send events for which project, from which web pages.

    keys/api_keys.json   [{"sha256", "project", "label", "origins", "created_at",
                           "viewer_model"}, ...]

Trust: as of every file of keys (`storage.key_file`). A key inside a web page is public: it names
the project and limits the rate, its origin list keeps other sites' browsers out, and it grants
nothing but sending events. Belongs here: creating, listing, revoking. Does not belong here: HTTP
(`ingest.access`).
"""

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import msgspec

from analytics_pipeline.core.batch import Name
from analytics_pipeline.core.errors import InvalidInput
from analytics_pipeline.core.viewer_model import STANDARD, ViewerModel
from analytics_pipeline.storage.key_file import KeyFile, StoredKey, digest_of, make_secret

ANY_ORIGIN: Final = "*"
_PREFIX: Final = "ak_"
_ORIGIN: Final = re.compile(r"https?://(\[[0-9a-f:.]+\]|[a-z0-9.-]+)(:\d{1,5})?\Z")


class ApiKey(StoredKey, frozen=True, forbid_unknown_fields=True):
    """One stored key. ``origins`` are the web origins (RFC 6454) that may use it, or ``*``;
    requests without an Origin header (servers) are not limited by it. ``viewer_model`` says how the
    viewers it sends for are counted (`core.viewer_model`)."""

    project: Name
    label: str
    origins: tuple[str, ...]
    created_at: datetime
    viewer_model: ViewerModel = STANDARD

    def allows_origin(self, origin: str) -> bool:
        """Whether pages of `origin` may use the key."""
        return ANY_ORIGIN in self.origins or origin in self.origins


def load_api_keys(path: Path) -> list[ApiKey]:
    """All keys in the file, none if there is no file. Raises KeyUnavailable if it is malformed."""
    return _file(path).load()


def create_api_key(
    path: Path,
    project: str,
    label: str,
    origins: Sequence[str],
    now: datetime,
    viewer_model: ViewerModel = STANDARD,
) -> str:
    """Create a key and store its digest.

    Args:
        path: ``keys/api_keys.json`` of the home folder.
        project: the project the key may send events for.
        label: the operator's words for it.
        origins: web origins such as ``https://video.example``, or ``*`` for any.
        now: aware time of creation.
        viewer_model: fixed for the key's life; pages that change over get another key.
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
    secret = make_secret(_PREFIX)
    created_at = now.astimezone(UTC)
    entry = ApiKey(digest_of(secret), project, label, tuple(origins), created_at, viewer_model)
    _file(path).add(entry)
    return secret


def revoke_api_key(path: Path, key_id: str) -> ApiKey:
    """Remove the key whose digest begins with `key_id` (12 or more hex digits).

    Raises:
        KeyUnavailable: there is no such key.
    """
    return _file(path).revoke(key_id)


def _file(path: Path) -> KeyFile[ApiKey]:
    return KeyFile(path, ApiKey, "api-keys")
