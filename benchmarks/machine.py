"""What every benchmark needs and none is about: the machine, its processes, printing.

Belongs here: nothing that knows the pipeline.
"""

import contextlib
import json
import os
import pickle
import platform
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any, Final

_LIBRARIES: Final = ("duckdb", "polars", "dbt-core", "granian")
_KIB_PER_MIB: Final = 1024
_PROBE_SECONDS: Final = 0.05


@dataclass(frozen=True)
class ChildRun:
    """What a function run in a process of its own gave, and took."""

    value: Any
    seconds: float
    peak_mib: int


def describe_machine() -> dict[str, Any]:
    """Cores, memory and versions, for beside the figures."""
    pages = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return {
        "cores": os.cpu_count(),
        "memory_gib": round(pages / 2**30),
        "load_average": round(os.getloadavg()[0], 1),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        **{name: version(name) for name in _LIBRARIES},
    }


def print_json(figures: Mapping[str, Any]) -> None:
    """Figures and machine as one JSON object."""
    print(json.dumps({**figures, "machine": describe_machine()}, indent=1))


def say(text: str) -> None:
    """Progress goes to standard error; figures go to standard output."""
    print(f"{time.strftime('%H:%M:%S')} {text}", file=sys.stderr, flush=True)


class PeakMemory:
    """The most memory a process held (MiB), read from the kernel while it runs.

    The kernel keeps the high-water mark itself, so only what grows in the last 50 ms can be
    missed. `getrusage` of a child will not do: it begins with what its parent held.
    """

    def __init__(self, process_id: int) -> None:
        self.mib = 0
        self._status = f"/proc/{process_id}/status"
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def _watch(self) -> None:
        while not self._ended.wait(_PROBE_SECONDS):
            self.read()

    def read(self) -> int:
        """The mark now; once the process has ended, the last one seen."""
        try:
            with open(self._status, encoding="ascii") as file:
                marks = [line.split()[1] for line in file if line.startswith("VmHWM")]
        except OSError:
            return self.mib
        self.mib = max([self.mib, *(int(mark) // _KIB_PER_MIB for mark in marks)])
        return self.mib

    def stop(self) -> int:
        """Stop watching; returns the peak."""
        self.read()
        self._ended.set()
        self._thread.join()
        return self.mib


def run_in_child(
    function: Callable[..., Any], *arguments: Any, environ: Mapping[str, str] | None = None
) -> ChildRun:
    """Call a function of a module in a fresh interpreter that has imported this module only.
    Imports are not in ``seconds``; what it prints goes to standard error.

    Args:
        environ: what to add to the child's environment.
    Raises:
        RuntimeError: the child ended without a result; what it printed says why.
    """
    result = subprocess.run(
        [sys.executable, "-c", "from benchmarks.machine import child; child()"],
        input=pickle.dumps((function, arguments)),
        env={**os.environ, **(environ or {})},
        stdout=subprocess.PIPE,
        check=False,
    )
    if result.returncode:
        raise RuntimeError(f"{function.__name__} failed in its process")
    run: ChildRun = pickle.loads(result.stdout)
    return run


def child() -> None:
    """The other end of `run_in_child`."""
    function, arguments = pickle.load(sys.stdin.buffer)
    results = os.dup(sys.stdout.fileno())
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # also for libraries that are not Python
    started = time.perf_counter()
    value = function(*arguments)
    seconds = time.perf_counter() - started
    run = ChildRun(value, seconds, PeakMemory(os.getpid()).stop())
    with os.fdopen(results, "wb") as file:
        file.write(pickle.dumps(run))


def run_command(
    command: Sequence[str], environ: Mapping[str, str], folder: os.PathLike[str]
) -> ChildRun:
    """Run a program to its end, start included. Its output is the value.

    Raises:
        RuntimeError: it failed; the message is its output.
    """
    started = time.perf_counter()
    process = subprocess.Popen(
        command,
        env={**os.environ, **environ},
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    memory = PeakMemory(process.pid)
    output, _ = process.communicate()
    seconds = time.perf_counter() - started
    peak_mib = memory.stop()
    if process.returncode:
        raise RuntimeError(f"{command[0]} failed:\n{output}")
    return ChildRun(output, seconds, peak_mib)


@contextlib.contextmanager
def server(arguments: Sequence[str], environ: Mapping[str, str], port: int) -> Iterator[PeakMemory]:
    """Run a Python server process until the block ends."""
    process = subprocess.Popen([sys.executable, *arguments], env={**os.environ, **environ})
    memory = PeakMemory(process.pid)
    try:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and process.poll() is None:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.05)
        yield memory
    finally:
        memory.stop()
        process.terminate()
        process.wait(30)


def free_port() -> int:
    """A free loopback port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
