"""kill -9 of the real sealer process: nothing is lost, nothing counts twice, nothing is left."""

import random
import sqlite3
import time
from pathlib import Path

import pytest

from analytics_pipeline.storage.catalogue import (
    list_segments,
    load_counts,
    open_intents,
    rewrap_data_keys,
)
from tests.seal.support import DAY, VIEWER, Deployment, events_of, make_event

#: steps of a round after which a kill must be harmless: (module attribute, before or after)
STEPS = [
    ("open_batches", "after"),
    ("pin_segments", "before"),
    ("pin_segments", "after"),
    ("record_round", "before"),
    ("record_round", "after"),
]
KILL_AT_STEP = """
import os, signal
from analytics_pipeline.sealer import rounds
original = rounds.{step}
def killed(*args, **kwargs):
    if {before}:
        os.kill(os.getpid(), signal.SIGKILL)
    result = original(*args, **kwargs)
    os.kill(os.getpid(), signal.SIGKILL)
    return result
rounds.{step} = killed
"""
KILL_BETWEEN_PINS = """
import os, signal
from analytics_pipeline.storage.ipfs import EmbeddedStore
add, calls = EmbeddedStore.add, []
def killed(self, data):
    cid = add(self, data)
    calls.append(cid)
    if len(calls) == 2:
        os.kill(os.getpid(), signal.SIGKILL)
    return cid
EmbeddedStore.add = killed
"""
SMALL_ROUNDS = """
from analytics_pipeline.sealer import rounds, worker
run = rounds.run_round
worker.run_round = lambda stores: run(stores, max_batches=5)
"""


def assert_exactly_once(deployment: Deployment, events: list[dict]) -> None:
    """Everything sent stands in segments and counters once, and nothing else is left."""
    stores = deployment.stores
    assert stores.queue.depth() == 0
    expected = sorted((event["session_id"], event["at_ms"]) for event in events)
    assert events_of(deployment.load()) == expected
    counts = load_counts(stores.catalogue, "demo")
    assert sum(count.accepted for count in counts.values()) == len(events)
    assert sum(count.received for count in counts.values()) == len(events)
    assert open_intents(stores.catalogue) == []
    segments = list_segments(stores.catalogue, "demo")
    assert stores.content.pins() == sorted(segment.cid for segment in segments)


def put_some(deployment: Deployment, first: int, batches: int, size: int = 20) -> list[dict]:
    """Queue batches of consecutive events over two days."""
    sent = []
    for batch in range(batches):
        start = first + batch * size
        events = [
            make_event(n, at_ms=make_event(n)["at_ms"] - n % 2 * 86_400_000)
            for n in range(start, start + size)
        ]
        deployment.put_events(*events)
        sent += events
    return sent


def wait_for_lock(deployment: Deployment) -> None:
    """Until the sealer is past its start."""
    lock = deployment.home / "sealer.lock"
    deadline = time.monotonic() + 60
    while not (lock.exists() and lock.read_text()) and time.monotonic() < deadline:
        time.sleep(0.005)


def run_until_killed(deployment: Deployment, code: str) -> None:
    process = deployment.start_sealer("--once", code=code)
    output, _ = process.communicate(timeout=60)
    assert process.returncode == -9, output


def test_killed_at_every_step(deployment: Deployment):
    """Killed once at each step, batches arriving in between, then left alone: exactly once."""
    events: list[dict] = []
    for number, (step, when) in enumerate(STEPS):
        events += put_some(deployment, number * 1000, 3)
        run_until_killed(deployment, KILL_AT_STEP.format(step=step, before=when == "before"))
    deployment.seal_once()
    assert_exactly_once(deployment, events)


def test_killed_between_two_pins(deployment: Deployment):
    """A pin made for a round that never was recorded is taken back."""
    events = put_some(deployment, 0, 4)
    run_until_killed(deployment, KILL_BETWEEN_PINS)
    assert len(deployment.stores.content.pins()) >= 1
    assert len(open_intents(deployment.stores.catalogue)) == 2
    deployment.seal_once()
    assert_exactly_once(deployment, events)


def _kill_at_random(deployment: Deployment, rounds: int, seed: int) -> None:
    rng = random.Random(seed)
    events: list[dict] = []
    lock = deployment.home / "sealer.lock"
    for number in range(rounds):
        events += put_some(deployment, number * 10_000, rng.randrange(20, 60))
        lock.unlink(missing_ok=True)
        process = deployment.start_sealer("--interval", "0.05", code=SMALL_ROUNDS)
        wait_for_lock(deployment)
        events += put_some(deployment, number * 10_000 + 5_000, 10)
        time.sleep(rng.uniform(0, 0.6))
        process.kill()
        output, _ = process.communicate(timeout=30)
        assert process.returncode == -9, output
    deployment.seal_once()
    assert_exactly_once(deployment, events)


