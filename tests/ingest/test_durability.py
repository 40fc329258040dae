"""A 202 is a promise: killed at any moment, the API loses no batch it acknowledged."""

import asyncio
import os
import random
import secrets
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import httpx
import pytest

from analytics_pipeline.core.errors import QueueUnavailable
from analytics_pipeline.ingest.writer import GroupWriter
from analytics_pipeline.storage.queue import QueuedBatch, SqliteQueue
from tests.ingest.support import Api, make_plain

POSTERS = 8


def post_until_it_dies(api: Api, acknowledged: list[str], stop: threading.Event) -> None:
    """Post batches and plain events, noting the batch id of every 202, until the API is gone."""
    with httpx.Client(base_url=f"http://127.0.0.1:{api.port}", timeout=5, verify=False) as client:
        headers = {"x-api-key": api.api_key}
        while not stop.is_set():
            try:
                if random.random() < 0.3:
                    response = client.post("/api/ingest", json=make_plain(), headers=headers)
                else:
                    response = client.post("/api/v1/batches", content=api.frame())
            except httpx.TransportError:
                return
            if response.status_code == 202:
                acknowledged.append(response.json()["batch_id"])


def kill_rounds(api: Api, rounds: int, sign: int) -> int:
    """Let clients post, end the process at a random moment, check the queue; returns the 202s."""
    acknowledged: list[str] = []
    for _ in range(rounds):
        api.start()
        stop = threading.Event()
        arguments = (api, acknowledged, stop)
        posters = [
            threading.Thread(target=post_until_it_dies, args=arguments) for _ in range(POSTERS)
        ]
        already = len(acknowledged)
        for poster in posters:
            poster.start()
        while len(acknowledged) == already:
            assert any(poster.is_alive() for poster in posters)
            time.sleep(0.001)
        time.sleep(random.uniform(0, 0.4))
        api.stop(sign)
        stop.set()
        for poster in posters:
            poster.join()
        queued = [batch.batch_id for batch in api.queued()]
        assert set(acknowledged) <= set(queued)
        assert len(queued) == len(set(queued))
    return len(acknowledged)


@pytest.mark.parametrize(
    "rounds", [3, pytest.param(20, marks=pytest.mark.slow)], ids=["few", "many"]
)
def test_kill_9_loses_no_acknowledged_batch(tmp_path: Path, rounds: int) -> None:
    """After kill -9 at random moments under load every 202 is in the queue, once."""
    assert kill_rounds(Api(tmp_path), rounds, signal.SIGKILL) > rounds


def test_sigterm_stores_what_was_taken_in_and_exits_cleanly(tmp_path: Path) -> None:
    """An orderly stop under load answers what it accepted and ends with code 0."""
    api = Api(tmp_path)
    assert kill_rounds(api, 2, signal.SIGTERM) > 2
    assert api.process is not None
    assert api.process.returncode == 0
    assert "Traceback" not in api.log.read_text()


def test_replay_across_a_restart_is_a_duplicate(tmp_path: Path) -> None:
    """The memory of batch ids, and the secret behind plain ones, outlive the process."""
    api = Api(tmp_path)
    frame, event = api.frame(), make_plain()
    for duplicate in (False, True):
        api.start()
        assert api.post_frame(frame).json()["duplicate"] is duplicate
        assert api.post_plain(event).json()["duplicate"] is duplicate
        api.stop(signal.SIGKILL)
    assert len(api.queued()) == 2


def make_batch(size: int = 100) -> QueuedBatch:
    """A batch with a fresh id."""
    sealed = bytes(size)
    return QueuedBatch(0, "demo", secrets.token_urlsafe(16), "k", sealed, "0" * 32, "ZZ", 1)


class SlowQueue(SqliteQueue):
    """A real queue on a slow disk: it counts its commits."""

    commits = 0

    def put_many(self, batches: list[QueuedBatch]) -> list[bool]:  # type: ignore[override]
        self.commits += 1
        time.sleep(0.05)
        return super().put_many(batches)


