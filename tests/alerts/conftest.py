"""What tests of alerts share: a store, a world, a receiver, a clock that the test moves."""

from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from analytics_pipeline.alerts.delivery import Delivery
from analytics_pipeline.core.policy import build_policy
from analytics_pipeline.storage.alerts import AlertStore
from analytics_pipeline.storage.webhook_signer import WebhookSigner
from tests.alerts.days import WorldDays
from tests.alerts.receiver import Receiver, receiving
from tests.support.world import World

#: few rows, so that days are quick to publish and to verify
TINY_POLICY = build_policy(regions=("ZZ",), providers=("ipfs",))


class Clock:
    """A time that the test moves."""

    def __init__(self) -> None:
        self.time = datetime(2026, 3, 20, 12, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.time

    def advance(self, **by: float) -> None:
        self.time += timedelta(**by)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def store(tmp_path: Path) -> Iterator[AlertStore]:
    with closing(AlertStore(tmp_path / "alerts.sqlite")) as opened:
        yield opened


@pytest.fixture
def published() -> WorldDays:
    return WorldDays(World(policy=TINY_POLICY, videos=0))


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as started:
        yield started


@pytest.fixture
def delivery(tmp_path: Path, clock: Clock) -> Delivery:
    """Signed with a key of the test's, to wherever a rule says."""
    signer = WebhookSigner.create(tmp_path / "keys", clock())
    return Delivery(signer, clock, chance=lambda: 0.0)
