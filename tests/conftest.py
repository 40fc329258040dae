"""Settings of all tests: property tests have no deadline, for machines are busy at times."""

import pytest
from hypothesis import settings

settings.register_profile("busy-machine", deadline=None)
settings.load_profile("busy-machine")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Side by side, a file's tests go to one worker: they share its fixtures. End-to-end tests
    share one deployment across files."""
    for item in items:
        folder = item.path.parent.name
        item.add_marker(
            pytest.mark.xdist_group("e2e" if folder == "e2e" else f"{folder}/{item.path.name}")
        )
