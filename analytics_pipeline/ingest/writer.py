"""Group commit: many concurrent requests, one writer thread, one fsync for all that wait.

While a group is being synced the next one gathers, so the group size follows the load by itself.
Belongs here: the bridge between the event loop and the thread, and the bound on what may wait.
Does not belong here: how a group is stored (`storage.queue`).
"""

import asyncio
import logging
import queue
import threading
from typing import Final

from analytics_pipeline.core.errors import QueueUnavailable
from analytics_pipeline.storage.queue import DurableQueue, QueuedBatch

MAX_GROUP: Final = 256
MAX_GROUP_BYTES: Final = 8 * 2**20
MAX_WAITING: Final = 4096
MAX_WAITING_BYTES: Final = 64 * 2**20

_log = logging.getLogger(__name__)

Waiting = tuple[QueuedBatch, "asyncio.Future[bool]"]


class GroupWriter:
    """Puts batches into a durable queue from an event loop. Make it inside the running loop."""

    def __init__(
        self,
        durable: DurableQueue,
        max_waiting: int = MAX_WAITING,
        max_waiting_bytes: int = MAX_WAITING_BYTES,
    ) -> None:
        self._durable = durable
        self._max_waiting = max_waiting
        self._max_waiting_bytes = max_waiting_bytes
        self._loop = asyncio.get_running_loop()
        self._inbox: queue.SimpleQueue[Waiting | None] = queue.SimpleQueue()
        self._closing = False
        #: batches and bytes accepted into memory and not yet durable (event loop only)
        self.waiting = 0
        self.waiting_bytes = 0
        self._thread = threading.Thread(target=self._run, name="queue-writer")
        self._thread.start()

    async def put(self, batch: QueuedBatch) -> bool:
        """Return once `batch` is durable: True if it is new, False if it is a replay.

        Raises:
            QueueUnavailable: too much is waiting, or the queue could not store it.
        """
        size = len(batch.sealed)
        if (
            self._closing
            or self.waiting >= self._max_waiting
            or self.waiting_bytes + size > self._max_waiting_bytes
        ):
            raise QueueUnavailable("too many batches wait for the disk")
        settled: asyncio.Future[bool] = self._loop.create_future()
        self.waiting += 1
        self.waiting_bytes += size
        self._inbox.put((batch, settled))
        return await settled

    async def close(self) -> None:
        """Store everything that waits, then end the thread."""
        self._closing = True
        self._inbox.put(None)
        await asyncio.to_thread(self._thread.join)
        await asyncio.sleep(0)  # let the last group's futures settle

    def _run(self) -> None:
        while True:
            group, last = self._next_group()
            if group:
                self._store(group)
            if last:
                return

    def _next_group(self) -> tuple[list[Waiting], bool]:
        """Wait for one batch, then take what else is there; True once `close` was called."""
        group: list[Waiting] = []
        size = 0
        item = self._inbox.get()
        while item is not None:
            group.append(item)
            size += len(item[0].sealed)
            if len(group) >= MAX_GROUP or size >= MAX_GROUP_BYTES:
                return group, False
            try:
                item = self._inbox.get_nowait()
            except queue.Empty:
                return group, False
        return group, True

    def _store(self, group: list[Waiting]) -> None:
        try:
            stored = self._durable.put_many([batch for batch, _ in group])
        except QueueUnavailable as error:
            _log.error("queue: %s", error)
            self._loop.call_soon_threadsafe(self._fail, group, error)
        except Exception as error:  # a waiting request must never hang
            _log.error("queue: %s", type(error).__name__)
            self._loop.call_soon_threadsafe(self._fail, group, QueueUnavailable("internal error"))
        else:
            self._loop.call_soon_threadsafe(self._settle, group, stored)

    def _settle(self, group: list[Waiting], stored: list[bool]) -> None:
        self._release(group)
        for (_, future), new in zip(group, stored, strict=True):
            if not future.done():
                future.set_result(new)

    def _fail(self, group: list[Waiting], error: QueueUnavailable) -> None:
        self._release(group)
        for _, future in group:
            if not future.done():
                future.set_exception(QueueUnavailable(str(error)))

    def _release(self, group: list[Waiting]) -> None:
        self.waiting -= len(group)
        self.waiting_bytes -= sum(len(batch.sealed) for batch, _ in group)
