"""Processes as the command line starts, watches and stops them."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from analytics_pipeline.cli import children
from analytics_pipeline.cli.children import ChildFailed, free_port
from analytics_pipeline.core.errors import InvalidInput

TIMEOUT_SECONDS = 60


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    """A deployment of its own, on a port of its own."""
    own = {
        "ANALYTICS_HOME": str(tmp_path / "home"),
        "ANALYTICS_API_PORT": str(free_port()),
        "ANALYTICS_SERVE_PORT": str(free_port()),
    }
    return {**os.environ, **own}


@pytest.fixture
def taken_port() -> Iterator[int]:
    """A port on which somebody else listens."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def cli(environ: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a command to its end."""
    return subprocess.run(
        [sys.executable, "-m", "analytics_pipeline", *arguments],
        env=environ,
        capture_output=True,
        text=True,
        timeout=TIMEOUT_SECONDS,
    )


def wait_until_gone(pid: int) -> None:
    """Wait until a process (of which a zombie may be left) has ended."""
    deadline = time.monotonic() + TIMEOUT_SECONDS
    while time.monotonic() < deadline:
        stat = Path(f"/proc/{pid}/stat")
        if not stat.exists() or stat.read_text().rpartition(")")[2].split()[0] == "Z":
            return
        time.sleep(0.05)
    raise AssertionError(f"process {pid} still runs")


def test_up_refuses_a_port_in_use_before_it_starts_anything(
    environ: dict[str, str], taken_port: int
) -> None:
    """Else it would take the other server's answer for its own."""
    for arguments, variables, name in (
        (("--ui-port", str(taken_port)), {}, "--ui-port"),
        ((), {"ANALYTICS_API_PORT": str(taken_port)}, "ANALYTICS_API_PORT"),
        ((), {"ANALYTICS_SERVE_PORT": str(taken_port)}, "ANALYTICS_SERVE_PORT"),
    ):
        ran = cli({**environ, **variables}, "up", *arguments)
        assert ran.returncode == 1
        assert f"InvalidInput: {name}: port {taken_port} is in use" in ran.stderr
    assert not Path(environ["ANALYTICS_HOME"]).exists()


def test_an_address_of_another_machine_is_refused_by_name() -> None:
    """The other reason for which a server cannot listen."""
    with pytest.raises(InvalidInput, match=r"HERE: cannot listen on 192\.0\.2\.1:80"):
        children.require_free_port("192.0.2.1", 80, "HERE")


def test_a_child_that_ends_early_is_noticed_at_once_with_its_reason(
    environ: dict[str, str], tmp_path: Path
) -> None:
    """Not after the time-out, and without what older runs logged."""
    log = tmp_path / "ingest.log"
    log.write_text("OlderError: of the run before\n")
    child = children.start("ingest", environ={**environ, "ANALYTICS_APIPORT": "1"}, log=log)
    started = time.monotonic()
    with pytest.raises(ChildFailed, match=r"code 1: InvalidSettings: .*API_PORT"):
        children.wait_for_http("http://127.0.0.1:1/", child, log, timeout_seconds=TIMEOUT_SECONDS)
    assert time.monotonic() - started < TIMEOUT_SECONDS / 2
    assert "OlderError" not in log.read_text()
    assert "OlderError" in log.with_name("ingest.log.1").read_text()


def test_a_failed_run_quotes_its_own_lines_only(environ: dict[str, str], tmp_path: Path) -> None:
    """Logs of runs are appended to; what is shown begins where this run began."""
    log = tmp_path / "sealer.log"
    log.write_text("OlderError: of the run before\n")
    with pytest.raises(ChildFailed) as caught:
        children.run("sealer", "--once", environ=environ, log=log)
    shown = "\n".join([str(caught.value), *caught.value.quoted])
    assert "keys create" in shown
    assert "OlderError" not in shown


def test_what_was_started_ends_with_a_killed_parent(
    environ: dict[str, str], tmp_path: Path
) -> None:
    """kill -9 leaves no orphans on Linux; nothing else could clean up after it."""
    if sys.platform != "linux":
        pytest.skip("PR_SET_PDEATHSIG is Linux")
    script = (
        "import os, sys, time\nfrom pathlib import Path\n"
        "from analytics_pipeline.cli import children\n"
        "log = Path(sys.argv[1])\n"
        "child = children.start('ingest', environ=os.environ, log=log)\n"
        "port = os.environ['ANALYTICS_API_PORT']\n"
        "children.wait_for_http(f'http://127.0.0.1:{port}/healthz', child, log)\n"
        "print(child.pid, flush=True)\ntime.sleep(600)"
    )
    command = [sys.executable, "-c", script, str(tmp_path / "ingest.log")]
    with subprocess.Popen(command, env=environ, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        parent.kill()
    wait_until_gone(pid)


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGTERM])
def test_losing_the_terminal_stops_everything(
    environ: dict[str, str], number: signal.Signals, tmp_path: Path
) -> None:
    """SIGHUP is answered like SIGTERM: with all processes stopped, and saying so."""
    command = [sys.executable, "-m", "analytics_pipeline", "up", "--ui-port", str(free_port())]
    with subprocess.Popen(
        command,
        env=environ,
        stderr=subprocess.PIPE,
        text=True,
        # tests may run under `nohup`, which whoever they start takes for a wish to go on
        preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_DFL),
    ) as up:
        children_of_up = Path(f"/proc/{up.pid}/task/{up.pid}/children")
        deadline = time.monotonic() + TIMEOUT_SECONDS
        while len(pids := children_of_up.read_text().split()) < 5 and time.monotonic() < deadline:
            time.sleep(0.05)
        up.send_signal(number)
        assert "Stopped." in up.communicate(timeout=TIMEOUT_SECONDS)[1]
        assert up.returncode == 0
    assert len(pids) == 5
    for pid in pids:
        wait_until_gone(int(pid))


def test_api_without_keys_says_so_and_serves(environ: dict[str, str], tmp_path: Path) -> None:
    """It takes them up once they exist, so it starts all the same."""
    log = tmp_path / "ingest.log"
    child = children.start("ingest", environ=environ, log=log)
    try:
        url = f"http://127.0.0.1:{environ['ANALYTICS_API_PORT']}/healthz"
        children.wait_for_http(url, child, log, timeout_seconds=TIMEOUT_SECONDS)
        assert "run `analytics-pipeline keys create`" in log.read_text()
    finally:
        children.stop(child)
    home = Path(environ["ANALYTICS_HOME"])
    modes = {path.stat().st_mode & 0o077 for path in [home, *home.rglob("*")]}
    assert modes == {0}, "others may look into the home folder"
