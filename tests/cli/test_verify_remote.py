"""`verify PLATFORM DAY`: real records on an embedded chain, and a bundle from a gateway."""

import json
import threading
from collections.abc import Iterator
from contextlib import closing
from datetime import date
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from analytics_pipeline.chain.client import open_publisher
from analytics_pipeline.cli.children import free_port
from analytics_pipeline.core.record import Commit, CommitRecord, Release, ReleaseRecord
from analytics_pipeline.core.unixfs import iter_directory_blocks
from analytics_pipeline.storage.ipfs import open_store
from tests.cli.test_verify import run
from tests.ipfs.hostile_node import HostileNode, hostile_node
from tests.support.world import DAYS, PLATFORM, World

DAY = str(DAYS[0])
NOBODY = "0x" + "12" * 20


@pytest.fixture(scope="module")
def world() -> World:
    """Two released days and a commit that waits for its release."""
    world = World()
    world.publish(DAYS[0])
    world.publish(DAYS[1])
    world.commit(DAYS[2], 1)
    return world


def body(record: CommitRecord | ReleaseRecord) -> Commit | Release:
    """What is published of a record; its place on the chain comes by itself."""
    kind = Release if isinstance(record, ReleaseRecord) else Commit
    return kind(**{name: getattr(record, name) for name in kind.__dataclass_fields__})


@pytest.fixture(scope="module")
def published_home(world: World, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home folder with a chain, and no block store."""
    home = tmp_path_factory.mktemp("deployment")
    chain, outbox = home / "chain.sqlite", home / "outbox.sqlite"
    with closing(open_publisher(chain, PLATFORM, outbox)) as publisher:
        for record in world.records:
            published = body(record)
            if isinstance(published, Release):
                publisher.release(PLATFORM, [published])
            else:
                publisher.commit(PLATFORM, [published])
    return home


@pytest.fixture
def home(published_home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The same, as this deployment's."""
    monkeypatch.setenv("ANALYTICS_HOME", str(published_home))
    return published_home


@pytest.fixture
def gateway(world: World) -> Iterator[HostileNode]:
    """A gateway that has the bundles."""
    with hostile_node() as node:
        for bundle in world.bundles.values():
            node.blocks.update({block.cid: block.data for block in iter_directory_blocks(bundle)})
        yield node


@pytest.mark.usefixtures("home")
def test_a_folder_named_like_the_platform_is_in_nobodys_way(
    gateway: HostileNode, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only a bundle folder is taken for one when a day is given."""
    (tmp_path / PLATFORM).mkdir()
    monkeypatch.chdir(tmp_path)
    assert run("verify", PLATFORM, DAY, "--gateway", gateway.url)[0] == 0
    assert "not a bundle folder" in run("verify", PLATFORM)[1]


@pytest.mark.usefixtures("home")
def test_says_where_records_and_bundle_came_from(gateway: HostileNode) -> None:
    """A figure is verified from these places, and the reader should know them."""
    code, output = run("verify", PLATFORM, DAY, "--gateway", gateway.url)
    assert code == 0, output
    assert f"gateway {gateway.url}" in output
    assert "chain.sqlite" in output
    document = json.loads(run("verify", PLATFORM, DAY, "--gateway", gateway.url, "--json")[1])
    assert document["bundle_from"] == f"gateway {gateway.url}"


def test_a_named_gateway_is_really_asked(
    world: World, home: Path, gateway: HostileNode, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Blocks that this machine has prove nothing about what strangers can fetch."""
    own = tmp_path / "home"
    own.mkdir()
    (own / "chain.sqlite").write_bytes((home / "chain.sqlite").read_bytes())
    monkeypatch.setenv("ANALYTICS_HOME", str(own))
    with open_store(own / "ipfs") as store:
        for bundle in world.bundles.values():
            store.add_directory(bundle)
    code, output = run("verify", PLATFORM, DAY)
    assert code == 0
    assert "own copy" in output
    gateway.blocks.clear()
    code, output = run("verify", PLATFORM, DAY, "--gateway", gateway.url)
    assert code == 3, output
    assert gateway.requests["gateway"] > 0


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
