"""The committed bundle is what the sources build to, and HPKE is the RFC's."""

import filecmp
import gzip
import json
import re
from pathlib import Path

import pytest

from tests.chain.node_tools import node_command, npm_command
from tests.sdk.support import SDK, install_sdk, run_in

MAX_GZIP_BYTES = 10 * 1024


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return install_sdk(tmp_path_factory.mktemp("sdk"))


@pytest.mark.node
def test_a_rebuild_gives_the_same_bytes(installed: Path) -> None:
    """`npm ci && npm run build` in a fresh copy reproduces dist/ byte for byte."""
    committed = sorted(path.relative_to(SDK) for path in (SDK / "dist").rglob("*.*"))
    for path in committed:
        (installed / path).unlink()
    run_in(installed, *npm_command(), "run", "build")
    rebuilt = sorted(path.relative_to(installed) for path in (installed / "dist").rglob("*.*"))
    assert rebuilt == committed
    for path in committed:
        assert filecmp.cmp(installed / path, SDK / path, shallow=False), path


@pytest.mark.node
def test_types_and_rfc_9180_vectors(installed: Path) -> None:
    """The type checker is content, and the key schedule and ciphertext equal RFC 9180 A.2.1."""
    run_in(installed, *npm_command(), "run", "check")
    run_in(installed, *node_command(), "build.mjs", "--tests")
    output = run_in(installed, *node_command(), "--test", "build/")
    assert re.search(r"^# pass 2$|^ℹ pass 2$", output, re.MULTILINE), output


def test_the_bundle_is_small() -> None:
    """A page pays less than 10 KiB (gzip) for either form of the bundle."""
    for name in ("analytics.mjs", "analytics.js"):
        assert len(gzip.compress((SDK / "dist" / name).read_bytes())) < MAX_GZIP_BYTES


def test_the_bundle_touches_nothing_that_lasts() -> None:
    """No cookie, storage, wallet or fingerprint API appears anywhere in the bundle."""
    text = (SDK / "dist" / "analytics.mjs").read_text("utf-8")
    for name in ("cookie", "localStorage", "sessionStorage", "indexedDB", "ethereum", "userAgent"):
        assert name not in text


def test_the_lockfile_names_no_download_host() -> None:
    """Installing takes packages from the configured registry and checks their hashes."""
    lock = json.loads((SDK / "package-lock.json").read_text())
    packages = {name: entry for name, entry in lock["packages"].items() if name}
    assert packages
    assert not [name for name, entry in packages.items() if "resolved" in entry]
    assert not [name for name, entry in packages.items() if "integrity" not in entry]
