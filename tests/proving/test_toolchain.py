"""The prover comes from npm with exact hashes, or its absence is explained."""

import json
import subprocess
import sys
from importlib import resources
from pathlib import Path

import pytest

from analytics_pipeline.core.errors import ToolUnavailable
from analytics_pipeline.proving import toolchain
from analytics_pipeline.proving.child import run_child
from analytics_pipeline.proving.toolchain import BINARIES, Toolchain
from tests.proving.tools import CACHE, TOOLS

_INSTALL = """
import sys
from pathlib import Path
from analytics_pipeline.proving.toolchain import Toolchain
print(Toolchain(Path(sys.argv[1])).bb)
"""


def test_installed_once_and_found_again() -> None:
    """The second look takes what the first installed, says nothing, and it runs."""
    installed = TOOLS.bb
    said: list[str] = []
    assert Toolchain(CACHE, say=said.append).bb == installed
    assert said == []
    assert run_child([installed, "--version"]).last_line == toolchain.BB_VERSION


@pytest.mark.node
def test_two_starts_at_once_install_one(tmp_path: Path) -> None:
    """Into an empty cache; one waits for the other, and nothing but the binary stays."""
    command = [sys.executable, "-c", _INSTALL, str(tmp_path)]
    both = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    said = {child.communicate(timeout=240)[0].strip() for child in both}
    (path,) = said
    kept = [file for file in tmp_path.rglob("*") if file.is_file() and file.suffix != ".lock"]
    assert kept == [Path(path)]


@pytest.mark.node
def test_an_altered_binary_is_installed_anew(tmp_path: Path) -> None:
    """The cache is ours, yet its hash is looked at every time."""
    tools = Toolchain(tmp_path)
    with tools.bb.open("ab") as file:
        file.write(b"x")
    said: list[str] = []
    again = Toolchain(tmp_path, say=said.append)
    assert again.bb == tools.bb
    assert said == ["installing the prover (bb 5.0.0, 38 MB, once)"]


@pytest.mark.node
def test_binaries_of_all_platforms_are_pinned(tmp_path: Path) -> None:
    """The table of hashes is that of the package that the lock pins."""
    with toolchain._npm_ci("bb", tmp_path / "work") as modules:
        for folder, digest in BINARIES.values():
            path = modules / "@aztec" / "bb.js" / "build" / folder / "bb"
            assert toolchain._has_digest(path, digest), folder
    assert not (tmp_path / "work").exists()


def test_no_registry_is_one_clear_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Offline: what is missing, that it is needed once, and the way around it."""
    monkeypatch.setenv("npm_config_registry", "http://user:hunter2@127.0.0.1:9/")
    monkeypatch.setenv("npm_config_cache", str(tmp_path / "npm"))
    monkeypatch.setenv("npm_config_fetch_retries", "0")
    with pytest.raises(ToolUnavailable, match=r"needed once.*ANALYTICS_BB") as caught:
        _ = Toolchain(tmp_path / "cache").bb
    assert "hunter2" not in str(caught.value)
    assert not list((tmp_path / "cache").rglob("*.partial"))


@pytest.mark.parametrize(
    ("script", "found"),
    [
        ("#!/bin/sh\necho 4.2.0\n", "4.2.0"),
        ("#!/bin/sh\nexit 1\n", "does not run"),
        ("", "does not run"),
    ],
)
def test_another_bb_is_refused(tmp_path: Path, script: str, found: str) -> None:
    """Another version reads other formats, so it is not even tried."""
    path = tmp_path / "bb"
    path.write_text(script)
    path.chmod(0o755)
    with pytest.raises(ToolUnavailable, match=found):
        _ = Toolchain(tmp_path, own_bb=str(path)).bb


def test_a_missing_bb_of_ones_own_is_not_replaced(tmp_path: Path) -> None:
    """What the operator names is used or refused."""
    with pytest.raises(ToolUnavailable, match="missing"):
        _ = Toolchain(CACHE, own_bb=str(tmp_path / "bb")).bb


def test_the_pinned_bb_may_be_named(tmp_path: Path) -> None:
    """Without npm or a network: nothing is installed."""
    assert Toolchain(tmp_path, own_bb=str(TOOLS.bb)).bb == TOOLS.bb
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["bb", "solc"])
def test_lockfiles_name_no_download_host(name: str) -> None:
    """Packages come from the configured registry, and their hashes are checked."""
    folder = resources.files("analytics_pipeline.proving") / "npm" / name
    lock = json.loads((folder / "package-lock.json").read_text())
    packages = {path: entry for path, entry in lock["packages"].items() if path}
    assert packages
    assert not [path for path, entry in packages.items() if "resolved" in entry]
    assert not [path for path, entry in packages.items() if "integrity" not in entry]
