"""Fixtures: a running API, shared by the tests of a module that do not stop it."""

from collections.abc import Iterator

import pytest

from tests.ingest.support import Api


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    """A running API that trusts X-Forwarded-For from this machine."""
    running = Api(tmp_path_factory.mktemp("home"), ANALYTICS_TRUSTED_PROXIES="127.0.0.1").start()
    yield running
    if running.process is not None and running.process.poll() is None:
        running.stop()