def test_killed_at_random(deployment: Deployment):
    """Three kills at random points of a busy sealer, batches arriving all the while."""
    _kill_at_random(deployment, rounds=3, seed=1)


@pytest.mark.slow
@pytest.mark.parametrize("seed", [2, 3])
def test_killed_at_random_often(deployment: Deployment, seed: int):
    """Twenty kills per run."""
    _kill_at_random(deployment, rounds=20, seed=seed)


def test_rotation_during_a_run(deployment: Deployment):
    """Keys rotated and data keys re-wrapped again and again beside a busy sealer: every batch,
    whichever key it was sealed to, counts once, and no CID changes."""
    events: list[dict] = []
    process = deployment.start_sealer("--interval", "0.05", code=SMALL_ROUNDS)
    keyring, catalogue = deployment.stores.keyring, deployment.stores.catalogue
    cids: set[str] = set()
    wait_for_lock(deployment)
    for number in range(8):
        events += put_some(deployment, number * 1000, 12)
        keyring.rotate()
        rewrap_data_keys(catalogue, keyring)
        cids |= {segment.cid for segment in list_segments(catalogue, "demo")}
        time.sleep(0.3)
    deadline = time.monotonic() + 60
    while deployment.stores.queue.depth() and time.monotonic() < deadline:
        time.sleep(0.05)
    process.terminate()
    output, _ = process.communicate(timeout=30)
    assert process.returncode == 0, output
    rewrap_data_keys(catalogue, keyring)
    assert rewrap_data_keys(catalogue, keyring) == 0
    assert_exactly_once(deployment, events)
    segments = list_segments(catalogue, "demo")
    assert len({segment.wrapping_key_id for segment in segments}) > 1
    assert cids <= {segment.cid for segment in segments}


def test_stops_when_told(deployment: Deployment):
    """SIGTERM ends the worker with code 0 after the round it is in."""
    events = put_some(deployment, 0, 3)
    process = deployment.start_sealer("--interval", "600")
    deadline = time.monotonic() + 30
    while deployment.stores.queue.depth() and time.monotonic() < deadline:
        time.sleep(0.02)
    process.terminate()
    output, _ = process.communicate(timeout=30)
    assert process.returncode == 0, output
    assert "60 accepted" in output
    assert_exactly_once(deployment, events)


def test_second_sealer_is_refused(deployment: Deployment):
    """A second worker ends at once with code 75 and names the first."""
    first = deployment.start_sealer("--interval", "600")
    try:
        wait_for_lock(deployment)
        second = deployment.start_sealer("--once")
        output, _ = second.communicate(timeout=30)
        assert second.returncode == 75
        assert f"process {first.pid}" in output
    finally:
        first.terminate()
        first.communicate(timeout=30)


def test_without_keys_it_says_what_to_do(tmp_path: Path):
    """A deployment without keys: exit code 1 and the command that makes them."""
    deployment = Deployment(tmp_path / "empty", None)
    process = deployment.start_sealer("--once")
    output, _ = process.communicate(timeout=30)
    assert process.returncode == 1
    assert "keys create" in output


def test_no_plaintext_is_left(deployment: Deployment):
    """After kills and a clean end no file below the home folder, and nothing printed, holds a
    session id, a video id, a pseudonym or a data key in clear."""
    events = put_some(deployment, 0, 6)
    run_until_killed(deployment, KILL_AT_STEP.format(step="record_round", before=True))
    output = deployment.seal_once()
    assert_exactly_once(deployment, events)
    deployment.close()
    needles = [
        *(event["session_id"].encode() for event in events[:50]),
        b"session-",
        b"video-",
        b"heartbeat",
        VIEWER.encode(),
        bytes.fromhex(VIEWER),
        b"PAR1",
    ]
    files = [path for path in deployment.home.rglob("*") if path.is_file()]
    assert len(files) > 8
    for path in files:
        content = path.read_bytes()
        for needle in needles:
            assert needle not in content, (path, needle)
            assert needle.hex().encode() not in content, (path, needle)
    assert not any(needle.decode("latin-1") in output for needle in needles)
    with sqlite3.connect(deployment.home / "catalogue.sqlite") as connection:
        assert connection.execute("SELECT count(*) FROM data_keys").fetchone()[0] == 2
    assert DAY.isoformat().encode() in (deployment.home / "catalogue.sqlite").read_bytes()
