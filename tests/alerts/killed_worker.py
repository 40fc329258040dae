"""``python -m tests.alerts.killed_worker STORE KEYS BOUNDARY``: one run of the worker over a world
in which one day fell, that kills itself at a boundary (``none``: that ends by itself).

    decided        a decision is made, and not stored
    storing        within the transaction that stores decision and call
    stored         both are stored, and no call is made
    sent           the call was answered, and that is not noted
"""

import asyncio
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from analytics_pipeline.alerts import delivery as delivery_module
from analytics_pipeline.alerts import rounds
from analytics_pipeline.alerts.days import Published
from analytics_pipeline.alerts.delivery import Delivery
from analytics_pipeline.alerts.worker import run_once
from analytics_pipeline.storage import alert_calls
from analytics_pipeline.storage.alerts import AlertStore
from analytics_pipeline.storage.webhook_signer import WebhookSigner
from tests.alerts.conftest import Clock
from tests.alerts.days import FEW, USUAL, WorldDays
from tests.support.world import World

BOUNDARIES = ("decided", "storing", "stored", "sent")


def die(*_: Any) -> None:
    """kill -9."""
    os.kill(os.getpid(), signal.SIGKILL)


def die_where_a_call_is_made(original: Any) -> Any:
    """Store the decision; die once it asked for a call."""

    def store_then_die(*arguments: Any) -> bool:
        asked: bool = original(*arguments)
        if asked:
            die()
        return asked

    return store_then_die


def prepare(boundary: str, store: AlertStore) -> None:
    """Die at the boundary: the functions on both sides of it are the real ones."""
    if boundary == "decided":
        original = rounds.build_decided

        def build(*arguments: Any) -> Any:
            decided = original(*arguments)
            if decided.call:
                die()
            return decided

        rounds.build_decided = build
    elif boundary == "storing":
        store._connection.set_trace_callback(
            lambda statement: die() if statement.startswith("INSERT INTO calls") else None
        )
    elif boundary == "stored":
        rounds.store_decision = die_where_a_call_is_made(alert_calls.store_decision)
    elif boundary == "sent":
        delivery_module.mark_delivered = die


@contextmanager
def open_world() -> Iterator[Published]:
    """Two usual days and a low one."""
    published = WorldDays(World())
    for number, scale in enumerate((USUAL, USUAL, FEW)):
        published.release(number, scale)
    yield published


def main() -> None:
    path, keys, boundary = sys.argv[1:]
    clock = Clock()
    store = AlertStore(Path(path))
    prepare(boundary, store)
    signer = WebhookSigner.create(Path(keys), clock())
    no_keys = Path(keys) / "read_keys.json"
    asyncio.run(run_once(store, open_world, Delivery(signer, clock), no_keys))


if __name__ == "__main__":
    main()
