"""The API process itself, with the clock in the test's hand: salts go soon after their day."""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.ingest.support import Api

EVENING = datetime(2026, 5, 4, 23, 50, tzinfo=UTC)
#: run before the API: its wall clock is the file's, its chores are due ten times a second
CLOCK = """
import datetime, pathlib, time
clock = pathlib.Path({path!r})
time.time_ns = lambda: int(float(clock.read_text()) * 1e9)
from analytics_pipeline.ingest import server, service
class Clock(datetime.datetime):
    @classmethod
    def now(cls, zone=None):
        return datetime.datetime.fromtimestamp(float(clock.read_text()), zone)
service.datetime = Clock
server.HOUSEKEEPING_SECONDS = 0.1
"""


class ClockedApi(Api):
    """An API whose wall clock shows what was last set."""

    def set_clock(self, moment: datetime) -> None:
        path = self.home / "clock.new"
        path.write_text(str(moment.timestamp()))
        path.replace(self.home / "clock")

    @property
    def prelude(self) -> str:
        return CLOCK.format(path=str(self.home / "clock"))

    def salts(self) -> list[str]:
        return sorted(path.stem for path in (self.home / "salts").glob("*.salt"))

    def send(self) -> None:
        """One batch, so that today's salt is needed."""
        assert self.post_frame().status_code == 202


@pytest.fixture
def api(tmp_path: Path) -> ClockedApi:
    api = ClockedApi(tmp_path)
    api.set_clock(EVENING)
    return api


def wait_until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def assert_gone(api: ClockedApi, witness: Path, salt: bytes) -> None:
    """Overwritten, then unlinked: a second link shows zeros, and no file holds the bytes."""
    assert witness.read_bytes() == bytes(32)
    for path in api.home.rglob("*"):
        assert not path.is_file() or salt not in path.read_bytes(), path


def take_witness(api: ClockedApi) -> tuple[Path, bytes]:
    witness = api.home / "witness"
    witness.hardlink_to(api.home / "salts" / "2026-05-04.salt")
    return witness, witness.read_bytes()


def test_a_running_api_destroys_the_salt_minutes_after_midnight(api: ClockedApi) -> None:
    """Kept while other machines' clocks may lag, then gone; the next day has a salt of its own."""
    api.start()
    api.send()
    witness, salt = take_witness(api)
    api.set_clock(EVENING + timedelta(minutes=19))  # 00:09
    api.send()
    time.sleep(0.5)
    assert api.salts() == ["2026-05-04", "2026-05-05"]
    api.set_clock(EVENING + timedelta(minutes=21))
    wait_until(lambda: api.salts() == ["2026-05-05"])
    assert_gone(api, witness, salt)
    first, second = (batch.viewer for batch in api.queued())
    assert first != second
    api.stop()


@pytest.mark.parametrize("off", [timedelta(hours=1), timedelta(hours=47), timedelta(days=30)])
def test_an_api_that_was_off_over_midnight_destroys_at_its_start(
    api: ClockedApi, off: timedelta
) -> None:
    """Before it serves anything; a machine that is off cannot do it earlier."""
    api.start()
    api.send()
    witness, salt = take_witness(api)
    api.stop()
    assert salt in (api.home / "salts" / "2026-05-04.salt").read_bytes()
    api.set_clock(EVENING + off)
    api.start()
    assert api.salts() == []
    assert_gone(api, witness, salt)
    api.send()
    assert api.salts() == [f"{EVENING + off:%Y-%m-%d}"]
    api.stop()
