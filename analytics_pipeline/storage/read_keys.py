"""Read keys of a deployment: what the read API shows to whom.

    keys/read_keys.json   [{"sha256", "label", "grant", "created_at"}, ...]

    platform       every released figure
    creator:ID     the figures of one creator and its videos; days, records and budget
    operator       as `platform`, and the exact counts of operations

Trust: as of every file of keys (`storage.key_file`). Grants govern the read API, not IPFS: who
knows a bundle's CID reads all of it. Belongs here: creating, listing, revoking, what a grant is.
Does not belong here: HTTP (`serve.access`).
"""

import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Final

from msgspec import Meta

from analytics_pipeline.core.errors import InvalidInput
from analytics_pipeline.core.tally import IDENTIFIER
from analytics_pipeline.storage.key_file import KeyFile, StoredKey, digest_of, make_secret

PLATFORM: Final = "platform"
OPERATOR: Final = "operator"
CREATOR_PREFIX: Final = "creator:"
_PREFIX: Final = "rk_"
_GRANT: Final = rf"\A({PLATFORM}|{OPERATOR}|{CREATOR_PREFIX}{IDENTIFIER.pattern})\Z"


class ReadKey(StoredKey, frozen=True, forbid_unknown_fields=True):
    """One stored key."""

    label: str
    grant: Annotated[str, Meta(pattern=_GRANT)]
    created_at: datetime


def load_read_keys(path: Path) -> list[ReadKey]:
    """All keys in the file, none if there is no file. Raises KeyUnavailable if it is malformed."""
    return _file(path).load()


def create_read_key(path: Path, label: str, grant: str, now: datetime) -> str:
    """Create a key and store its digest.

    Args:
        path: ``keys/read_keys.json`` of the home folder.
        label: the operator's words for it.
        grant: ``platform``, ``operator`` or ``creator:<id>``.
        now: aware time of creation.
    Returns:
        The key itself. It is shown once and cannot be recovered.
    Raises:
        InvalidInput: there is no such grant.
    """
    if not re.match(_GRANT, grant):
        raise InvalidInput("grant", f"{grant!r} is not platform, operator or creator:<id>")
    secret = make_secret(_PREFIX)
    _file(path).add(ReadKey(digest_of(secret), label, grant, now.astimezone(UTC)))
    return secret


def revoke_read_key(path: Path, key_id: str) -> ReadKey:
    """Remove the key whose digest begins with `key_id` (12 or more hex digits).

    Raises:
        KeyUnavailable: there is no such key.
    """
    return _file(path).revoke(key_id)


def _file(path: Path) -> KeyFile[ReadKey]:
    return KeyFile(path, ReadKey, "read-keys")
