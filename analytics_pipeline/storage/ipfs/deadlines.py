"""How long to wait for a remote source, and what is worth asking again.

    connect   until the TCP (and TLS) connection stands
    idle      between two pieces of an answer
    total     for one whole operation of a store, over all its blocks, sources and retries

Asked again: connection errors, server errors, truncated answers. Not asked again: silence (the
idle deadline), refusals, and above all bytes that do not match their CID.
"""

import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from analytics_pipeline.core.errors import ContentUnavailable

T = TypeVar("T")


class Transient(ContentUnavailable):
    """A failure that may pass: the same question may be asked again."""


@dataclass(frozen=True)
class Deadlines:
    """Waiting times in seconds, attempts per block and source."""

    connect_seconds: float = 5.0
    idle_seconds: float = 30.0
    total_seconds: float = 600.0
    attempts: int = 3
    first_retry_seconds: float = 0.2

    def start(self) -> "Timer":
        """Begin one operation."""
        return Timer(self)


class Timer:
    """The clock of one operation; shared by the threads that work on it."""

    def __init__(self, deadlines: Deadlines) -> None:
        self._deadlines = deadlines
        self._ends_at = time.monotonic() + deadlines.total_seconds

    def remaining_seconds(self) -> float:
        """Seconds left. Raises ContentUnavailable when there are none."""
        left = self._ends_at - time.monotonic()
        if left <= 0:
            total = self._deadlines.total_seconds
            raise ContentUnavailable(f"the deadline of {total:g} s for the operation has passed")
        return left

    def timeouts(self) -> tuple[float, float]:
        """(connect, idle) for a request that answers in pieces."""
        left = self.remaining_seconds()
        return min(self._deadlines.connect_seconds, left), min(self._deadlines.idle_seconds, left)

    def patient_timeouts(self) -> tuple[float, float]:
        """(connect, until the answer) for a request that answers once its work is done."""
        left = self.remaining_seconds()
        return min(self._deadlines.connect_seconds, left), left

    def retry(self, attempt: Callable[[], T]) -> T:
        """Run `attempt` until it raises something else than `Transient`, a few times at most."""
        wait = self._deadlines.first_retry_seconds
        for _ in range(self._deadlines.attempts - 1):
            try:
                return attempt()
            except Transient:
                time.sleep(min(wait * random.uniform(0.5, 1.5), self.remaining_seconds()))  # noqa: S311  # jitter
                wait *= 2
        return attempt()
