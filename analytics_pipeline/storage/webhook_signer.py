"""The private keys that alert calls are signed with.

    keys/webhook/private/             0700
      <key_id>.json                   0600; {"key_id", "algorithm": "Ed25519", "secret": base64}

Ids carry a rising generation number (``webhook-000002-9f3c51d0``): the highest is the newest.

Trust: whoever reads this folder can make calls that receivers take for ours; no key here opens
anything that viewers sent. Only the alerts process needs it. Belongs here: making the keys, and
signing. Does not belong here: what is signed (`core.webhooks`).
"""

import base64
import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Annotated, Literal, NoReturn

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from msgspec import Meta

from analytics_pipeline.core.errors import KeyUnavailable
from analytics_pipeline.core.webhooks import public_key_text
from analytics_pipeline.storage.public_keys import write_file_durably
from analytics_pipeline.storage.webhook_keys import (
    ALGORITHM,
    FOLDER,
    KEY_ID,
    WebhookKey,
    load_webhook_keys,
)


class _SecretFile(msgspec.Struct, forbid_unknown_fields=True):
    key_id: Annotated[str, Meta(pattern=KEY_ID)]
    algorithm: Literal["Ed25519"]
    secret: str


class WebhookSigner:
    """Signs with every key in force. Keys are read anew for each signature: a rotation by another
    process needs no restart, and none stays in memory."""

    def __init__(self, keys_dir: Path) -> None:
        """Raises KeyUnavailable if there is no key."""
        self._keys_dir = Path(keys_dir)
        if not any(_private(self._keys_dir).glob("*.json")):
            raise KeyUnavailable("no webhook key; `analytics-pipeline keys create` makes one")

    @classmethod
    def create(cls, keys_dir: Path, now: datetime) -> "WebhookSigner":
        """Open, making the first key if there is none. Safe to repeat."""
        with _exclusive(keys_dir) as folder:
            if not any(folder.glob("*.json")):
                _new_key(keys_dir, now)
            _publish_missing(keys_dir, now)
        return cls(keys_dir)

    def __repr__(self) -> str:
        return f"WebhookSigner({self._keys_dir})"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a signer is not to be pickled or copied")

    def sign(self, content: bytes, now: datetime) -> list[bytes]:
        """Signatures of 64 bytes each, that of the newest key first. Raises KeyUnavailable."""
        keys = load_webhook_keys(self._keys_dir, now)
        return [_load(self._keys_dir, key.key_id).sign(content) for key in keys.signing]

    def rotate(self, now: datetime) -> str:
        """Make a new key and put it in force; the one before goes on signing beside it. Returns
        its id."""
        with _exclusive(self._keys_dir):
            key_id = _new_key(self._keys_dir, now)
            _publish_missing(self._keys_dir, now)
        return key_id


def _private(keys_dir: Path) -> Path:
    return Path(keys_dir) / FOLDER / "private"


@contextmanager
def _exclusive(keys_dir: Path) -> Iterator[Path]:
    """One process at a time makes keys; a kill gives the lock back."""
    folder = _private(keys_dir)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder.chmod(0o700)
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield folder
    finally:
        os.close(descriptor)


def _new_key(keys_dir: Path, now: datetime) -> str:
    folder = _private(keys_dir)
    generations = [int(path.stem.split("-")[1]) for path in folder.glob("*.json")]
    key_id = f"webhook-{max(generations, default=0) + 1:06d}-{os.urandom(4).hex()}"
    secret = base64.b64encode(Ed25519PrivateKey.generate().private_bytes_raw()).decode("ascii")
    fields = {"key_id": key_id, "algorithm": ALGORITHM, "secret": secret}
    write_file_durably(folder / f"{key_id}.json", msgspec.json.encode(fields), 0o600)
    return key_id


def _publish_missing(keys_dir: Path, now: datetime) -> None:
    """Write the public halves that are missing: the private one is always there first, so a cut
    between the two leaves no public key that signs nothing."""
    public = Path(keys_dir) / FOLDER / "public"
    public.mkdir(parents=True, exist_ok=True)
    for path in _private(keys_dir).glob("*.json"):
        if not (public / path.name).exists():
            raw = _load(keys_dir, path.stem).public_key().public_bytes_raw()
            entry = WebhookKey(path.stem, ALGORITHM, public_key_text(raw), now)
            encoded = msgspec.json.format(msgspec.json.encode(entry), indent=2)
            write_file_durably(public / path.name, encoded + b"\n", 0o644)


def _load(keys_dir: Path, key_id: str) -> Ed25519PrivateKey:
    """Errors name the file, never its content."""
    path = _private(keys_dir) / f"{key_id}.json"
    try:
        if path.stat().st_mode & 0o077:
            raise KeyUnavailable(
                f"{path} is readable by others; `chmod 600` it, then "
                "`analytics-pipeline alerts key --rotate`"
            )
        file = msgspec.json.decode(path.read_bytes(), type=_SecretFile)
        secret = base64.b64decode(file.secret, validate=True)
    except FileNotFoundError:
        raise KeyUnavailable(f"{path} is missing: restore it, or remove its public half") from None
    except (msgspec.DecodeError, ValueError):
        raise KeyUnavailable(f"{path} is not a key file") from None
    if file.key_id != key_id or len(secret) != 32:
        raise KeyUnavailable(f"{path} does not hold the key its name says")
    return Ed25519PrivateKey.from_private_bytes(secret)
