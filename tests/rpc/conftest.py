"""A published world on an embedded chain, and its JSON-RPC endpoint as a process."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

import httpx
import pytest

from analytics_pipeline.chain.client import open_publisher
from analytics_pipeline.chain.embedded import EmbeddedChain
from analytics_pipeline.cli.children import free_port
from analytics_pipeline.core.circuits import build_circuits
from analytics_pipeline.serve.rpc.methods import Methods
from tests.support.chain_world import ChainWorld
from tests.support.world import DAYS, PLATFORM


class Deployment(NamedTuple):
    """A home folder with a chain; what was published on it; the table of its circuits."""

    home: Path
    world: ChainWorld
    circuits: Path

    @property
    def chain_file(self) -> Path:
        return self.home / "chain.sqlite"


@pytest.fixture(scope="package")
def deployment(tmp_path_factory: pytest.TempPathFactory) -> Deployment:
    """Two released days."""
    home = tmp_path_factory.mktemp("deployment")
    with closing(
        open_publisher(home / "chain.sqlite", PLATFORM, home / "outbox.sqlite")
    ) as publisher:
        world = ChainWorld(publisher=publisher)
        world.publish(DAYS[0])
        world.publish(DAYS[1])
    circuits = home / "circuits.json"
    circuits.write_bytes(build_circuits(world.circuits.entries))
    return Deployment(home, world, circuits)


@pytest.fixture(scope="package")
def chain(deployment: Deployment) -> Iterator[EmbeddedChain]:
    """A handle on its chain."""
    with closing(EmbeddedChain(deployment.chain_file)) as opened:
        yield opened


@pytest.fixture
def methods(chain: EmbeddedChain) -> Methods:
    return Methods(chain)


@pytest.fixture(scope="package")
def url(deployment: Deployment) -> Iterator[str]:
    """The endpoint, served by itself."""
    port = free_port()
    log = deployment.home / "rpc.log"
    command = [sys.executable, "-m", "analytics_pipeline.serve.rpc", "--port", str(port)]
    environ = {**os.environ, "ANALYTICS_HOME": str(deployment.home)}
    with log.open("wb") as sink:
        process = subprocess.Popen(command, env=environ, stdout=sink, stderr=sink)
    address = f"http://127.0.0.1:{port}/rpc"
    deadline = time.monotonic() + 30
    while True:
        try:
            httpx.get(address, timeout=5)
            break
        except httpx.TransportError:
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < deadline, "the endpoint did not start"
            time.sleep(0.05)
    yield address
    process.terminate()
    assert process.wait(15) == 0, log.read_text()
