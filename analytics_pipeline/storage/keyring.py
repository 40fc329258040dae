"""The private keys: opening batches, wrapping data keys, deriving storage keys.

    keys/private/            0700; every file 0600
      batch/<id>.json        X25519 private keys           open what clients sealed (RFC 9180)
      wrapping/<id>.json     256-bit AES keys              wrap data keys (AES-KW, RFC 3394)
      retention/<day>.…      256-bit AES keys              wrap data keys first; see
                                                           `storage.retention_keys`
      root.json              256-bit root secret           storage keys by HKDF-SHA256 (RFC 5869)
    keys/public/             see `storage.public_keys`

Ids carry a rising generation number (``batch-000002-9f3c51d0``): the highest is the active one.
A data key is wrapped twice, AES-KW in AES-KW: by its day's retention key, which is destroyed when
the day is erased, then by the wrapping key in force. Without either one it is gone. Nested, because
a rotation then takes off and puts on the outer layer only: it needs no retention key, and goes on
beside an erasure without a word between the two. (One AES-KW under a key derived from both would
need both for every rotation.) RFC 3394 wraps any number of 64-bit blocks from two on.

Trust: whoever reads this folder and the stores reads every event that has not been erased. Only
the sealer and the compute stage may. Belongs here: private keys at rest and their three uses. Does
not belong here: where wrapped keys are kept (`storage.catalogue`) and how segments are sealed
(`core.segment`).
"""

import base64
import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated, Final, Literal, NoReturn

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.keywrap import (
    InvalidUnwrap,
    aes_key_unwrap,
    aes_key_wrap,
)

from analytics_pipeline.core.batch import HPKE_OVERHEAD_BYTES, HPKE_SUITE
from analytics_pipeline.core.errors import DecryptionFailed, KeyUnavailable
from analytics_pipeline.storage.public_keys import (
    PublicKeyEntry,
    load_public_keys,
    require_private_halves,
    write_file_durably,
    write_public_key,
)
from analytics_pipeline.storage.retention_keys import RetentionKeys

DATA_KEY_BYTES: Final = 32
_KEY_ID: Final = r"\A(?:root|[a-z]+-[0-9]{6}-[0-9a-f]{8})\Z"
_STORAGE_INFO: Final = b"analytics-pipeline/storage-key/1\n"


class _SecretFile(msgspec.Struct, forbid_unknown_fields=True):
    key_id: Annotated[str, msgspec.Meta(pattern=_KEY_ID)]
    algorithm: Literal["X25519", "AES-256-KW", "HKDF-SHA256"]
    secret: str
    created_at: datetime


