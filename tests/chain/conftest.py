"""A registry on a real embedded chain, in a temporary folder."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from analytics_pipeline.chain.embedded import EmbeddedChain, development_account
from analytics_pipeline.chain.outbox import Outbox
from analytics_pipeline.chain.publisher import Publisher
from analytics_pipeline.chain.registry import Registry, deploy_registry
from tests.chain.node_tools import install_contracts
from tests.chain.support import PLATFORM


@pytest.fixture
def chain(tmp_path: Path) -> Iterator[EmbeddedChain]:
    """An empty embedded chain."""
    opened = EmbeddedChain(tmp_path / "chain.sqlite")
    yield opened
    opened.close()


@pytest.fixture
def registry(chain: EmbeddedChain) -> Registry:
    """A registry whose owner is development account 0, which may also publish."""
    owner = development_account()
    registry = deploy_registry(chain, owner)
    registry.grant_publisher(PLATFORM, owner.address, owner)
    return registry


@pytest.fixture
def publisher(registry: Registry, tmp_path: Path) -> Iterator[Publisher]:
    """A publisher with the role."""
    outbox = Outbox(tmp_path / "outbox.sqlite")
    yield Publisher(registry, development_account(), outbox, poll_seconds=0.01)
    outbox.close()


@pytest.fixture(scope="session")
def installed_contracts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of contracts/ with its npm packages, for tests marked ``node``."""
    return install_contracts(tmp_path_factory.mktemp("npm"))
