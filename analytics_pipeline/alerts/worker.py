"""Rounds until told to stop.

Deciding waits for chain and IPFS, in a thread; calls are made meanwhile, and a signal is heard.

Belongs here: the loop, its waiting, opening chain and content store only while there are rules.
"""

import asyncio
import logging
import math
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractContextManager, ExitStack, asynccontextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Final, TypeVar

from analytics_pipeline.alerts.days import Published
from analytics_pipeline.alerts.delivery import Delivery, deliver_due
from analytics_pipeline.alerts.rounds import drop_orphans, run_round
from analytics_pipeline.core.errors import PipelineError, StoreError, describe_error
from analytics_pipeline.storage.alert_calls import next_due
from analytics_pipeline.storage.alerts import AlertStore, list_rules

DEFAULT_INTERVAL_SECONDS: Final = 60.0
_LONGEST_WAIT_SECONDS: Final = 300.0
_SHORTEST_WAIT_SECONDS: Final = 1.0
#: Beyond so many doublings every wait is the longest one; some hundreds more fit no float.
_MOST_DOUBLINGS: Final = 16

T = TypeVar("T")
OpenPublished = Callable[[], AbstractContextManager[Published]]

log = logging.getLogger("analytics_pipeline.alerts")


async def run_once(
    store: AlertStore, open_published: OpenPublished, delivery: Delivery, read_keys_path: Path
) -> None:
    """Decide what can be decided, and make the calls that are due, also where the chain cannot be
    read. Raises PipelineError."""
    try:
        drop_orphans(store, read_keys_path)
        if list_rules(store):
            with open_published() as published:
                run_round(store, published, delivery.now())
    finally:
        while await deliver_due(store, delivery):
            pass  # a withdrawal is due once what it withdraws is taken


async def run_forever(
    store: AlertStore,
    open_published: OpenPublished,
    delivery: Delivery,
    read_keys_path: Path,
    stop: asyncio.Event,
    interval_seconds: float,
) -> None:
    """Decide and call until `stop` is set. The day that is being decided is finished first.

    A chain that cannot be read is opened again after ever longer waits; calls go on meanwhile.
    While there is no rule, nothing is opened.

    Args:
        interval_seconds: pause between two looks at the chain.
    """
    log.info("watching, every %.0f s", interval_seconds)
    failures = 0
    while not stop.is_set():
        try:
            drop_orphans(store, read_keys_path)
            if not list_rules(store):
                await _call_for(store, delivery, stop, interval_seconds)
                continue
            async with _opened(store, open_published, delivery) as published:
                while not stop.is_set() and list_rules(store):
                    round_ = partial(run_round, store, published, delivery.now(), stop.is_set)
                    await _calling_meanwhile(store, delivery, round_)
                    failures = 0
                    await _call_for(store, delivery, stop, interval_seconds)
                    drop_orphans(store, read_keys_path)
        except Exception as error:  # whatever a node answers, the process goes on
            failures += 1
            doublings = min(failures, _MOST_DOUBLINGS)
            wait = min(_LONGEST_WAIT_SECONDS, interval_seconds * 2**doublings)
            # other messages may name a node by its address, with what is secret in it
            shown = describe_error(error) if isinstance(error, PipelineError) else type(error)
            log.error("nothing decided, next try in %.0f s: %s", wait, shown)
            await _call_for(store, delivery, stop, wait)


@asynccontextmanager
async def _opened(
    store: AlertStore, open_published: OpenPublished, delivery: Delivery
) -> AsyncIterator[Published]:
    """Chain and content store, opened in a thread."""
    with ExitStack() as stack:
        yield await _calling_meanwhile(
            store, delivery, lambda: stack.enter_context(open_published())
        )


async def _calling_meanwhile(store: AlertStore, delivery: Delivery, work: Callable[[], T]) -> T:
    """Run `work` in a thread, and make calls as they become due until it has ended."""
    working = asyncio.create_task(asyncio.to_thread(work))
    try:
        while not working.done():
            wait = await _make_calls(store, delivery)
            await asyncio.wait({working}, timeout=min(wait, _SHORTEST_WAIT_SECONDS))
    finally:
        await asyncio.wait({working})  # whatever became of the calls: never two at once
    return working.result()


async def _call_for(
    store: AlertStore, delivery: Delivery, stop: asyncio.Event, seconds: float
) -> None:
    """Make calls as they become due, for so long or until told to stop."""
    loop = asyncio.get_running_loop()
    until = loop.time() + seconds
    while not stop.is_set() and (left := until - loop.time()) > 0:
        if wait := await _make_calls(store, delivery):
            with suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), min(left, wait))


async def _make_calls(store: AlertStore, delivery: Delivery) -> float:
    """Make the calls that are due; the seconds until there may be others, 0 after some were."""
    try:
        if await deliver_due(store, delivery):
            return 0
        due = next_due(store)
    except StoreError as error:
        log.error("calls were not made or not noted: %s", error)
        due = None
    if due is None:
        return math.inf
    return max(_SHORTEST_WAIT_SECONDS, (due - delivery.now()).total_seconds())
