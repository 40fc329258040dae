"""The API and the sealer as real processes that get killed, and clients that do not give up."""

import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from analytics_pipeline.core.event import Event
from analytics_pipeline.simulator import Endpoint, SimulatedSession
from analytics_pipeline.simulator.client import build_frames
from analytics_pipeline.simulator.sessions import BATCH_EVENTS

#: What makes two events the same one, as the sealer and the events step see it.
Identity = tuple[str, str, str, int, int]


def identity_of(event: Event) -> Identity:
    """The event's identity."""
    return (event.session_id, event.video_id, event.type, event.at_ms, event.seq)


def free_port() -> int:
    """A port nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class Worker:
    """One process of the deployment, started again after every kill."""

    module: str
    arguments: tuple[str, ...]
    environ: dict[str, str]
    log: Path
    process: "subprocess.Popen[bytes] | None" = None
    kills: int = 0

    def start(self) -> None:
        """Start it; it may still be on its way up when this returns."""
        command = [sys.executable, "-m", f"analytics_pipeline.{self.module}", *self.arguments]
        with self.log.open("ab") as sink:
            self.process = subprocess.Popen(command, env=self.environ, stdout=sink, stderr=sink)

    def kill(self) -> None:
        """SIGKILL. It must still have been alive: a worker that ended by itself is a bug."""
        assert self.process is not None
        assert self.process.poll() is None, self.log.read_text()[-2000:]
        self.process.kill()
        self.process.wait(10)
        self.kills += 1

    def terminate(self) -> None:
        """SIGTERM, and wait for an orderly end."""
        assert self.process is not None
        self.process.terminate()
        assert self.process.wait(60) == 0, self.log.read_text()[-2000:]


@dataclass
class Clients:
    """Threads that post recorded sessions and repeat every batch until it is acknowledged."""

    endpoint: Endpoint
    sessions: Iterator[SimulatedSession]
    pause_seconds: float
    acknowledged: dict[Identity, int] = field(default_factory=dict)
    sent: set[Identity] = field(default_factory=set)
    retries: int = 0
    duplicates: int = 0
    batches: int = 0
    problems: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._work) for _ in range(4)]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """End after the attempts under way: some batches stay without an answer."""
        self._stop.set()
        for thread in self._threads:
            thread.join(60)
        assert self.problems == []

    def _next(self) -> SimulatedSession | None:
        with self._lock:
            return next(self.sessions, None)

    def _work(self) -> None:
        with httpx.Client(base_url=self.endpoint.url, timeout=10, trust_env=False) as client:
            while not self._stop.is_set() and (session := self._next()) is not None:
                headers = {"User-Agent": session.viewer.user_agent}
                first = 0
                for frame, size in build_frames(session, self.endpoint):
                    events = [identity_of(e) for e in session.events[first : first + size]]
                    first += BATCH_EVENTS
                    if not self._post(client, frame, headers, events):
                        return
                    self._stop.wait(self.pause_seconds)

    def _post(
        self, client: httpx.Client, frame: bytes, headers: dict[str, str], events: list[Identity]
    ) -> bool:
        """The same bytes until a 202. Returns whether there was one."""
        with self._lock:
            self.sent.update(events)
        while not self._stop.is_set():
            try:
                answer = client.post("/api/v1/batches", content=frame, headers=headers)
            except httpx.TransportError:
                with self._lock:
                    self.retries += 1
                self._stop.wait(0.05)
                continue
            if answer.status_code != 202:
                self.problems.append(f"{answer.status_code}: {answer.text}")
                return False
            with self._lock:
                self.batches += 1
                self.duplicates += answer.json()["duplicate"]
                for event in events:
                    self.acknowledged[event] = self.acknowledged.get(event, 0) + 1
            return True
        return False


def wait_until_up(worker: Worker, url: str, seconds: float = 60) -> None:
    """Until the API answers. Fails if its process ended."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            httpx.get(f"{url}/healthz", trust_env=False).raise_for_status()
            return
        except httpx.HTTPError:
            assert worker.process is not None
            assert worker.process.poll() is None, worker.log.read_text()[-2000:]
            assert time.monotonic() < deadline, "the API did not come up"
            time.sleep(0.05)
