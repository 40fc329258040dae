"""``python -m analytics_pipeline.sealer``: the sealer as a process of its own.

Exit codes: 0 done or told to stop, 1 a store failed, 2 wrong arguments or settings, 75 another
sealer is running (EX_TEMPFAIL).
"""

import argparse
import logging
import os
import resource
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime

from analytics_pipeline.core.errors import (
    EXPECTED,
    InvalidSettings,
    SealerRunning,
    describe_error,
)
from analytics_pipeline.sealer.lock import sole_sealer
from analytics_pipeline.sealer.rounds import SealerStores
from analytics_pipeline.sealer.worker import (
    DEFAULT_INTERVAL_SECONDS,
    clean_up,
    run_forever,
    seal_waiting,
)
from analytics_pipeline.settings import Settings, load_settings
from analytics_pipeline.storage.catalogue import open_catalogue
from analytics_pipeline.storage.ipfs import open_store
from analytics_pipeline.storage.keyring import Keyring
from analytics_pipeline.storage.queue import SqliteQueue
from analytics_pipeline.storage.salts import DailySalts


@contextmanager
def open_stores(settings: Settings) -> Iterator[SealerStores]:
    """Everything the sealer works on, open while the block runs. Raises PipelineError."""
    keyring = Keyring(settings.keys_dir)
    with (
        closing(SqliteQueue(settings.queue_path)) as queue,
        open_store(settings.ipfs_location, settings.ipfs_gateways) as content,
        closing(open_catalogue(settings.catalogue_location)) as catalogue,
    ):
        yield SealerStores(queue, keyring, content, catalogue)


def destroy_salts(settings: Settings) -> None:
    """Destroy salts of days that are over. The API does so too, but it may be down for days."""
    DailySalts(settings.salts_dir).destroy_expired(datetime.now(UTC))


def _arguments(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m analytics_pipeline.sealer", description=__doc__
    )
    parser.add_argument("--once", action="store_true", help="seal what waits, then stop")
    parser.add_argument(
        "--interval",
        type=float,
        default=DEFAULT_INTERVAL_SECONDS,
        metavar="SECONDS",
        help="pause after the queue ran empty (default: %(default)s)",
    )
    arguments = parser.parse_args(argv)
    if arguments.interval <= 0:
        parser.error("--interval must be positive")
    return arguments


def main(argv: list[str] | None = None) -> int:
    """Run the sealer; returns the exit code."""
    arguments = _arguments(argv)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s sealer %(message)s")
    os.umask(0o077)
    # A crash must not leave opened events in a core file.
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    try:
        settings = load_settings()
        with (
            open_stores(settings) as stores,
            sole_sealer(settings.home / "sealer.lock", stores.catalogue),
        ):
            clean_up(stores)
            destroy_salts(settings)
            if arguments.once:
                print(f"sealed {seal_waiting(stores, stop)}")
            else:
                run_forever(stores, stop, arguments.interval, lambda: destroy_salts(settings))
    except SealerRunning as error:
        print(describe_error(error), file=sys.stderr)
        return 75
    except InvalidSettings as error:
        print(describe_error(error), file=sys.stderr)
        return 2
    except EXPECTED as error:
        print(describe_error(error), file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
