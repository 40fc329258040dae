"""kill -9 of every process of a deployment at random moments: exactly once, from the browser's
batch to the record on chain."""

import os
import random
import subprocess
import sys
import time
from collections import Counter
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from analytics_pipeline.cli.simulate import last_full_days
from analytics_pipeline.defs.steps import events as events_step
from analytics_pipeline.defs.steps.records import verify_release
from analytics_pipeline.defs.stores import Stores
from analytics_pipeline.settings import load_settings
from analytics_pipeline.simulator import Endpoint, SimulationSpec, build_videos, simulate
from analytics_pipeline.storage.api_keys import create_api_key
from analytics_pipeline.storage.catalogue import (
    Video,
    list_days,
    list_releases,
    list_segments,
    list_spends,
    load_counts,
    open_catalogue,
    open_intents,
    put_videos,
)
from analytics_pipeline.storage.event_columns import EVENT_IDENTITY
from analytics_pipeline.storage.keyring import Keyring
from analytics_pipeline.storage.public_keys import active_public_key
from analytics_pipeline.storage.queue import SqliteQueue
from analytics_pipeline.storage.raw_day import load_raw_day
from tests.support.killing import Clients, Worker, free_port, wait_until_up

ROUNDS = 24
#: Deeper each time: a run takes up what the one before has left. `events` is followed by dbt,
#: `release` by proofs.
RUN_KILLED_AFTER = ("events", "manifest", "commitment", "commitment", "release", "proof")
SEED = int(os.environ.get("KILL_SEED", "20"))
DAYS = last_full_days(3)
SPEC = SimulationSpec(
    first_day=DAYS[0], days=3, target_events=60_000, videos=20, creators=4, seed=SEED
)

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A deployment with keys and videos."""
    made = tmp_path_factory.mktemp("kill") / "home"
    settings = load_settings({"ANALYTICS_HOME": str(made)})
    Keyring.create(settings.keys_dir)
    catalogue = open_catalogue(settings.catalogue_location)
    put_videos(
        catalogue,
        "demo",
        [Video(v.video_id, v.creator_id, v.title, v.duration_ms) for v in build_videos(SPEC)],
    )
    catalogue.close()
    return made


@pytest.fixture(scope="module")
def survived(home: Path) -> Clients:
    """The clients, after API and sealer were killed again and again under them."""
    rng = random.Random(SEED)
    print(f"KILL_SEED={SEED}")
    settings = load_settings({"ANALYTICS_HOME": str(home)})
    secret = create_api_key(settings.api_keys_path, "demo", "test", [], datetime.now(UTC))
    entry = active_public_key(settings.keys_dir)
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    endpoint = Endpoint(url, "demo", secret, entry.key_id, entry.public_key)
    environ = {**os.environ, "ANALYTICS_HOME": str(home), "ANALYTICS_API_PORT": str(port)}
    api = Worker("ingest", (), environ, home / "api.log")
    sealer = Worker("sealer", ("--interval", "0.05"), environ, home / "sealer.log")
    clients = Clients(endpoint, simulate(SPEC), pause_seconds=0.05)
    for worker in (api, sealer):
        worker.start()
    clients.start()
    for _ in range(ROUNDS):
        wait_until_up(api, url)
        time.sleep(rng.uniform(0.05, 1.5))
        for victim in rng.choice([(api,), (sealer,), (api, sealer), (sealer, api)]):
            victim.kill()
            time.sleep(rng.choice([0, rng.uniform(0, 0.3)]))
            victim.start()
    wait_until_up(api, url)
    clients.stop()
    api.terminate()
    deadline = time.monotonic() + 120
    while waiting(home) and time.monotonic() < deadline:
        time.sleep(0.1)
    sealer.terminate()
    print(
        f"kills: API {api.kills}, sealer {sealer.kills}; {clients.batches} batches acknowledged, "
        f"{clients.retries} attempts failed, {clients.duplicates} repeated after a lost answer, "
        f"{len(clients.sent) - len(clients.acknowledged)} events without an answer"
    )
    assert api.kills + sealer.kills >= ROUNDS
    return clients


def waiting(home: Path) -> int:
    """Batches in the queue."""
    queue = SqliteQueue(home / "queue.sqlite")
    try:
        return queue.depth()
    finally:
        queue.close()


def test_every_acknowledged_event_is_stored_exactly_once(home: Path, survived: Clients) -> None:
    """After at least 20 kills: all that got a 202 is there once, and nothing that was not sent."""
    stores = Stores(load_settings({"ANALYTICS_HOME": str(home)}))
    found: Counter[tuple[str, str, str, int, int]] = Counter()
    for day, _ in list_days(stores.catalogue, "demo"):
        intake = events_step.load_day(stores, day)
        assert events_step.find_problems(intake) == []
        assert intake.duplicates == 0, "a batch was sealed twice"
        frame = load_raw_day(stores.settings.raw_dir, "demo", day, stores.raw_key(day))
        found.update(frame.select(EVENT_IDENTITY).iter_rows())
    assert set(found.values()) == {1}
    assert set(survived.acknowledged) <= found.keys(), "an acknowledged event was lost"
    assert found.keys() <= survived.sent, "an event appeared that nobody sent"
    assert len(survived.acknowledged) > 1000
    assert survived.retries > 0
    stores.close()


def test_the_counters_add_up(home: Path, survived: Clients) -> None:
    """Received = accepted = rows of all segments; no duplicate, nothing rejected, nothing left."""
    stores = Stores(load_settings({"ANALYTICS_HOME": str(home)}))
    counts = load_counts(stores.catalogue, "demo").values()
    segments = list_segments(stores.catalogue, "demo")
    accepted = sum(count.accepted for count in counts)
    assert len(survived.acknowledged) <= accepted <= len(survived.sent)
    assert sum(count.received for count in counts) == accepted
    assert sum(segment.counts["accepted"] for segment in segments) == accepted
    assert open_intents(stores.catalogue) == []
    assert stores.content.pins() == sorted(segment.cid for segment in segments)
    assert len(segments) > ROUNDS / 2
    stores.close()


def start_run(home: Path, log: Path) -> "subprocess.Popen[str]":
    """A Dagster run over all days, as a process."""
    command = [sys.executable, "-m", "analytics_pipeline.defs", "run", "--json"]
    days = ["--from", DAYS[0].isoformat(), "--to", DAYS[-1].isoformat()]
    environ = {**os.environ, "ANALYTICS_HOME": str(home)}
    with log.open("a") as sink:
        return subprocess.Popen(
            [*command, *days], env=environ, stdout=subprocess.PIPE, stderr=sink, text=True
        )


def run_until(process: "subprocess.Popen[str]", stage: str) -> None:
    """Read its progress up to a step."""
    assert process.stdout is not None
    for line in process.stdout:
        if f'"stage": "{stage}"' in line:
            return
    process.kill()
    raise AssertionError(f"the run ended before {stage}")


def test_a_killed_run_publishes_once(home: Path, survived: Clients) -> None:
    """Runs killed at random points between the tally and the record, then one left alone: one
    revision a day, its budget spent once, verified."""
    rng = random.Random(SEED + 1)
    log = home / "dagster.log"
    for step in RUN_KILLED_AFTER:
        process = start_run(home, log)
        delay = rng.uniform(0, 0.8)
        run_until(process, step)
        time.sleep(delay)
        process.kill()
        process.communicate(timeout=30)
        kinds = Counter(kind for kind, _, _ in chain_of(home))
        print(f"run killed {delay:.2f} s after {step}: {dict(kinds)} on chain")
    process = start_run(home, log)
    process.communicate(timeout=280)
    assert process.returncode == 0, log.read_text()[-3000:]
    stores = Stores(load_settings({"ANALYTICS_HOME": str(home)}))
    releases = list_releases(stores.catalogue, "demo")
    assert [(r.day, r.revision, r.released) for r in releases] == [(d, 1, True) for d in DAYS]
    spends = list_spends(stores.catalogue, "demo")
    assert [(spend.day, spend.rho_nano) for spend in spends] == [
        (release.day, release.rho_nano) for release in releases
    ]
    assert chain_of(home) == {("CommitRecord", d, 1): 1 for d in DAYS} | {
        ("ReleaseRecord", d, 1): 1 for d in DAYS
    }
    for release in releases:
        assert all(result.passed for result in verify_release(stores, release))
    stores.close()


def chain_of(home: Path) -> dict[tuple[str, date, int], int]:
    """How often each record is on chain."""
    stores = Stores(load_settings({"ANALYTICS_HOME": str(home)}))
    try:
        records = stores.registry.read_evidence("demo").records
        return dict(Counter((type(r).__name__, r.day, r.revision) for r in records))
    finally:
        stores.close()
