"""The committed artifacts are what the sources compile to."""

import filecmp
import json
import subprocess
from pathlib import Path

import pytest

from analytics_pipeline.chain.abi import registry_abi
from tests.chain.node_tools import CONTRACTS, node_command

ROOT = Path(__file__).parents[2]
COMMITTED = {
    "ViewershipRegistry.json": ROOT / "analytics_pipeline" / "chain" / "artifacts",
    "BindingVerifier.json": ROOT / "tests" / "chain" / "artifacts",
}


@pytest.mark.node
def test_a_rebuild_gives_the_same_bytes(installed_contracts: Path, tmp_path: Path) -> None:
    """`npm ci` and a build in a fresh copy reproduce every artifact byte for byte."""
    command = [*node_command(), "build.mjs", str(tmp_path)]
    subprocess.run(command, cwd=installed_contracts, check=True, capture_output=True, timeout=120)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(COMMITTED)
    for name, folder in COMMITTED.items():
        assert filecmp.cmp(tmp_path / name, folder / name, shallow=False), name


def test_artifacts_name_their_compiler() -> None:
    """An auditor finds compiler, optimizer and source hashes in the package data."""
    artifact = json.loads(
        (COMMITTED["ViewershipRegistry.json"] / "ViewershipRegistry.json").read_text()
    )
    assert artifact["compiler"]["version"].startswith("0.8.37+")
    assert artifact["compiler"]["settings"]["optimizer"] == {"enabled": True, "runs": 1_000_000}
    assert "src/ViewershipRegistry.sol" in artifact["metadata"]["sources"]
    assert len(registry_abi().bytecode) < 24_576  # EIP-170 limits deployed code


def test_the_lockfile_names_no_download_host() -> None:
    """Installing takes packages from the configured registry and checks their hashes."""
    lock = json.loads((CONTRACTS / "package-lock.json").read_text())
    packages = {name: entry for name, entry in lock["packages"].items() if name}
    assert packages
    assert not [name for name, entry in packages.items() if "resolved" in entry]
    assert not [name for name, entry in packages.items() if "integrity" not in entry]
