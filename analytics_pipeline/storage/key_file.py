"""A file of digests of random keys: what API keys and read keys have in common.

Trust: the file holds SHA-256 digests of 256-bit random keys, so reading it lets nobody in; writing
it lets anybody in. Belongs here: making a key, the file and its lock. Does not belong here: what a
key allows (`storage.api_keys`, `storage.read_keys`).
"""

import fcntl
import hashlib
import hmac
import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Generic, TypeVar

import msgspec
from msgspec import Meta

from analytics_pipeline.core.errors import KeyUnavailable
from analytics_pipeline.core.event import describe_validation_error
from analytics_pipeline.storage.public_keys import write_file_durably

Digest = Annotated[str, Meta(pattern=r"\A[0-9a-f]{64}\Z")]


class StoredKey(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is stored of every key: never the key itself."""

    sha256: Digest

    @property
    def key_id(self) -> str:
        """Short public name of the key: the first 12 hex digits of its digest."""
        return self.sha256[:12]


K = TypeVar("K", bound=StoredKey)


def make_secret(prefix: str) -> str:
    """A new key of 256 random bits."""
    return prefix + secrets.token_urlsafe(32)


def digest_of(secret: str) -> str:
    """SHA-256 of a key, in hex: the only form that is stored."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def find_key(keys: Sequence[K], secret: str) -> K | None:
    """The key `secret` belongs to; each digest is compared in constant time."""
    wanted = digest_of(secret)
    found = None
    for key in keys:
        if hmac.compare_digest(key.sha256, wanted):
            found = key
    return found


class KeyFile(Generic[K]):
    """The keys in one JSON file.

    Args:
        kind: the type of its entries.
        command: the sub-command that lists them, for error messages.
    """

    def __init__(self, path: Path, kind: type[K], command: str) -> None:
        self._path = path
        self._kind = kind
        self._command = command

    def load(self) -> list[K]:
        """All keys in the file, none if there is no file. Raises KeyUnavailable if it is
        malformed."""
        name = self._path.name
        try:
            return msgspec.json.decode(self._path.read_bytes(), type=list[self._kind])  # type: ignore[name-defined]
        except FileNotFoundError:
            return []
        except msgspec.ValidationError as error:
            field, problem = describe_validation_error(error)
            raise KeyUnavailable(f"{name}: {field}: {problem}") from None
        except msgspec.DecodeError:
            raise KeyUnavailable(f"{name}: not JSON") from None

    def add(self, entry: K) -> None:
        """Store one more key."""
        with self._locked():
            self._write([*self.load(), entry])

    def revoke(self, key_id: str) -> K:
        """Remove the key whose digest begins with `key_id` (12 or more hex digits).

        Raises:
            KeyUnavailable: there is no such key.
        """
        with self._locked():
            keys = self.load()
            for key in keys:
                if len(key_id) >= 12 and key.sha256.startswith(key_id):
                    self._write([other for other in keys if other is not key])
                    return key
        raise KeyUnavailable(f"no key {key_id}; `analytics-pipeline {self._command} list` has them")

    def _write(self, keys: list[K]) -> None:
        encoded = msgspec.json.format(msgspec.json.encode(keys), indent=2)
        write_file_durably(self._path, encoded + b"\n", 0o600)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """Let one process at a time read, change and replace the file."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with self._path.with_suffix(".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
