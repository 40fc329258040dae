"""One sealer at a time: a lock file on this machine, an advisory lock in a shared catalogue.

Two sealers would not count anything twice (the catalogue refuses), but they would do every round
twice, and one could take back pins the other is about to need.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from analytics_pipeline.core.errors import SealerRunning
from analytics_pipeline.storage.catalogue import Catalogue


@contextmanager
def sole_sealer(path: Path, catalogue: Catalogue) -> Iterator[None]:
    """Hold both locks while the block runs; a kill gives them back.

    Args:
        path: the lock file; it stays, holding the process id of the last sealer.
    Raises:
        SealerRunning: another sealer holds one of them.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+", encoding="ascii") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            holder = file.read().strip() or "unknown"
            raise SealerRunning(
                f"another sealer is running (process {holder}); it holds {path}"
            ) from None
        file.truncate(0)
        file.write(f"{os.getpid()}\n")
        file.flush()
        with catalogue.sole("sealer") as held:
            if not held:
                raise SealerRunning("another sealer works on this catalogue from another machine")
            yield
