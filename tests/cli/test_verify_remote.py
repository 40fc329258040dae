"""`verify PLATFORM DAY`: real records on an embedded chain, and a bundle from a gateway."""

import json
import threading
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import date
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import NamedTuple

import pytest

from analytics_pipeline.chain.client import open_chain, open_publisher, open_registry
from analytics_pipeline.cli.children import free_port
from analytics_pipeline.core.circuits import build_circuits
from analytics_pipeline.core.unixfs import iter_directory_blocks
from analytics_pipeline.core.verify import verify_bundle
from analytics_pipeline.published.sources import PublicSources
from analytics_pipeline.storage.ipfs import open_store
from tests.cli.test_verify import run
from tests.ipfs.hostile_node import HostileNode, hostile_node
from tests.support.chain_world import ChainWorld
from tests.support.world import DAYS, PLATFORM

DAY = str(DAYS[0])
NOBODY = "0x" + "12" * 20


class Deployment(NamedTuple):
    """A home folder with a chain and no block store; the bundles, and their circuits' table."""

    home: Path
    world: ChainWorld
    circuits: Path


@pytest.fixture(scope="module")
def deployment(tmp_path_factory: pytest.TempPathFactory) -> Deployment:
    """Two released days and a commit that waits for its release."""
    home = tmp_path_factory.mktemp("deployment")
    chain, outbox = home / "chain.sqlite", home / "outbox.sqlite"
    with closing(open_publisher(chain, PLATFORM, outbox)) as publisher:
        world = ChainWorld(publisher=publisher)
        world.publish(DAYS[0])
        world.publish(DAYS[1])
        world.commit(DAYS[2], 1)
    circuits = home / "circuits.json"
    circuits.write_bytes(build_circuits(world.circuits.entries))
    return Deployment(home, world, circuits)


@pytest.fixture
def world(deployment: Deployment) -> ChainWorld:
    return deployment.world


