"""Which runs of this machine are alive, told by locks that a kill gives back.

A killed run keeps its slots in Dagster's pools; without Dagster's daemon, which frees them after a
while, the next run would wait for them for ever. Belongs here: the locks, and clearing away runs
whose lock nobody holds. Does not belong here: runs that the UI started; those are the daemon's.

    ANALYTICS_HOME/dagster/alive/<run id>.run      locked for as long as the run's process lives
    ANALYTICS_HOME/dagster/alive/.lock             held while files are made or swept
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import dagster as dg

_FOLDER: Final = Path("dagster", "alive")
_KILLED: Final = "its process ended without a word (killed?); another run cleared it away"


@contextmanager
def alive_run(home: Path, instance: dg.DagsterInstance, run_id: str) -> Iterator[None]:
    """Clear away killed runs, then hold this run's lock while the block runs.

    Args:
        home: ``ANALYTICS_HOME``.
    """
    folder = home / _FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{run_id}.run"
    with _locked(folder / ".lock"):
        _clear_killed(folder, instance)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        fcntl.flock(descriptor, fcntl.LOCK_EX)
    try:
        yield
    finally:
        path.unlink(missing_ok=True)
        os.close(descriptor)


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _is_alive(path: Path) -> bool:
    try:
        descriptor = os.open(path, os.O_RDWR)
    except FileNotFoundError:
        return False  # ended just now
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


def _clear_killed(folder: Path, instance: dg.DagsterInstance) -> None:
    for path in folder.glob("*.run"):
        if _is_alive(path):
            continue
        run = instance.get_run_by_id(path.stem)
        if run is not None and not run.is_finished:
            instance.report_run_failed(run, _KILLED)
        instance.event_log_storage.free_concurrency_slots_for_run(path.stem)
        path.unlink(missing_ok=True)
