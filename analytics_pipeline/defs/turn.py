"""Runs take turns: from its first step to its last a run has the platform to itself.

A release must follow its commit in the platform's hash chain. Dagster's queue orders the runs that
go through it (`max_concurrent_runs`), but not one started on the command line, nor those of another
daemon: between a run's commit and its release another could release, and what the first has drawn
would be lost with its budget. So a run holds a lock, and the next one waits for it.

The lock is given back by a kill. Belongs here: the lock. What a run finds that another has left
half-way: `defs.steps.commitments`.
"""

import fcntl
import os
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Final

from analytics_pipeline.defs.stores import Stores

LOCK_FILE: Final = "releasing.lock"
WAITING: Final = "another run of this platform is at work; waiting for it to end"
_POLL_SECONDS: Final = 0.2


@contextmanager
def taking_turns(stores: Stores, say: Callable[[str], None]) -> Iterator[None]:
    """Wait for the run at work, if there is one, then keep others waiting while the block runs.

    On one machine a lock file decides; where the catalogue is in Postgres, which several machines
    may share, a lock there as well.

    Args:
        say: told once if there is something to wait for.
    """
    told = False
    while True:
        with ExitStack() as held:
            if _take(held, stores):
                yield
                return
        if not told:
            say(WAITING)
            told = True
        time.sleep(_POLL_SECONDS)


def _take(held: ExitStack, stores: Stores) -> bool:
    """Take both locks or, as soon as the stack is closed, none."""
    home = stores.settings.home
    home.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(home / LOCK_FILE, os.O_RDWR | os.O_CREAT, 0o600)
    held.callback(os.close, descriptor)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return held.enter_context(stores.catalogue.sole(f"releasing/{stores.platform}"))
