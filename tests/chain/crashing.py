"""Publish in a process of its own and die at a given step: run by test_publisher.

Usage: python -m tests.chain.crashing FOLDER STEP COUNT
The process kills itself (SIGKILL) when STEP happens for the COUNT-th time.
"""

import os
import signal
import sys
from pathlib import Path

from analytics_pipeline.chain import kv
from analytics_pipeline.chain.client import open_publisher
from tests.chain.support import PLATFORM, a_commit, a_release, publish


def main(folder: Path, wanted: str, count: int) -> None:
    """Publish two days, dying on the way."""
    seen = 0

    def step(name: str) -> None:
        nonlocal seen
        seen += name == wanted
        if name == wanted and seen == count:
            os.kill(os.getpid(), signal.SIGKILL)

    publisher = open_publisher(folder / "chain.sqlite", PLATFORM, folder / "outbox.sqlite")
    publisher._sender.on_step = step
    write = kv.SqliteStore.__setitem__

    def watched(store: kv.SqliteStore, key: bytes, value: bytes) -> None:
        write(store, key, value)
        step("block half written")

    kv.SqliteStore.__setitem__ = watched  # type: ignore[method-assign]
    publish(publisher, [a_commit(0), a_commit(1)], [a_release(0), a_release(1)])


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]))
