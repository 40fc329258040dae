"""The committed artifacts are what the sources compile to."""

import filecmp
import json
import subprocess
from pathlib import Path

import pytest

from tests.chain.node_tools import CONTRACTS, node_command

ROOT = Path(__file__).parents[2]
SHIPPED = ROOT / "analytics_pipeline" / "chain" / "artifacts"
FOR_TESTS = ROOT / "tests" / "chain" / "artifacts"
COMMITTED = {
    "ViewershipRegistry.json": SHIPPED,
    "HonkReleaseVerifier.json": SHIPPED,
    "ReportChecker.json": SHIPPED,
    "BindingVerifier.json": FOR_TESTS,
    "StandInHonk.json": FOR_TESTS,
}


@pytest.mark.node
def test_a_rebuild_gives_the_same_bytes(installed_contracts: Path, tmp_path: Path) -> None:
    """`npm ci` and a build in a fresh copy reproduce every artifact byte for byte."""
    command = [*node_command(), "build.mjs", str(tmp_path)]
    subprocess.run(command, cwd=installed_contracts, check=True, capture_output=True, timeout=120)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(COMMITTED)
    for name, folder in COMMITTED.items():
        assert filecmp.cmp(tmp_path / name, folder / name, shallow=False), name


def test_every_artifact_is_rebuilt() -> None:
    """None is left over, or kept out of the comparison above."""
    found = [path.name for folder in (SHIPPED, FOR_TESTS) for path in folder.glob("*.json")]
    assert sorted(found) == sorted(COMMITTED)


@pytest.mark.parametrize("name", ["ViewershipRegistry", "HonkReleaseVerifier", "ReportChecker"])
def test_artifacts_name_their_compiler(name: str) -> None:
    """An auditor finds compiler, optimizer and source hashes in the package data."""
    artifact = json.loads((SHIPPED / f"{name}.json").read_text())
    assert artifact["compiler"]["version"].startswith("0.8.37+")
    settings = artifact["compiler"]["settings"]
    assert settings["optimizer"] == {"enabled": True, "runs": 1_000_000}
    assert settings["viaIR"] is True
    assert f"src/{name}.sol" in artifact["metadata"]["sources"]
    code = bytes.fromhex(artifact["deployedBytecode"][2:])
    assert 0 < len(code) < 24_576  # EIP-170


def test_the_lockfile_names_no_download_host() -> None:
    """Installing takes packages from the configured registry and checks their hashes."""
    lock = json.loads((CONTRACTS / "package-lock.json").read_text())
    packages = {name: entry for name, entry in lock["packages"].items() if name}
    assert packages
    assert not [name for name, entry in packages.items() if "resolved" in entry]
    assert not [name for name, entry in packages.items() if "integrity" not in entry]
