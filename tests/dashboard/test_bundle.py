"""What is under serve/static is what the sources build to: small, and from nowhere else."""

import filecmp
import gzip
import re
import shutil
from pathlib import Path

import pytest

from tests.chain.node_tools import npm_command
from tests.dashboard.support import REPOSITORY, STATIC
from tests.sdk.support import run_in

DASHBOARD = REPOSITORY / "dashboard"
PAGE = REPOSITORY / "docs" / "dashboard.md"
MAX_GZIP_BYTES = 150_000
#: What may be linked to, or is a name and no address.
KNOWN_HOSTS = {"db-ip.com", "www.w3.org"}


def install_dashboard(folder: Path) -> Path:
    """A copy of dashboard/ with its locked packages, whose scripts are not run."""
    copy = folder / "dashboard"
    shutil.copytree(DASHBOARD, copy, ignore=shutil.ignore_patterns("node_modules", "build"))
    run_in(copy, *npm_command(), "ci", "--ignore-scripts", "--no-audit", "--no-fund")
    return copy


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return install_dashboard(tmp_path_factory.mktemp("dashboard"))


def built(folder: Path) -> dict[str, Path]:
    """Files below a folder by name."""
    return {str(path.relative_to(folder)): path for path in folder.rglob("*.*") if path.is_file()}


@pytest.mark.node
def test_a_rebuild_gives_the_same_bytes(installed: Path) -> None:
    """`npm ci && npm run build` elsewhere reproduces serve/static byte for byte."""
    run_in(installed, *npm_command(), "run", "build")
    committed = built(STATIC)
    rebuilt = built(installed.parent / "analytics_pipeline" / "serve" / "static")
    assert rebuilt.keys() == committed.keys()
    for name, path in committed.items():
        assert filecmp.cmp(rebuilt[name], path, shallow=False), name


@pytest.mark.node
def test_types(installed: Path) -> None:
    """The type checker is content, strictly."""
    run_in(installed, *npm_command(), "run", "check")


def test_all_of_it_is_small() -> None:
    """Everything together is below the limit, and the page says how much it is."""
    size = sum(len(gzip.compress(path.read_bytes())) for path in built(STATIC).values())
    assert size < MAX_GZIP_BYTES
    (stated,) = re.findall(r"(\d+) kB gzip", PAGE.read_text("utf-8"))
    assert abs(size / 1000 - int(stated)) < 2  # libraries differ by a little


def test_nothing_comes_from_other_hosts() -> None:
    """No address of another host is in any file but the links that readers may follow."""
    for name, path in built(STATIC).items():
        hosts = set(re.findall(r"https?://([\w.-]+\.\w+)", path.read_text("utf-8")))
        assert hosts <= KNOWN_HOSTS, name


def test_pages_name_hashed_assets() -> None:
    """index.html loads what is there, by names that change with the content."""
    page = (STATIC / "index.html").read_text("utf-8")
    assets = re.findall(r'(?:src|href)="(/assets/[^"]+)"', page)
    assert len(assets) == 4
    for asset in assets:
        assert re.search(r"-[A-Za-z0-9]{8}\.(js|css|svg)$", asset)
        assert (STATIC / asset.removeprefix("/")).is_file()


def test_the_lockfile_names_no_download_host() -> None:
    """Installing takes packages from the configured registry and checks their hashes."""
    text = (DASHBOARD / "package-lock.json").read_text("utf-8")
    assert '"resolved"' not in text
    assert text.count('"integrity"') == text.count('"node_modules/')
