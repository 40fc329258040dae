"""Small files that are read again when they change, so that no process needs a restart.

Belongs here: when to read. Does not belong here: what the files hold.
"""

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Final, Generic, TypeVar

from analytics_pipeline.core.errors import PipelineError

RECHECK_SECONDS: Final = 1.0

_log = logging.getLogger(__name__)

T = TypeVar("T")


class Watched(Generic[T]):
    """A value loaded from a file or folder, loaded again when its modification time changes."""

    def __init__(self, path: Path, load: Callable[[], T]) -> None:
        self._path = path
        self._load = load
        self._checked_at = float("-inf")
        self._stamp: int | None = None
        self._value: T | None = None

    def get(self, now_seconds: float, *, at_once: bool = False) -> T:
        """The value; a file that has become malformed is logged and leaves the old one.

        Args:
            at_once: look at the file now, however short ago that was: for who misses something.
        """
        recent = now_seconds - self._checked_at < RECHECK_SECONDS
        if self._value is not None and recent and not at_once:
            return self._value
        self._checked_at = now_seconds
        stamp = self._path.stat().st_mtime_ns if self._path.exists() else None
        if self._value is not None and stamp == self._stamp:
            return self._value
        try:
            value = self._load()
        except PipelineError as error:
            if self._value is None:
                raise
            _log.error("%s; going on with what was read before", error)
            return self._value
        self._value, self._stamp = value, stamp
        return value
