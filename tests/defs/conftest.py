"""Deployments for the tests of the Dagster project."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from analytics_pipeline.defs.steps import events
from analytics_pipeline.defs.stores import Stores
from tests.defs.support import (
    DAYS,
    Deployment,
    build_sessions,
    leave_out_bb,
    store_tally,
)


@pytest.fixture
def deployment(tmp_path: Path) -> Deployment:
    """A fresh state folder with keys and videos."""
    return Deployment.create(tmp_path / "home")


@pytest.fixture
def stores(deployment: Deployment) -> Iterator[Stores]:
    """The deployment's stores, closed afterwards."""
    opened = deployment.stores()
    yield opened
    opened.close()


@pytest.fixture
def loaded(deployment: Deployment, stores: Stores, monkeypatch: pytest.MonkeyPatch) -> Stores:
    """Three days whose events are loaded and whose tally is there."""
    leave_out_bb(stores, monkeypatch)
    for position, day in enumerate(DAYS):
        deployment.send(build_sessions(day, 3), tag=f"day{position}")
    deployment.seal()
    for day in DAYS:
        events.load_day(stores, day)
        store_tally(stores, day, viewers=500)
    return stores
