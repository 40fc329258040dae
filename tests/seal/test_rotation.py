"""Rotation in a loop beside a sealer, readers and an erasure: nothing is lost, no CID changes."""

import threading
import time
from abc import ABC, abstractmethod
from datetime import timedelta
from typing import Any

from analytics_pipeline.core.errors import KeyUnavailable
from analytics_pipeline.storage.catalogue import (
    expire_day,
    list_segments,
    open_catalogue,
    rewrap_data_keys,
    wrapped_data_key,
)
from analytics_pipeline.storage.ipfs import open_store
from analytics_pipeline.storage.keyring import Keyring
from analytics_pipeline.storage.segments import load_segment
from tests.seal.support import DAY, Deployment, events_of, make_event
from tests.seal.test_kill import SMALL_ROUNDS, wait_for_lock

BEFORE = DAY - timedelta(days=1)
ROTATIONS = 12


class Loop(threading.Thread, ABC):
    """A thread with stores of its own, as another process has them, that works until told to stop;
    `check` raises what went wrong in it."""

    def __init__(self, deployment: Deployment) -> None:
        super().__init__()
        home = deployment.home
        self.keyring = Keyring(home / "keys")
        self.catalogue = open_catalogue(f"sqlite:///{home / 'catalogue.sqlite'}")
        self.content = open_store(home / "ipfs")
        self.rounds = 0
        self._problem: BaseException | None = None
        self._over = threading.Event()

    @abstractmethod
    def work(self) -> None:
        """One round."""

    def run(self) -> None:
        try:
            while not self._over.is_set():
                self.work()
                self.rounds += 1
        except BaseException as error:
            self._problem = error

    def check(self) -> None:
        self._over.set()
        self.join(120)
        self.catalogue.close()
        self.content.close()
        if self._problem is not None:
            raise self._problem


class Rotating(Loop):
    """New keys, and every data key re-wrapped."""

    def work(self) -> None:
        if self.rounds < ROTATIONS:
            self.keyring.rotate()
        rewrap_data_keys(self.catalogue, self.keyring)


class Reading(Loop):
    """All segments of the day, each by its key as it is wrapped just then."""

    read = 0
    cids: dict[str, str]

    def work(self) -> None:
        known: dict[str, str] = self.__dict__.setdefault("cids", {})
        for segment in list_segments(self.catalogue, "demo", DAY):
            assert known.setdefault(segment.segment_id, segment.cid) == segment.cid
            assert load_segment(self.catalogue, self.content, self.keyring, segment).height > 0
            self.read += 1
        time.sleep(0.01)


def put(deployment: Deployment, first: int) -> list[dict[str, Any]]:
    """Some batches of the day, and one of the day before, which is to be erased."""
    events = [make_event(number) for number in range(first, first + 60)]
    for start in range(0, 60, 12):
        deployment.put_events(*events[start : start + 12])
    earlier = make_event(first, at_ms=make_event(first)["at_ms"] - 86_400_000)
    deployment.put_events(earlier)
    return events


def test_rotation_beside_sealer_readers_and_erasure(deployment: Deployment) -> None:
    """Every event of the day is read back, whichever keys were in force; the day before is erased
    amid all this, and stays so: later events of it are refused, and no key of it comes back."""
    process = deployment.start_sealer("--interval", "0.05", code=SMALL_ROUNDS)
    wait_for_lock(deployment)
    events = put(deployment, 0)
    catalogue, keyring = deployment.stores.catalogue, deployment.stores.keyring
    loops = [Rotating(deployment), Reading(deployment), Reading(deployment)]
    for loop in loops:
        loop.start()
    _wait(lambda: bool(list_segments(catalogue, "demo", BEFORE)))
    erased = list_segments(catalogue, "demo", BEFORE)
    for number in range(1, 6):
        events += put(deployment, number * 1000)
        if number == 3:
            keyring.retention.destroy("demo", BEFORE)
            expire_day(catalogue, "demo", BEFORE, "retention")
            keyring.retention.destroy("demo", BEFORE)  # a sealer may just have made one
        time.sleep(0.2)
    _wait(lambda: not deployment.stores.queue.depth())
    process.terminate()
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 0, output
    for loop in loops:
        loop.check()
    rotating, *readers = loops
    assert rotating.rounds > 3
    assert sum(reader.read for reader in readers if isinstance(reader, Reading)) > 20
    rewrap_data_keys(catalogue, keyring)
    assert rewrap_data_keys(catalogue, keyring) == 0
    segments = list_segments(catalogue, "demo", DAY)
    frames = [
        load_segment(catalogue, deployment.stores.content, Keyring(deployment.home / "keys"), each)
        for each in segments
    ]
    found = sorted(pair for frame in frames for pair in events_of(frame))
    assert found == sorted((event["session_id"], event["at_ms"]) for event in events)
    assert len({segment.wrapping_key_id for segment in segments}) > 1
    active = Keyring(deployment.home / "keys").active_wrapping_key_id
    assert {wrapped_data_key(catalogue, each.segment_id)[0] for each in segments} == {active}
    assert keyring.retention.days("demo") == [DAY]
    assert erased
    for each in list_segments(catalogue, "demo", BEFORE):
        try:
            load_segment(catalogue, deployment.stores.content, keyring, each)
        except KeyUnavailable:
            continue
        raise AssertionError(f"{each.segment_id} of the erased day opens")


def _wait(until: Any) -> None:
    deadline = time.monotonic() + 90
    while not until() and time.monotonic() < deadline:
        time.sleep(0.02)
    assert until()
