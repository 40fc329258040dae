"""Rounds until told to stop.

Belongs here: the loop, its waiting and its log lines (numbers only, never what an event says).
"""

import logging
import threading
import time
from collections.abc import Callable
from typing import Final

from analytics_pipeline.core.day import MS_PER_DAY
from analytics_pipeline.core.errors import StoreError
from analytics_pipeline.sealer.rounds import RoundResult, SealerStores, run_round
from analytics_pipeline.storage.catalogue import forget_batches
from analytics_pipeline.storage.queue import REMEMBER_DAYS
from analytics_pipeline.storage.segments import take_back_pins

DEFAULT_INTERVAL_SECONDS: Final = 30.0
_LONGEST_WAIT_SECONDS: Final = 300.0
#: by then the queue has forgotten a replayed batch, and its events are too old to be accepted
_REMEMBER_SEALED_MS: Final = 2 * REMEMBER_DAYS * MS_PER_DAY

log = logging.getLogger("analytics_pipeline.sealer")


def clean_up(stores: SealerStores) -> None:
    """Put right what an earlier sealer left behind, and forget what need not be known any more."""
    taken = take_back_pins(stores.catalogue, stores.content)
    if taken:
        log.info("took back %d pins of a round that was cut short", taken)
    forget_batches(stores.catalogue, time.time_ns() // 1_000_000 - _REMEMBER_SEALED_MS)


def seal_waiting(stores: SealerStores, stop: threading.Event) -> RoundResult:
    """Seal everything that waits now, or until `stop` is set; returns the sums. Raises
    StoreError."""
    total = RoundResult()
    started = time.monotonic()
    while not stop.is_set():
        result = run_round(stores)
        if not result.batches:
            break
        log.info("%s", result)
        counts = total.counts
        counts.accepted += result.counts.accepted
        counts.duplicate += result.counts.duplicate
        counts.late += result.counts.late
        counts.rejected.update(result.counts.rejected)
        total = RoundResult(
            batches=total.batches + result.batches,
            replayed=total.replayed + result.replayed,
            segments=[*total.segments, *result.segments],
            counts=counts,
            seconds=time.monotonic() - started,
        )
    return total


def run_forever(
    stores: SealerStores,
    stop: threading.Event,
    interval_seconds: float,
    when_idle: Callable[[], object] = lambda: None,
) -> None:
    """Seal until `stop` is set. A round that has begun is finished first.

    A store that fails is tried again after ever longer waits; nothing is lost meanwhile.

    Args:
        interval_seconds: pause after the queue ran empty. Longer: fewer, larger segments.
        when_idle: housekeeping, done before each pause.
    """
    failures = 0
    while not stop.is_set():
        try:
            result = run_round(stores)
            failures = 0
        except StoreError as error:
            failures += 1
            wait = min(_LONGEST_WAIT_SECONDS, 2.0**failures)
            log.error("round failed, next try in %.0f s: %s", wait, error)
            stop.wait(wait)
            continue
        if result.batches:
            log.info("%s", result)
        else:
            when_idle()
            stop.wait(interval_seconds)
