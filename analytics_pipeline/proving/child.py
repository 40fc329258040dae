"""One run of a tool as a child process: fed from memory, measured, never orphaned.

A child is killed when this process ends, however that happened (Linux). It writes no core dump:
that would put the witness on disk. Belongs here: starting, feeding, waiting, measuring. Does not
belong here: what the tool is asked to do (`bb`).
"""

import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final

#: Called while a child works, with the seconds since it started.
Tick = Callable[[float], None]

# PR_SET_PDEATHSIG is Linux and survives the exec. A preexec_fn would do the same, but can deadlock
# in a process with threads.
_TETHER: Final = (
    "import ctypes, os, resource, signal, sys\n"
    "resource.setrlimit(resource.RLIMIT_CORE, (0, 0))\n"
    "if sys.platform == 'linux': ctypes.CDLL(None).prctl(1, signal.SIGKILL)\n"
    "if os.getppid() != int(sys.argv[1]): sys.exit(1)\n"
    "try: os.execv(sys.argv[2], sys.argv[2:])\n"
    "except OSError: sys.exit(126)"
)
_TICK_SECONDS: Final = 0.25
_RSS_UNIT: Final = 1 if sys.platform == "darwin" else 1024


@dataclass(frozen=True)
class Finished:
    """How a child ended. ``output`` is empty unless it was asked for."""

    exit_code: int
    seconds: float
    peak_bytes: int
    output: bytes

    @property
    def ending(self) -> str:
        """In words: exit code or signal."""
        if self.exit_code >= 0:
            return f"exit code {self.exit_code}"
        return f"killed by {signal.Signals(-self.exit_code).name}"

    @property
    def last_line(self) -> str:
        lines = self.output.decode(errors="replace").strip().splitlines()
        return lines[-1] if lines else ""


def run_child(
    command: Sequence[str | Path],
    *,
    stdin: bytes | memoryview = b"",
    keep_output: bool = True,
    environ: dict[str, str] | None = None,
    tick: Tick | None = None,
) -> Finished:
    """Run a command to its end.

    Args:
        stdin: fed through a pipe; it is never written to disk.
        keep_output: return what the child says. False: it is thrown away unread, as is due when the
            child knows secrets.
        environ: added to this process's environment.
        tick: called a few times a second; what it raises kills the child.
    """
    with tempfile.TemporaryFile() as said:
        started = time.monotonic()
        child = subprocess.Popen(  # noqa: S603 (fixed commands)
            [sys.executable, "-I", "-S", "-c", _TETHER, str(os.getpid()), *map(str, command)],
            stdin=subprocess.PIPE,
            stdout=said if keep_output else subprocess.DEVNULL,
            stderr=subprocess.STDOUT,
            env={**os.environ, **(environ or {})},
            start_new_session=True,
        )
        assert child.stdin is not None  # noqa: S101
        feeder = threading.Thread(target=_feed, args=(child.stdin, stdin), daemon=True)
        feeder.start()
        try:
            peak_bytes = _wait(child, started, tick)
        finally:
            _end(child)
            feeder.join()
        said.seek(0)
        return Finished(child.returncode, time.monotonic() - started, peak_bytes, said.read())


def _feed(pipe: IO[bytes], data: bytes | memoryview) -> None:
    with suppress(BrokenPipeError), pipe:  # a child that needs no more has closed its end
        pipe.write(data)


def _wait(child: subprocess.Popen[bytes], started: float, tick: Tick | None) -> int:
    """Wait for the end.

    Returns:
        The most memory it had at a time, in bytes.
    """
    pause, peak = 0.005, 0
    while True:
        peak = max(peak, _peak_bytes(child.pid))
        process_id, status, usage = os.wait4(child.pid, os.WNOHANG)
        if process_id:
            child.returncode = os.waitstatus_to_exitcode(status)
            return peak or usage.ru_maxrss * _RSS_UNIT
        time.sleep(pause)
        pause = min(2 * pause, _TICK_SECONDS)
        if tick is not None:
            tick(time.monotonic() - started)


def _peak_bytes(process_id: int) -> int:
    """As Linux tells it, 0 if it does not. What wait4 says would be our own memory, if that is
    more: a child counts as having it until its exec."""
    try:
        for line in Path(f"/proc/{process_id}/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    except OSError:
        pass
    return 0


def _end(child: subprocess.Popen[bytes]) -> None:
    """Kill what is still there; its own children too."""
    if child.returncode is None:
        with suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)
        child.wait()
