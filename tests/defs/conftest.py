"""Deployments for the tests of the Dagster project."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from analytics_pipeline.defs.stores import Stores
from tests.defs.support import Deployment


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
