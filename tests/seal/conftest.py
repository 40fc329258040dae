"""One deployment per test."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.seal.support import Deployment


@pytest.fixture
def deployment(tmp_path: Path) -> Iterator[Deployment]:
    """An empty deployment with keys."""
    made = Deployment.create(tmp_path / "home")
    yield made
    made.close()
