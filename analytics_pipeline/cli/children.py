"""The other processes of a deployment, as the command line starts and stops them.

Belongs here: spawning, waiting, stopping. Children report long work as JSON lines on stdout,
`{"stage": str, "done": int, "total": int}`, and may end with `{"result": {...}}`.
"""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, NoReturn

from analytics_pipeline.core.errors import PipelineError


class ChildFailed(PipelineError):
    """A process of the deployment ended with an error; its log says why."""


def _command(module: str, arguments: tuple[str, ...]) -> list[str]:
    return [sys.executable, "-m", f"analytics_pipeline.{module}", *arguments]


def replace_process(module: str, *arguments: str) -> NoReturn:
    """Become the given process (for `ingest`, `seal`, …: signals and exit codes are its own)."""
    command = _command(module, arguments)
    os.execv(command[0], command)  # noqa: S606


def start(
    module: str, *arguments: str, environ: Mapping[str, str], log: Path
) -> subprocess.Popen[bytes]:
    """Start a long-running process whose output goes to `log`."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as sink:
        return subprocess.Popen(  # noqa: S603
            _command(module, arguments),
            env=dict(environ),
            stdout=sink,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


def stop(child: subprocess.Popen[bytes], *, timeout_seconds: float = 15) -> None:
    """Ask a process and its children to end; kill them when they do not."""
    for sign in (signal.SIGTERM, signal.SIGKILL):
        with suppress(ProcessLookupError):
            os.killpg(child.pid, sign)
        with suppress(subprocess.TimeoutExpired):
            child.wait(timeout_seconds)
            return


def run(
    module: str,
    *arguments: str,
    environ: Mapping[str, str],
    log: Path,
    on_progress: Callable[[str, int, int], None] = lambda stage, done, total: None,
) -> dict[str, Any]:
    """Run a process to its end, relaying its progress lines.

    Returns: what it reported as ``result`` (empty when it reported none).
    Raises: ChildFailed with the end of its log.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    result: dict[str, Any] = {}
    with (
        log.open("ab") as sink,
        subprocess.Popen(  # noqa: S603
            _command(module, arguments), env=dict(environ), stdout=subprocess.PIPE, stderr=sink
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
        tail = log.read_text(errors="replace").strip().splitlines()[-15:]
        raise ChildFailed(
            f"{module} ended with code {child.returncode}. Last lines of {log}:\n" + "\n".join(tail)
        )
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


def wait_for_http(
    url: str, child: subprocess.Popen[bytes], log: Path, *, timeout_seconds: float = 30
) -> None:
    """Wait until `url` answers 200. Raises ChildFailed when the process ends or stays silent."""
    deadline = time.monotonic() + timeout_seconds
    while time.monotonic() < deadline and child.poll() is None:
        with (
            suppress(urllib.error.URLError, OSError),
            urllib.request.urlopen(url, timeout=1),  # noqa: S310  # loopback, our own child
        ):
            return
        time.sleep(0.1)
    raise ChildFailed(f"{url} did not come up within {timeout_seconds:.0f} s; see {log}")