class Keyring:
    """All private keys of a deployment, held in memory.

    Args:
        directory: the key folder (``ANALYTICS_HOME/keys``).
    Raises:
        KeyUnavailable: the folder has no keys yet, a file is malformed or readable by others, or
            a published batch key lacks its private half.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = Path(directory)
        self.retention = RetentionKeys(self.directory / "private" / "retention")
        self._batch: dict[str, X25519PrivateKey] = {}
        self._wrapping: dict[str, bytes] = {}
        self._root = b""
        self.reload()

    @classmethod
    def create(cls, directory: Path) -> "Keyring":
        """Open the keyring, creating whatever first keys are missing. Safe to repeat."""
        directory = Path(directory)
        private = directory / "private"
        directory.mkdir(parents=True, exist_ok=True)
        for folder in (private, *(private / name for name in ("batch", "wrapping", "retention"))):
            folder.mkdir(mode=0o700, exist_ok=True)
            folder.chmod(0o700)
        with _exclusive(directory):
            if not (private / "root.json").exists():
                _write_secret(private / "root.json", "root", "HKDF-SHA256", os.urandom(32))
            if not any((private / "wrapping").glob("*.json")):
                _new_wrapping_key(directory)
            if not any((private / "batch").glob("*.json")):
                _new_batch_key(directory)
            _publish_missing(directory)
        return cls(directory)

    def __repr__(self) -> str:
        return f"Keyring({len(self._batch)} batch keys, {len(self._wrapping)} wrapping keys)"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a keyring is not to be pickled or copied")

    def reload(self) -> None:
        """Read the folder again, to learn of keys another process made."""
        private = self.directory / "private"
        published = load_public_keys(self.directory)  # first: a rotation writes these last
        if not (private / "root.json").exists():
            raise KeyUnavailable(
                f"no keys in {self.directory}; create them with `analytics-pipeline keys create`"
            )
        self._root = _read_secret(private / "root.json", "HKDF-SHA256")
        self._wrapping = {
            path.stem: _read_secret(path, "AES-256-KW")
            for path in sorted((private / "wrapping").glob("*.json"))
        }
        self._batch = {
            path.stem: X25519PrivateKey.from_private_bytes(_read_secret(path, "X25519"))
            for path in sorted((private / "batch").glob("*.json"))
        }
        if not self._wrapping or not self._batch:
            raise KeyUnavailable(
                f"keys in {self.directory} are incomplete; `analytics-pipeline keys create` "
                "adds what is missing"
            )
        halves = {i: key.public_key().public_bytes_raw() for i, key in self._batch.items()}
        require_private_halves(published, halves)

    def rotate(self) -> tuple[str, str]:
        """Make a new batch key and a new wrapping key, and put them in force.

        Old keys stay, to open batches and to unwrap data keys that still need them; move the
        data keys over with `storage.catalogue.rewrap_data_keys`.

        Returns:
            (batch key id, wrapping key id) now active.
        """
        with _exclusive(self.directory):
            wrapping_id = _new_wrapping_key(self.directory)
            batch_id = _new_batch_key(self.directory)
            _publish_missing(self.directory)
        self.reload()
        return batch_id, wrapping_id

    @property
    def batch_key_ids(self) -> tuple[str, ...]:
        """Ids of all batch keys, oldest first."""
        return tuple(sorted(self._batch))

    @property
    def wrapping_key_ids(self) -> tuple[str, ...]:
        """Ids of all wrapping keys, oldest first; the last one is in force."""
        return tuple(sorted(self._wrapping))

    @property
    def active_wrapping_key_id(self) -> str:
        """The wrapping key new data keys are wrapped with."""
        return max(self._wrapping)

    def open_batch(self, key_id: str, info: bytes, sealed: bytes) -> bytes:
        """Open one sealed batch (RFC 9180 base mode; the suite stands in `core.batch`).

        Args:
            info: what `core.batch.hpke_info` gives for project, key id and batch id.
            sealed: enc ‖ ciphertext.
        Raises:
            KeyUnavailable: no such key. Strangers choose `key_id`, so the folder is not read again
                for it; callers that run long call `reload` from time to time.
            DecryptionFailed: wrong key, altered ciphertext or other `info`.
        """
        try:
            key = self._batch[key_id]
        except KeyError:
            raise KeyUnavailable(f"no private batch key {key_id!r}") from None
        if len(sealed) < HPKE_OVERHEAD_BYTES:
            raise DecryptionFailed("sealed batch is shorter than its HPKE overhead")
        try:
            return HPKE_SUITE.decrypt(sealed, key, info)
        except (InvalidTag, ValueError):
            raise DecryptionFailed(f"batch does not open with key {key_id!r}") from None

    def wrap(self, platform: str, day: date, data_key: bytes) -> tuple[str, bytes]:
        """Wrap a 256-bit secret of a day: (id of the active wrapping key, 48 wrapped bytes). Makes
        the day's retention key if it is the first; the caller knows that the day is not erased."""
        if len(data_key) != DATA_KEY_BYTES:
            raise ValueError(f"a data key has {DATA_KEY_BYTES} bytes")
        return self._wrap(aes_key_wrap(self.retention.ensure(platform, day), data_key))

    def unwrap(self, platform: str, day: date, wrapping_key_id: str, wrapped: bytes) -> bytes:
        """Inverse of `wrap`.

        Raises:
            KeyUnavailable: no such wrapping key, or the day's retention key was destroyed.
            DecryptionFailed: the wrapped bytes were altered or belong to another key or day.
        """
        inner = self._unwrap(wrapping_key_id, wrapped)
        try:
            return aes_key_unwrap(self.retention.load(platform, day), inner)
        except (InvalidUnwrap, ValueError):
            raise DecryptionFailed(
                f"data key does not unwrap with the retention key of {platform} {day}"
            ) from None

    def rewrap(self, wrapping_key_id: str, wrapped: bytes) -> tuple[str, bytes]:
        """Move a wrapped data key to the active wrapping key: the outer layer only.

        Raises:
            KeyUnavailable, DecryptionFailed: as for `unwrap`, retention keys aside.
        """
        return self._wrap(self._unwrap(wrapping_key_id, wrapped))

    def _wrap(self, inner: bytes) -> tuple[str, bytes]:
        key_id = self.active_wrapping_key_id
        return key_id, aes_key_wrap(self._wrapping[key_id], inner)

    def _unwrap(self, wrapping_key_id: str, wrapped: bytes) -> bytes:
        if wrapping_key_id not in self._wrapping:
            self.reload()
        if wrapping_key_id not in self._wrapping:
            raise KeyUnavailable(f"no wrapping key {wrapping_key_id!r}")
        try:
            return aes_key_unwrap(self._wrapping[wrapping_key_id], wrapped)
        except (InvalidUnwrap, ValueError):
            raise DecryptionFailed(
                f"data key does not unwrap with wrapping key {wrapping_key_id!r}"
            ) from None

    def storage_key(self, purpose: str) -> bytes:
        """A 256-bit key of its own for one purpose, the same every time.

        Args:
            purpose: ``warehouse``, ``raw``, ``video-selection``, …
        """
        if not purpose or not purpose.isascii() or not purpose.isprintable():
            raise ValueError("a purpose is a non-empty printable ASCII string")
        return HKDF(SHA256(), 32, None, _STORAGE_INFO + purpose.encode("ascii")).derive(self._root)


