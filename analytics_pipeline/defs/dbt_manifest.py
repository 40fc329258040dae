"""dbt's environment, and the manifest Dagster builds its graph from.

`dagster dev` marks its processes as development, and dagster-dbt would then parse before every
step (seconds each). Here the manifest carries a digest of the project's files and of dbt's
versions: equal digest, no parse. A file lock lets the first of several starting processes parse.
"""

import fcntl
import hashlib
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Final

from analytics_pipeline.core.errors import PipelineError
from analytics_pipeline.settings import Settings
from analytics_pipeline.storage.dbt_environment import dbt_environment
from analytics_pipeline.storage.keyring import Keyring

PROJECT_DIR: Final = Path(__file__).resolve().parents[2] / "dbt_project"
TARGET_DIR: Final = PROJECT_DIR / "target"
DBT: Final = str(Path(sys.executable).with_name("dbt"))
_IGNORED = {"target", "logs", "__pycache__"}
_SOURCES = {".sql", ".yml", ".yaml", ".csv", ".md"}


class DbtProjectRejected(PipelineError):
    """dbt cannot parse the project; the message is dbt's own."""


def dbt_environ(settings: Settings, target_dir: Path | None = None) -> dict[str, str]:
    """The environment of a dbt process that reads and writes this deployment's data.

    Args:
        target_dir: where dbt writes artefacts; by default a folder of the deployment's.
    Raises:
        KeyUnavailable: the deployment has no keys yet.
    """
    keyring = Keyring(settings.keys_dir)
    return dbt_environment(
        platform=settings.platform,
        project_dir=PROJECT_DIR,
        warehouse_path=settings.warehouse_path,
        raw_dir=settings.raw_dir,
        retention_dir=keyring.retention.folder,
        temp_dir=settings.home / "tmp",
        target_dir=target_dir or settings.home / "dbt",
        warehouse_key=keyring.storage_key("warehouse"),
        raw_key=keyring.storage_key("raw"),
        selection_key=keyring.storage_key("video-selection"),
    )


def project_digest(project_dir: Path = PROJECT_DIR) -> str:
    """SHA-256 over the path and content of every file dbt parses, and dbt's versions."""
    digest = hashlib.sha256(f"{version('dbt-core')} {version('dbt-duckdb')}".encode())
    for path in sorted(project_dir.rglob("*")):
        relative = path.relative_to(project_dir)
        if path.suffix in _SOURCES and not _IGNORED & set(relative.parts):
            digest.update(f"\0{relative.as_posix()}\0".encode())
            digest.update(path.read_bytes())
    return digest.hexdigest()


def prepare_manifest(project_dir: Path = PROJECT_DIR, target_dir: Path = TARGET_DIR) -> Path:
    """The path of an up-to-date `manifest.json`; the project is parsed only if it changed.

    Parsing needs neither data nor keys, so it works before there are any.

    Raises:
        DbtProjectRejected: the project does not parse.
    """
    manifest, stamp = target_dir / "manifest.json", target_dir / "manifest.sha256"
    target_dir.mkdir(parents=True, exist_ok=True)
    with _locked(target_dir / "manifest.lock"):
        digest = project_digest(project_dir)
        if not (manifest.exists() and stamp.exists() and stamp.read_text() == digest):
            stamp.unlink(missing_ok=True)
            _parse(project_dir, target_dir)
            stamp.write_text(digest)
    return manifest


def _parse(project_dir: Path, target_dir: Path) -> None:
    no_key = bytes(32)
    environ = dbt_environment(
        platform="parse",
        project_dir=project_dir,
        warehouse_path=target_dir / "parse.duckdb",
        raw_dir=target_dir,
        retention_dir=target_dir,
        temp_dir=target_dir,
        target_dir=target_dir,
        warehouse_key=no_key,
        raw_key=no_key,
        selection_key=no_key,
    )
    # Partial parsing forgets the descriptions of tests over several models (dbt 1.11).
    flags = ["--quiet", "--no-use-colors", "--no-partial-parse"]
    result = subprocess.run(  # noqa: S603 (fixed command)
        [DBT, *flags, "parse"],
        cwd=project_dir,
        env={**os.environ, **environ},
        capture_output=True,
        text=True,
        check=False,
    )
    if result.returncode != 0:
        raise DbtProjectRejected(f"{result.stdout}{result.stderr}".strip())


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
