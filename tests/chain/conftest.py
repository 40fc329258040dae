"""A registry on a real embedded chain, in a temporary folder."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from analytics_pipeline.chain.client import open_chain
from analytics_pipeline.chain.deploy import DEVELOPMENT_RULES, deploy_registry
from analytics_pipeline.chain.embedded import EmbeddedChain, development_account
from analytics_pipeline.chain.interface import Chain
from analytics_pipeline.chain.outbox import Outbox
from analytics_pipeline.chain.publisher import Publisher
from analytics_pipeline.chain.registry import Registry
from tests.chain.anvil import OWNER, running_anvil
from tests.chain.node_tools import install_contracts
from tests.chain.support import FIRST_DAY, PLATFORM, a_commit, transact


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
    registry = deploy_registry(chain, owner, DEVELOPMENT_RULES)
    registry.grant_publisher(PLATFORM, owner.address, owner)
    return registry


@pytest.fixture
def publisher(registry: Registry, tmp_path: Path) -> Iterator[Publisher]:
    """A publisher with the role."""
    outbox = Outbox(tmp_path / "outbox.sqlite")
    yield Publisher(registry, development_account(), outbox, poll_seconds=0.01)
    outbox.close()


@pytest.fixture
def anvil(installed_contracts: Path, tmp_path: Path) -> Iterator[str]:
    """URL of a fresh node that mines each transaction at once."""
    with running_anvil(installed_contracts, tmp_path / "anvil.log") as url:
        yield url


@pytest.fixture
def node(anvil: str) -> Iterator[Chain]:
    """The node as a `Chain`."""
    chain = open_chain(anvil)
    yield chain
    chain.close()


@pytest.fixture
def remote(node: Chain) -> Registry:
    """A registry on the node, with the seeds of some days."""
    registry = deploy_registry(node, OWNER, DEVELOPMENT_RULES)
    registry.grant_publisher(PLATFORM, OWNER.address, OWNER)
    seeds = [a_commit(offset).seed_commitment for offset in range(5)]
    transact(registry, OWNER, registry.seeds_call(PLATFORM, FIRST_DAY, seeds))
    return registry


@pytest.fixture
def outbox(tmp_path: Path) -> Iterator[Outbox]:
    """An empty outbox."""
    opened = Outbox(tmp_path / "outbox.sqlite")
    yield opened
    opened.close()


@pytest.fixture(scope="session")
def installed_contracts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of contracts/ with its npm packages, for tests marked ``node``."""
    return install_contracts(tmp_path_factory.mktemp("npm"))