@contextmanager
def _exclusive(directory: Path) -> Iterator[None]:
    """One process at a time makes keys; a kill gives the lock back."""
    descriptor = os.open(directory / "private", os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _write_secret(path: Path, key_id: str, algorithm: str, secret: bytes) -> None:
    created_at = datetime.now(UTC).isoformat().replace("+00:00", "Z")
    encoded = base64.b64encode(secret).decode("ascii")
    fields = {
        "key_id": key_id,
        "algorithm": algorithm,
        "secret": encoded,
        "created_at": created_at,
    }
    write_file_durably(path, msgspec.json.encode(fields), 0o600)


def _load_secret_file(path: Path) -> _SecretFile:
    """Read one private key file; errors name the file, never its content."""
    if path.stat().st_mode & 0o077:
        raise KeyUnavailable(f"{path} is readable by others; `chmod 600` it, then rotate the keys")
    try:
        return msgspec.json.decode(path.read_bytes(), type=_SecretFile)
    except msgspec.DecodeError:
        raise KeyUnavailable(f"{path} is not a key file") from None


def _read_secret(path: Path, algorithm: str) -> bytes:
    file = _load_secret_file(path)
    try:
        secret = base64.b64decode(file.secret, validate=True)
    except ValueError:
        secret = b""
    if file.key_id != path.stem or file.algorithm != algorithm or len(secret) != 32:
        raise KeyUnavailable(f"{path} does not hold the {algorithm} key its name says")
    return secret


def _next_id(folder: Path, kind: str) -> str:
    generations = [int(path.stem.split("-")[1]) for path in folder.glob("*.json")]
    return f"{kind}-{max(generations, default=0) + 1:06d}-{os.urandom(4).hex()}"


def _new_wrapping_key(directory: Path) -> str:
    folder = directory / "private" / "wrapping"
    key_id = _next_id(folder, "wrap")
    _write_secret(folder / f"{key_id}.json", key_id, "AES-256-KW", os.urandom(32))
    return key_id


def _new_batch_key(directory: Path) -> str:
    folder = directory / "private" / "batch"
    key_id = _next_id(folder, "batch")
    secret = X25519PrivateKey.generate().private_bytes_raw()
    _write_secret(folder / f"{key_id}.json", key_id, "X25519", secret)
    return key_id


def _publish_missing(directory: Path) -> None:
    """Bring `public/` in line with `private/batch/`: the newest active, the others retired.

    The private file is always written first, so a cut between the two leaves no public key that
    cannot be opened; the next `create` or `rotate` repairs the rest.
    """
    known = load_public_keys(directory)
    paths = sorted((directory / "private" / "batch").glob("*.json"), reverse=True)
    for position, path in enumerate(paths):
        status: Literal["active", "retired"] = "active" if position == 0 else "retired"
        if path.stem in known and known[path.stem].status == status:
            continue
        secret = _read_secret(path, "X25519")
        public_key = X25519PrivateKey.from_private_bytes(secret).public_key()
        created_at = _load_secret_file(path).created_at
        write_public_key(directory, PublicKeyEntry(path.stem, public_key, created_at, status))
