"""The other processes of a deployment, as the command line starts and stops them.

Belongs here: spawning, waiting, stopping. Children report long work as JSON lines on stdout,
`{"stage": str, "done": int, "total": int}`, and may end with `{"result": {...}}`.
"""

import errno
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, NoReturn

from analytics_pipeline.core.errors import InvalidInput, PipelineError

TAIL_LINES: Final = 15
_GRACE_SECONDS: Final = 15.0
_CAUSE = re.compile(r"(\w+\.)*[A-Z]\w+: \S")
# A started process outlives nobody: it asks the kernel to be told (SIGTERM) when the process that
# started it is gone, however that ended. Linux only; PR_SET_PDEATHSIG survives the exec.
_TETHER = (
    "import ctypes, os, signal, sys\n"
    "ctypes.CDLL(None).prctl(1, signal.SIGTERM)\n"
    "if os.getppid() != int(sys.argv[1]): sys.exit(1)\n"
    "os.execv(sys.argv[2], sys.argv[2:])"
)


class ChildFailed(PipelineError):
    """A process of the deployment ended with an error.

    Args:
        problem: what happened, in one line.
        log: where its output went; None: there is nothing to quote.
        offset: where this process's output begins in it, in bytes.

    ``quoted`` are lines of the log that say why: the cause, if there is one line that names it.
    """

    def __init__(self, problem: str, log: Path | None = None, offset: int = 0) -> None:
        self.quoted = _quote(log, offset) if log else []
        if len(self.quoted) == 1:
            problem = f"{problem}: {self.quoted[0]}"
            self.quoted = []
        super().__init__(f"{problem} (log: {log})" if log else problem)


def _quote(log: Path, offset: int) -> list[str]:
    with log.open("rb") as file:
        file.seek(offset)
        lines = [line for line in file.read().decode(errors="replace").splitlines() if line.strip()]
    if lines and _CAUSE.match(lines[-1]):
        return lines[-1:]
    return lines[-TAIL_LINES:]


def _command(module: str, arguments: tuple[str, ...]) -> list[str]:
    return [sys.executable, "-m", f"analytics_pipeline.{module}", *arguments]


def _tethered(command: list[str]) -> list[str]:
    if sys.platform != "linux":
        return command
    return [sys.executable, "-I", "-S", "-c", _TETHER, str(os.getpid()), *command]


def replace_process(module: str, *arguments: str) -> NoReturn:
    """Become the given process (for `ingest`, `seal`, …: signals and exit codes are its own)."""
    command = _command(module, arguments)
    os.execv(command[0], command)  # noqa: S606


def start(
    module: str, *arguments: str, environ: Mapping[str, str], log: Path
) -> subprocess.Popen[bytes]:
    """Start a long-running process whose output goes to `log`; the log before is kept as
    ``<name>.log.1``. It ends with this process, even if that is killed (Linux)."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with suppress(FileNotFoundError):
        log.replace(log.with_name(f"{log.name}.1"))
    with log.open("wb") as sink:
        return subprocess.Popen(  # noqa: S603
            _tethered(_command(module, arguments)),
            env=dict(environ),
            stdout=sink,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


def stop(*children: subprocess.Popen[bytes], timeout_seconds: float = _GRACE_SECONDS) -> None:
    """Ask processes and their own children to end, all at once; kill what does not in time.

    Ctrl-C meanwhile means: do not wait any longer.
    """
    deadline = time.monotonic() + timeout_seconds
    try:
        _signal_groups(children, signal.SIGTERM)
        for child in children:
            with suppress(subprocess.TimeoutExpired):
                child.wait(max(0.0, deadline - time.monotonic()))
        while _signal_groups(children, 0) and time.monotonic() < deadline:
            time.sleep(0.05)  # grandchildren that still clean up
    finally:
        _signal_groups(children, signal.SIGKILL)
        for child in children:
            child.wait()


def _signal_groups(children: Iterable[subprocess.Popen[bytes]], number: int) -> bool:
    """Signal every process group; returns whether any still exists (0 only asks)."""
    found = False
    for child in children:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(child.pid, number)
            found = True
    return found


def run(
    module: str,
    *arguments: str,
    environ: Mapping[str, str],
    log: Path,
    on_progress: Callable[[str, int, int], None] = lambda stage, done, total: None,
) -> dict[str, Any]:
    """Run a process to its end, relaying its progress lines.

    Returns: what it reported as ``result`` (empty when it reported none).
    Raises: ChildFailed with the end of what this run logged.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    offset = log.stat().st_size if log.exists() else 0
    result: dict[str, Any] = {}
    with (
        log.open("ab") as sink,
        subprocess.Popen(  # noqa: S603
            _tethered(_command(module, arguments)),
            env=dict(environ),
            stdout=subprocess.PIPE,
            stderr=sink,
        ) as child,
    ):
        assert child.stdout is not None  # noqa: S101  # PIPE above
        try:
            for line in child.stdout:
                message = _parse_message(line)
                if message is None:
                    sink.write(line)
                elif "result" in message:
                    result = message["result"]
                else:
                    on_progress(message["stage"], message["done"], message["total"])
        except BaseException:
            child.terminate()  # or leaving the block would wait for its work to end
            raise
    if child.returncode:
        raise ChildFailed(f"{module} ended with code {child.returncode}", log, offset)
    return result


def _parse_message(line: bytes) -> dict[str, Any] | None:
    with suppress(ValueError):
        message = json.loads(line)
        if isinstance(message, dict) and (
            "result" in message or {"stage", "done", "total"} <= message.keys()
        ):
            return message
    return None


def free_port() -> int:
    """A TCP port on the loopback interface that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def require_free_port(host: str, port: int, setting: str) -> None:
    """Check that a server may listen on a port, before another one answers in its place.

    Raises:
        InvalidInput: naming the option or variable with which to choose another.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                problem = f"port {port} is in use; choose another one"
            else:
                problem = f"cannot listen on {host}:{port}: {error.strerror}"
            raise InvalidInput(setting, problem) from None


def require_alive(name: str, child: subprocess.Popen[bytes], log: Path) -> None:
    """Raises ChildFailed, quoting the log, if a process that should go on has ended."""
    code = child.poll()
    if code is not None:
        raise ChildFailed(f"{name} ended with code {code}", log)


def wait_for_http(
    url: str, child: subprocess.Popen[bytes], log: Path, *, timeout_seconds: float = 30
) -> None:
    """Wait until `url` answers 200. Raises ChildFailed when the process ends or stays silent.

    Whose answer it is cannot be seen here: check the port before (`require_free_port`).
    """
    deadline = time.monotonic() + timeout_seconds
    while time.monotonic() < deadline:
        require_alive(log.stem, child, log)
        with (
            suppress(urllib.error.URLError, OSError),
            urllib.request.urlopen(url, timeout=1),  # noqa: S310  # loopback, our own child
        ):
            return
        time.sleep(0.1)
    raise ChildFailed(f"{url} did not come up within {timeout_seconds:.0f} s", log)
