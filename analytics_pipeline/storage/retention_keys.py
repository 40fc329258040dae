"""Retention keys: one secret for each (platform, day), in a file of its own, that can be destroyed.

    keys/private/retention/        0700
      <YYYY-MM-DD>.<platform>.key  0600; 32 random bytes

Everything that says what a viewer did on a day needs its retention key besides the keys that last:
data keys and the noise seed are wrapped by it, then by a wrapping key (`storage.keyring`), and the
raw layer's key follows from it (`storage.raw_day`). So a backup of catalogue, IPFS and raw layer is
worth nothing once the key is gone, however old it is: **keep no copy of this folder for longer than
the retention time**, and none beside the catalogue (docs/retention.md).

A key is made when its day first needs one, by whoever comes first, and destroyed by overwriting it
in place, syncing and unlinking: plain files, because a database would leave copies in its journal.
(A copy-on-write file system or SSD may keep old blocks; put the folder on an encrypted or
memory-backed volume where that matters.) No process keeps one in memory longer than it needs it.

Trust: as for the other private keys, but only for the days that are not erased. Belongs here:
making, reading, destroying. Does not belong here: when a day may be erased (`defs.steps`).
"""

import os
import re
import secrets
from collections.abc import Iterator
from contextlib import suppress
from datetime import date
from pathlib import Path
from typing import Final

from analytics_pipeline.core.day import parse_day
from analytics_pipeline.core.errors import InvalidInput, KeyUnavailable
from analytics_pipeline.storage.durable import sync_folder

KEY_BYTES: Final = 32
#: what a file holds between overwriting and unlinking; no key has this value
_OVERWRITTEN: Final = bytes(KEY_BYTES)
_PLATFORM: Final = re.compile(r"[A-Za-z0-9._-]{1,64}")
_NAME: Final = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2})\.([A-Za-z0-9._-]{1,64})\.key")


class RetentionKeys:
    """The retention keys in one folder; any number of processes may share it."""

    def __init__(self, folder: Path) -> None:
        self.folder = Path(folder)

    def __repr__(self) -> str:
        return f"RetentionKeys({self.folder})"

    def ensure(self, platform: str, day: date) -> bytes:
        """The day's key, made if there is none; durable when this returns.

        For days that are not erased: the caller asks the catalogue first.

        Raises:
            KeyUnavailable: its file is malformed, readable by others or just being destroyed.
        """
        path = self._path(platform, day)
        if not path.exists():
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            fresh = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
            descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            try:
                os.write(descriptor, secrets.token_bytes(KEY_BYTES))
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
            try:
                os.link(fresh, path)
            except FileExistsError:
                pass  # another process was first: its bytes count
            finally:
                fresh.unlink()
            sync_folder(self.folder)
        return self.load(platform, day)

    def load(self, platform: str, day: date) -> bytes:
        """The day's key.

        Raises:
            KeyUnavailable: it was destroyed or never made; or as for `ensure`.
        """
        path = self._path(platform, day)
        try:
            if path.stat().st_mode & 0o077:
                raise KeyUnavailable(f"{path} is readable by others; `chmod 600` it")
            key = path.read_bytes()
        except FileNotFoundError:
            key = _OVERWRITTEN
        if key == _OVERWRITTEN:
            raise KeyUnavailable(f"there is no retention key of {platform} {day}: it was destroyed")
        if len(key) != KEY_BYTES:
            raise KeyUnavailable(f"{path} does not hold {KEY_BYTES} bytes")
        return key

    def destroy(self, platform: str, day: date) -> bool:
        """Overwrite the day's key, sync, unlink. Safe to repeat; returns whether there was one."""
        path = self._path(platform, day)
        existed = False
        for found in (path, *self._unfinished(path)):
            with suppress(FileNotFoundError):
                with found.open("r+b", buffering=0) as file:
                    file.write(_OVERWRITTEN)
                    os.fsync(file.fileno())
                found.unlink()
                existed |= found == path
        if self.folder.exists():
            sync_folder(self.folder)
        return existed

    def days(self, platform: str) -> list[date]:
        """The days that have a key, in order."""
        names = (path.name for path in self.folder.glob("*.key")) if self.folder.exists() else ()
        parsed = filter(None, map(_NAME.fullmatch, names))
        return sorted(parse_day(found[1]) for found in parsed if found[2] == platform)

    def _unfinished(self, path: Path) -> Iterator[Path]:
        """What processes left that were killed while making this key: perhaps a link to it."""
        yield from self.folder.glob(f".{path.name}.*")

    def _path(self, platform: str, day: date) -> Path:
        if not _PLATFORM.fullmatch(platform):
            raise InvalidInput("platform", f"{platform!r} is not a platform id")
        return self.folder / f"{day.isoformat()}.{platform}.key"