def test_concurrent_requests_share_a_commit(tmp_path: Path) -> None:
    """While one group is synced the next gathers: a hundred waiting batches need few commits."""
    queue = SlowQueue(tmp_path / "queue.sqlite")

    async def run() -> list[bool]:
        writer = GroupWriter(queue)
        batches = [make_batch() for _ in range(100)]
        results = await asyncio.gather(*(writer.put(batch) for batch in [*batches, batches[0]]))
        assert (writer.waiting, writer.waiting_bytes) == (0, 0)
        await writer.close()
        return results

    assert asyncio.run(run()) == [True] * 100 + [False]
    assert queue.commits <= 4
    assert queue.depth() == 100


def test_backlog_is_bounded(tmp_path: Path) -> None:
    """Beyond the bound a batch is refused at once instead of filling the memory."""
    queue = SlowQueue(tmp_path / "queue.sqlite")

    async def run() -> list[object]:
        writer = GroupWriter(queue, max_waiting=10, max_waiting_bytes=550)
        puts = (writer.put(make_batch(100)) for _ in range(20))
        results: list[object] = list(await asyncio.gather(*puts, return_exceptions=True))
        assert await writer.put(make_batch()) is True
        await writer.close()
        with pytest.raises(QueueUnavailable):
            await writer.put(make_batch())
        return results

    results = asyncio.run(run())
    assert results.count(True) == 5
    assert sum(isinstance(result, QueueUnavailable) for result in results) == 15


def test_failed_commit_fails_its_requests_and_no_others(tmp_path: Path) -> None:
    """A disk error reaches exactly the waiting requests; the writer goes on afterwards."""
    queue = SqliteQueue(tmp_path / "queue.sqlite", max_bytes=2**20)

    async def run() -> None:
        writer = GroupWriter(queue)
        with pytest.raises(QueueUnavailable):
            await writer.put(make_batch(2**20))
        assert await writer.put(make_batch()) is True
        assert writer.waiting == 0
        await writer.close()

    asyncio.run(run())
    assert queue.depth() == 1


def test_second_api_on_a_port_is_refused(tmp_path: Path) -> None:
    """Two processes sharing a port would split the events: the second one says so and ends."""
    first = Api(tmp_path / "first").start()
    environ = {
        **os.environ,
        "ANALYTICS_HOME": str(tmp_path / "second"),
        "ANALYTICS_API_PORT": str(first.port),
    }
    command = [sys.executable, "-m", "analytics_pipeline.ingest"]
    second = subprocess.run(command, env=environ, capture_output=True, text=True, timeout=30)
    first.stop()
    assert second.returncode == 1
    assert "ANALYTICS_API_PORT" in second.stderr
    assert "Traceback" not in second.stderr


def test_malformed_key_file_leaves_a_running_api_alone(tmp_path: Path) -> None:
    """A slip of the operator's editor does not lock everybody out; a start refuses it by name."""
    api = Api(tmp_path).start()
    assert api.post_frame().status_code == 202
    api.api_keys_path.write_text("[{")
    time.sleep(1.1)
    assert api.post_frame().status_code == 202
    api.stop()
    assert "api_keys.json: not JSON; going on" in api.log.read_text()
    with pytest.raises(AssertionError, match=r"api_keys\.json: not JSON"):
        api.start()


def test_rotation_reaches_a_running_api(tmp_path: Path) -> None:
    """After a rotation the new key is served and both keys' batches are taken."""
    api = Api(tmp_path).start()
    old_frame = api.frame()
    api.keyring.rotate()
    time.sleep(1.1)
    new_key_id = api.client.get("/api/v1/keys").json()["key_id"]
    assert new_key_id != api.key_id
    assert api.post_frame(old_frame).status_code == 202
    assert api.post_plain().status_code == 202
    assert [batch.key_id for batch in api.queued()] == [api.key_id, new_key_id]
    api.stop()
