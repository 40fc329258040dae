"""Making the calls that are due, and writing down what became of each.

A call counts as taken on a 2xx, and only once that is on disk: a kill in between makes it again,
under the same id. Belongs here: signing, the order of these steps, what follows an answer. Does not
belong here: the connection (`calling`), the rows (`storage.alert_calls`).
"""

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from analytics_pipeline.alerts.calling import Answer, call
from analytics_pipeline.core.webhooks import (
    Target,
    build_headers,
    next_attempt,
    signed_content,
)
from analytics_pipeline.storage.alert_calls import (
    DueCall,
    due_calls,
    mark_delivered,
    mark_failed,
)
from analytics_pipeline.storage.alerts import AlertStore
from analytics_pipeline.storage.webhook_signer import WebhookSigner

#: Calls made side by side, so that a slow receiver holds up nobody else.
_AT_ONCE: Final = 8
_GONE: Final = 410

_log = logging.getLogger(__name__)

Call = Callable[[Target, dict[str, str], bytes], Awaitable[Answer]]


@dataclass(frozen=True)
class Delivery:
    """What making calls needs besides the outbox.

    Args:
        now: aware time of this moment.
        chance: 0 … 1, for the pause before a call is made again.
    """

    signer: WebhookSigner
    now: Callable[[], datetime]
    call: Call = call
    chance: Callable[[], float] = field(default=random.random)

    async def send(self, event_id: str, target: Target, body: bytes) -> Answer:
        """Sign and make one call, now. Raises KeyUnavailable."""
        at = self.now()
        timestamp = int(at.timestamp())
        signatures = self.signer.sign(signed_content(event_id, timestamp, body), at)
        return await self.call(target, build_headers(event_id, timestamp, signatures), body)


async def deliver_due(store: AlertStore, delivery: Delivery) -> int:
    """Make every call that is due; returns how many were tried. Raises StoreError."""
    due = due_calls(store, delivery.now())
    free = asyncio.Semaphore(_AT_ONCE)

    async def one(each: DueCall) -> None:
        async with free:
            answer = await delivery.send(each.event_id, each.target, each.body)
            _settle(store, delivery, each, answer)

    await asyncio.gather(*map(one, due))
    return len(due)


def _settle(store: AlertStore, delivery: Delivery, each: DueCall, answer: Answer) -> None:
    now = delivery.now()
    where = f"{each.event_id} of {each.rule_id} to {each.target.host}"
    if answer.problem is None:
        mark_delivered(store, each.event_id, now)
        _log.info("%s: taken", where)
        return
    again_at = next_attempt(
        each.created_at,
        now,
        each.attempts + 1,
        jitter=delivery.chance(),
        asked_seconds=answer.retry_after_seconds,
    )
    if answer.status == _GONE:
        again_at = None
    mark_failed(store, each.event_id, now, answer.problem, again_at)
    if again_at is None:
        _log.error("%s: dead after %d attempts: %s", where, each.attempts + 1, answer.problem)
    else:
        _log.warning("%s: %s; again at %s", where, answer.problem, f"{again_at:%F %T}Z")
