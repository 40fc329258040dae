"""Fixtures: read APIs over the sample day and over a world, shared by tests that only read."""

import pytest

from tests.serve.support import Served, WorldSources, serve_sample, serve_world
from tests.support.world import honest_world


@pytest.fixture(scope="session")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Served:
    """The sample day: 40 videos of 8 creators; the two days before it are on record only."""
    return serve_sample(tmp_path_factory.mktemp("sample"))


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> Served:
    """Three days; the second has a correction, which publishes that the first was erased, and the
    third a withheld first commit."""
    return serve_world(WorldSources(honest_world()), tmp_path_factory.mktemp("world"))
