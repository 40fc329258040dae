"""The public keys that alert calls are signed with: what receivers may know.

    keys/webhook/public/<key_id>.json   {"key_id", "algorithm": "Ed25519", "public_key": "whpk_…",
                                         "created_at": ISO 8601 UTC}

The newest signs; so does the one before it for `OVERLAP_DAYS`, so that receivers can take over the
new one in their own time. Trust: anybody may read these files. Whoever can write them can have
receivers believe calls of their own. Belongs here: reading them. Does not belong here: the private
halves (`storage.webhook_signer`); the serving process shows these and must not reach those.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta

from analytics_pipeline.core.errors import KeyUnavailable
from analytics_pipeline.core.event import describe_validation_error

ALGORITHM: Final = "Ed25519"
FOLDER: Final = "webhook"
KEY_ID: Final = r"\Awebhook-[0-9]{6}-[0-9a-f]{8}\Z"
#: How long a key goes on signing beside the one that replaces it.
OVERLAP_DAYS: Final = 30


class WebhookKey(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One public key; ``public_key`` as receivers are shown it (`core.webhooks`)."""

    key_id: Annotated[str, Meta(pattern=KEY_ID)]
    algorithm: Literal["Ed25519"]
    public_key: Annotated[str, Meta(pattern=r"\Awhpk_[A-Za-z0-9+/]{43}=\Z")]
    created_at: datetime


@dataclass(frozen=True)
class WebhookKeys:
    """The keys that sign now: the newest first, then those that still do beside it."""

    signing: tuple[WebhookKey, ...]

    @property
    def active(self) -> WebhookKey:
        return self.signing[0]


def load_webhook_keys(keys_dir: Path, now: datetime) -> WebhookKeys:
    """The keys in force.

    Args:
        keys_dir: ``ANALYTICS_HOME/keys``.
    Raises:
        KeyUnavailable: there is none yet, or a file is malformed.
    """
    paths = sorted((Path(keys_dir) / FOLDER / "public").glob("*.json"), reverse=True)
    if not paths:
        raise KeyUnavailable("no webhook key yet; `analytics-pipeline keys create` makes one")
    newest, *older = map(_load, paths)
    until = newest.created_at + timedelta(days=OVERLAP_DAYS)
    return WebhookKeys((newest, *(older[:1] if now < until else ())))


def _load(path: Path) -> WebhookKey:
    try:
        key = msgspec.json.decode(path.read_bytes(), type=WebhookKey)
    except msgspec.ValidationError as error:
        field, problem = describe_validation_error(error)
        raise KeyUnavailable(f"webhook key {path.name}: {field}: {problem}") from None
    except msgspec.DecodeError:
        raise KeyUnavailable(f"webhook key {path.name}: not JSON") from None
    if key.key_id != path.stem:
        raise KeyUnavailable(f"webhook key {path.name} holds key {key.key_id}")
    return key