@pytest.fixture
def home(deployment: Deployment, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The same, as this deployment's."""
    monkeypatch.setenv("ANALYTICS_HOME", str(deployment.home))
    return deployment.home


@pytest.fixture
def believed(deployment: Deployment) -> tuple[str, ...]:
    """Options of somebody who believes the stand-ins' circuits and cannot check their proofs."""
    return ("--circuits", str(deployment.circuits), "--verifier", "none")


@pytest.fixture
def gateway(world: ChainWorld) -> Iterator[HostileNode]:
    """A gateway that has the bundles."""
    with hostile_node() as node:
        for bundle in world.bundles.values():
            node.blocks.update({block.cid: block.data for block in iter_directory_blocks(bundle)})
        yield node


@pytest.mark.usefixtures("home")
def test_a_folder_named_like_the_platform_is_in_nobodys_way(
    gateway: HostileNode,
    believed: tuple[str, ...],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Only a bundle folder is taken for one when a day is given."""
    (tmp_path / PLATFORM).mkdir()
    monkeypatch.chdir(tmp_path)
    assert run("verify", PLATFORM, DAY, "--gateway", gateway.url, *believed)[0] == 0
    assert "not a bundle folder" in run("verify", PLATFORM)[1]


@pytest.mark.usefixtures("home")
def test_says_where_records_and_bundle_came_from(
    gateway: HostileNode, believed: tuple[str, ...]
) -> None:
    """A figure is verified from these places, and the reader should know them."""
    arguments = ("verify", PLATFORM, DAY, "--gateway", gateway.url, *believed)
    code, output = run(*arguments)
    assert code == 0, output
    assert f"gateway {gateway.url}" in output
    assert "chain.sqlite" in output
    document = json.loads(run(*arguments, "--json")[1])
    assert document["bundle_from"] == f"gateway {gateway.url}"


def test_a_named_gateway_is_really_asked(
    world: ChainWorld,
    home: Path,
    gateway: HostileNode,
    believed: tuple[str, ...],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Blocks that this machine has prove nothing about what strangers can fetch."""
    own = tmp_path / "home"
    own.mkdir()
    (own / "chain.sqlite").write_bytes((home / "chain.sqlite").read_bytes())
    monkeypatch.setenv("ANALYTICS_HOME", str(own))
    with open_store(own / "ipfs") as store:
        for bundle in world.bundles.values():
            store.add_directory(bundle)
    code, output = run("verify", PLATFORM, DAY, *believed)
    assert code == 0, output
    assert "own copy" in output
    gateway.blocks.clear()
    code, output = run("verify", PLATFORM, DAY, "--gateway", gateway.url)
    assert code == 3, output
    assert gateway.requests["gateway"] > 0


@pytest.mark.usefixtures("home")
def test_registry_and_chain_are_asked(gateway: HostileNode, believed: tuple[str, ...]) -> None:
    """For the seed, the block's randomness and what checks proofs; the table says so."""
    arguments = ("verify", PLATFORM, DAY, "--gateway", gateway.url, *believed)
    checks = json.loads(run(*arguments, "--json")[1])["checks"]
    assert "head is the registry's" in checks[1]["detail"]
    assert "1 after the commit; the chain's randomness" in checks[12]["detail"]
    assert "left to the operator alone, for the registry demands no proof" in checks[14]["detail"]


def test_records_appended_meanwhile_are_no_lie(
    deployment: Deployment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The operator may publish while somebody verifies: head and records are of one block."""
    for name in ("chain.sqlite", "outbox.sqlite"):
        (tmp_path / name).write_bytes((deployment.home / name).read_bytes())
    monkeypatch.setenv("ANALYTICS_HOME", str(tmp_path))
    chain, outbox = tmp_path / "chain.sqlite", tmp_path / "outbox.sqlite"
    with (
        open_store(tmp_path / "ipfs") as store,
        closing(open_publisher(chain, PLATFORM, outbox)) as publisher,
        closing(open_chain(chain)) as read_from,
    ):
        for bundle in deployment.world.bundles.values():
            store.add_directory(bundle)
        operator = replace(deployment.world, publisher=publisher)

        class Slow:
            """A content store during whose answer the operator commits to another revision."""

            def get_directory(self, cid: str, *, max_bytes: int) -> dict[str, bytes]:
                operator.commit(DAYS[2], 2)
                return store.get_directory(cid, max_bytes=max_bytes)

        registry = open_registry(read_from)
        sources = PublicSources(registry, Slow())  # type: ignore[arg-type]
        published = sources.load_day(PLATFORM, DAYS[0])
        assert registry.head(PLATFORM) != published.registry_head, "something was appended"
    results = verify_bundle(
        published.files,
        registry_head=published.registry_head,
        registry=published.registry,
        terms=deployment.world.terms,
    )
    assert all(result.passed for result in results)


@pytest.mark.usefixtures("home")
def test_a_whole_history(
    world: ChainWorld, gateway: HostileNode, believed: tuple[str, ...], tmp_path: Path
) -> None:
    """Every bundle from the gateway, held against registry and chain; without a name, it is this
    deployment's platform. The copy verifies offline, and the CAR that it becomes."""
    folder, car = tmp_path / "copy", tmp_path / "copy.car"
    arguments = ("verify", "--all", "--gateway", gateway.url, "--json", *believed)
    code, output = run(*arguments, "--save", str(folder))
    document = json.loads(output)
    assert code == 0, output
    assert (document["platform"], document["registry_asked"]) == (PLATFORM, True)
    assert document["bundles_from"] == f"gateway {gateway.url}"
    assert document["committed"] == [str(DAYS[2])]
    assert [each["state"] for each in document["releases"]] == ["verified"] * 2
    for target, copied in ((folder, car), (car, tmp_path / "again")):
        code, output = run(
            *("verify", "--all", str(target), "--save", str(copied), "--json", *believed)
        )
        offline = json.loads(output)
        assert code == 0, output
        assert offline["registry_asked"] is False
        assert offline["releases"] == document["releases"]


@pytest.mark.usefixtures("home")
@pytest.mark.parametrize("fault", ["withheld", "flip!"])
def test_bundles_that_a_gateway_withholds(
    world: ChainWorld, gateway: HostileNode, believed: tuple[str, ...], fault: str
) -> None:
    """Or that it lies about: named, exit code 3, and everything else is checked."""
    if fault == "withheld":
        for block in iter_directory_blocks(world.bundles[DAYS[0], 1]):
            if block.data not in world.bundles[DAYS[1], 1].values():
                del gateway.blocks[block.cid]
    else:
        gateway.faults["gateway"] = [fault]
    arguments = ("verify", "--all", PLATFORM, "--gateway", gateway.url, *believed)
    code, output = run(*arguments)
    assert code == 3, output
    assert f"Unavailable: {'Content' if fault == 'withheld' else 'Integrity'}" in output
    assert f"{DAYS[0]} revision 1" in output
    document = json.loads(run(*arguments, "--json")[1])
    assert document["verified"] is None
    assert [rule["passed"] for rule in document["rules"][:6]] == [True] * 6
    assert document["releases"][1]["state"] == (
        "verified" if fault == "withheld" else "unavailable"
    )


@pytest.mark.usefixtures("home")
@pytest.mark.parametrize(
    ("platform", "says"),
    [("demoo", "has no records of 'demoo'"), ("no platform", "no platform is named so")],
)
def test_no_history_to_verify(platform: str, says: str, gateway: HostileNode) -> None:
    """Wrong input, exit code 2."""
    code, output = run("verify", "--all", platform, "--gateway", gateway.url)
    assert code == 2
    assert says in output


@pytest.mark.usefixtures("home")
@pytest.mark.parametrize(
    ("platform", "day", "says"),
    [
        ("demoo", DAYS[0], "has no records of 'demoo'"),
        (PLATFORM, date(2020, 1, 1), f"not released; released: {DAYS[0]} … {DAYS[1]} (2 days)"),
        (PLATFORM, DAYS[2], "committed to and not released yet"),
    ],
)
def test_nothing_to_verify(platform: str, day: date, says: str, gateway: HostileNode) -> None:
    """No lie: what was asked for was never published. What was, is said."""
    code, output = run("verify", platform, str(day), "--gateway", gateway.url)
    assert code == 2
    assert says in output.replace("\n", " ")


@pytest.mark.usefixtures("home")
@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--registry", "0x12"), "InvalidInput: --registry: '0x12'"),
        (("--registry", "0xC1901A38dE1A0b8cD7C5cB0a1e6Ee4B4dA0C8166"), "typing error"),
        (("--registry", NOBODY), f"no contract at {NOBODY}"),
        (("--chain", "nowhere"), "InvalidInput: --chain"),
        (("--chain", "http://127.0.0.1:1"), "InvalidInput: --registry"),
        (("--ipfs", "nowhere"), "InvalidInput: --ipfs"),
    ],
)
def test_sources_that_are_none(
    arguments: tuple[str, ...],
    says: str,
    gateway: HostileNode,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Each is named by its option, and nothing is made under its name."""
    monkeypatch.chdir(tmp_path)
    code, output = run("verify", PLATFORM, DAY, "--gateway", gateway.url, *arguments)
    assert code == 2, output
    assert says in output
    assert not list(tmp_path.iterdir())


class _Website(BaseHTTPRequestHandler):
    """Answers everything, with a page."""

    def do_POST(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"<html>")

    def log_message(self, format: str, *args: object) -> None:
        """Stay quiet."""


@pytest.mark.usefixtures("home")
def test_a_chain_that_is_a_website() -> None:
    """One line, exit code 3."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _Website) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,)).start()
        url = f"http://127.0.0.1:{server.server_address[1]}"
        arguments = ("--chain", url, "--registry", NOBODY, "--gateway", url)
        code, output = run("verify", PLATFORM, DAY, *arguments)
        server.shutdown()
    assert code == 3, output
    assert f"ChainError: {url} answers, but not as a JSON-RPC node" in output


@pytest.mark.usefixtures("home")
def test_a_chain_that_does_not_answer_is_named_without_its_secrets() -> None:
    """Not verified, not refuted: exit code 3. URLs of nodes often hold a key."""
    url = f"http://user:geheim@127.0.0.1:{free_port()}/v3/geheim?key=geheim"
    arguments = ("verify", PLATFORM, DAY, "--chain", url, "--registry", NOBODY)
    code, output = run(*arguments, "--gateway", "http://127.0.0.1:1")
    assert code == 3
    assert url.split("@")[1].split("/")[0] in output
    assert "geheim" not in output
    code, output = run(*arguments, "--gateway", "http://127.0.0.1:1", "--json")
    assert code == 3
    assert json.loads(output)["verified"] is None
    assert json.loads(output)["error"] == "ChainUnreachable"
