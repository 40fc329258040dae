"""The public batch keys: what the ingestion API, the SDK and the simulator may know.

    keys/public/<key_id>.json   {"key_id", "algorithm": "X25519", "public_key": base64,
                                 "created_at": ISO 8601 UTC, "status": "active" | "retired"}

Trust: anybody may read these files. Whoever can write them can have future batches sealed to a key
of their own, so only the operator's account may. Belongs here: reading and writing that folder.
Does not belong here: anything that touches a private key (`storage.keyring`); the internet-facing
process imports this module and must not reach that one.
"""

import base64
import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, Literal

import msgspec
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PublicKey

from analytics_pipeline.core.batch import Name
from analytics_pipeline.core.errors import KeyUnavailable
from analytics_pipeline.core.event import describe_validation_error
from analytics_pipeline.storage.durable import sync_folder

ALGORITHM: Final = "X25519"
PUBLIC_FOLDER: Final = "public"
#: A rotation adds the new key, then retires the old one: who listed the folder before the one and
#: reads after the other finds none active, and the next look does.
_LOOKS: Final = 5


@dataclass(frozen=True)
class PublicKeyEntry:
    """One public batch key. ``retired`` keys still open batches; nothing new is sealed to them."""

    key_id: str
    public_key: X25519PublicKey
    created_at: datetime
    status: Literal["active", "retired"]

    @property
    def public_bytes(self) -> bytes:
        """The 32 raw bytes of RFC 7748."""
        return self.public_key.public_bytes_raw()


class _KeyFile(msgspec.Struct, forbid_unknown_fields=True):
    key_id: Name
    algorithm: Literal["X25519"]
    public_key: str
    created_at: datetime
    status: Literal["active", "retired"]


def parse_public_key(data: bytes) -> PublicKeyEntry:
    """Parse one key file. Raises KeyUnavailable naming the field that is wrong."""
    try:
        file = msgspec.json.decode(data, type=_KeyFile)
        key = X25519PublicKey.from_public_bytes(base64.b64decode(file.public_key, validate=True))
    except msgspec.ValidationError as error:
        field, problem = describe_validation_error(error)
        raise KeyUnavailable(f"public key file: {field}: {problem}") from None
    except msgspec.DecodeError:
        raise KeyUnavailable("public key file: not JSON") from None
    except ValueError:
        raise KeyUnavailable("public key file: public_key: not 32 bytes in base64") from None
    return PublicKeyEntry(file.key_id, key, file.created_at, file.status)


def build_public_key(entry: PublicKeyEntry) -> bytes:
    """Inverse of `parse_public_key`."""
    fields = {
        "key_id": entry.key_id,
        "algorithm": ALGORITHM,
        "public_key": base64.b64encode(entry.public_bytes).decode("ascii"),
        "created_at": entry.created_at.astimezone(UTC).isoformat().replace("+00:00", "Z"),
        "status": entry.status,
    }
    return msgspec.json.format(msgspec.json.encode(fields), indent=2) + b"\n"


def load_public_keys(keys_dir: Path) -> dict[str, PublicKeyEntry]:
    """All public batch keys by id.

    Args:
        keys_dir: the key folder (the one that contains ``public/``), not ``public/`` itself.
    Returns:
        id → entry, oldest first; empty if no key was created yet.
    Raises:
        KeyUnavailable: a file is malformed, or its name is not its key id.
    """
    entries: dict[str, PublicKeyEntry] = {}
    for path in sorted((Path(keys_dir) / PUBLIC_FOLDER).glob("*.json")):
        entry = parse_public_key(path.read_bytes())
        if path.stem != entry.key_id:
            raise KeyUnavailable(f"public key file {path.name} holds key {entry.key_id}")
        entries[entry.key_id] = entry
    return entries


def active_public_key(keys_dir: Path) -> PublicKeyEntry:
    """The key new batches are sealed to: the active one with the highest id (ids carry a rising
    generation number, so a rotation cut short leaves the newer key in force).

    Raises:
        KeyUnavailable: no key is active.
    """
    for _ in range(_LOOKS):
        active = [key for key in load_public_keys(keys_dir).values() if key.status == "active"]
        if active:
            return max(active, key=lambda entry: entry.key_id)
    raise KeyUnavailable(
        "no active public batch key; create one with `analytics-pipeline keys create`"
    )


def require_private_halves(
    published: Mapping[str, PublicKeyEntry], held: Mapping[str, bytes]
) -> None:
    """Refuse to work with private keys that cannot open what is sealed to the published ones:
    batches would be rejected for good because of a slip of the operator's.

    Args:
        held: id → raw public half of every private batch key at hand.
    Raises:
        KeyUnavailable: naming the first key whose private half is missing or another one.
    """
    for key_id, entry in published.items():
        if held.get(key_id) != entry.public_bytes:
            problem = "is not the one that was published" if key_id in held else "is missing"
            raise KeyUnavailable(
                f"the private half of batch key {key_id} {problem}: restore it, or remove "
                f"{PUBLIC_FOLDER}/{key_id}.json to have everything sealed to it rejected"
            )


def write_file_durably(path: Path, data: bytes, mode: int) -> None:
    """Replace `path` with `data`: whole or not at all, also through a power cut.

    Args:
        mode: permission bits of the new file, independent of the umask.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.new")
    temporary.unlink(missing_ok=True)
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        os.write(descriptor, data)
        os.fchmod(descriptor, mode)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    temporary.replace(path)
    sync_folder(path.parent)


def write_public_key(keys_dir: Path, entry: PublicKeyEntry) -> None:
    """Write one key file (mode 0644), replacing an older statement about the same key."""
    folder = Path(keys_dir) / PUBLIC_FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    write_file_durably(folder / f"{entry.key_id}.json", build_public_key(entry), 0o644)
