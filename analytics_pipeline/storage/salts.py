"""Daily salts of the viewer pseudonyms, and the one lasting secret of the ingestion API.

    salts/<YYYY-MM-DD>.salt   32 random bytes; the salt of one UTC day
    salts/install.secret      32 random bytes; keys the batch ids of plain events

A salt is made when its day first needs it and destroyed soon after that day ends (`GRACE`), at
start-up and by a timer: at most one day and ten minutes old, well within 48 hours. Destroying
overwrites the file in place with zeros, syncs, then unlinks: plain files, because a database would
leave copies in its journal. (A copy-on-write file system or SSD may keep old blocks; put the folder
on an encrypted or memory-backed volume where that matters.)

Trust: who reads a live salt can test guesses "was this address here today" against that day's
pseudonyms; once it is destroyed nobody can. Who reads the install secret can test guesses of
(session, video, type, time) against queued batch ids. Belongs here: making, reading, destroying.
Does not belong here: what is derived from them (`ingest.pseudonym`, `ingest.plain`).
"""

import os
import re
import secrets
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Final

from analytics_pipeline.core.day import utc_day
from analytics_pipeline.core.errors import KeyUnavailable
from analytics_pipeline.storage.durable import sync_folder

SALT_BYTES: Final = 32
#: Other processes' clocks may lag a little behind midnight.
GRACE: Final = timedelta(minutes=10)
_SALT_NAME: Final = re.compile(r"(\d{4}-\d{2}-\d{2})\.salt\Z")


class DailySalts:
    """The salts of the days that are not over. Processes that share the folder share the salts."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._cached: tuple[date, bytes] | None = None

    def salt_of(self, day: date) -> bytes:
        """The day's 32-byte salt, made on first use. Raises KeyUnavailable if it is unreadable."""
        if self._cached is None or self._cached[0] != day:
            self._cached = (day, _load_or_create(self._folder / f"{day.isoformat()}.salt"))
        return self._cached[1]

    def install_secret(self) -> bytes:
        """The lasting 32-byte secret of this installation, made on first use."""
        return _load_or_create(self._folder / "install.secret")

    def destroy_expired(self, now: datetime) -> list[date]:
        """Destroy the salts of all days that ended more than `GRACE` ago; returns those days."""
        today = utc_day(now.astimezone(UTC) - GRACE)
        destroyed = []
        for path in sorted(self._folder.iterdir()):
            if path.name.startswith("."):
                _destroy_leftover(path, now)
                continue
            named = _SALT_NAME.match(path.name)
            if named is None or date.fromisoformat(named[1]) >= today:
                continue
            _destroy(path)
            destroyed.append(date.fromisoformat(named[1]))
        if self._cached is not None and self._cached[0] < today:
            self._cached = None
        if destroyed:
            sync_folder(self._folder)
        return destroyed


def _load_or_create(path: Path) -> bytes:
    """Read 32 bytes from `path`, creating them if absent; of several processes one wins."""
    if not path.exists():
        fresh = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            os.write(descriptor, secrets.token_bytes(SALT_BYTES))
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        try:
            os.link(fresh, path)
        except FileExistsError:
            _destroy(fresh)  # another process was first: its bytes count
        else:
            fresh.unlink()
        sync_folder(path.parent)
    value = path.read_bytes()
    if len(value) != SALT_BYTES:
        raise KeyUnavailable(f"{path.name} does not hold {SALT_BYTES} bytes; remove it")
    return value


def _destroy(path: Path) -> None:
    """Overwrite in place, sync, unlink. Gone already (another process) is fine."""
    with suppress(FileNotFoundError):
        with path.open("r+b", buffering=0) as file:
            file.write(bytes(SALT_BYTES))
            os.fsync(file.fileno())
        path.unlink()


def _destroy_leftover(path: Path, now: datetime) -> None:
    """Remove what a process left that was killed while making a salt."""
    with suppress(FileNotFoundError):
        if path.stat().st_mtime < (now - GRACE).timestamp():
            _destroy(path)
