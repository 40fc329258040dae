"""The dbt manifest Dagster builds its graph from: parsed when missing or stale, else reused.

`dagster dev` marks its processes as development, and dagster-dbt would then parse before every
step (seconds each). Here the manifest carries a digest of the project's files and of the dbt
version; equal digest, no parse. A file lock lets the first of several starting processes parse.
"""

import fcntl
import hashlib
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path

PROJECT_DIR = Path(__file__).resolve().parents[2] / "dbt_project"
TARGET_DIR = PROJECT_DIR / "target"
_IGNORED = {"target", "logs", "dbt_packages", "__pycache__"}
_SOURCES = {".sql", ".yml", ".yaml", ".csv", ".md", ".py"}


def project_digest(project_dir: Path = PROJECT_DIR) -> str:
    """SHA-256 over the path and content of every file dbt parses, and dbt's versions."""
    digest = hashlib.sha256(f"{version('dbt-core')} {version('dbt-duckdb')}".encode())
    for path in sorted(project_dir.rglob("*")):
        relative = path.relative_to(project_dir)
        if path.suffix in _SOURCES and not _IGNORED & set(relative.parts):
            digest.update(f"\0{relative.as_posix()}\0".encode())
            digest.update(path.read_bytes())
    return digest.hexdigest()


def prepare_manifest(
    environ: Mapping[str, str], project_dir: Path = PROJECT_DIR, target_dir: Path = TARGET_DIR
) -> Path:
    """Return the path of an up-to-date `manifest.json`, parsing the project only if needed.

    Args:
        environ: the environment dbt parses under (see `dbt_environment`).
    Raises:
        RuntimeError: dbt rejected the project; the message is dbt's own.
    """
    manifest, stamp = target_dir / "manifest.json", target_dir / "manifest.sha256"
    target_dir.mkdir(parents=True, exist_ok=True)
    with _locked(target_dir / "manifest.lock"):
        digest = project_digest(project_dir)
        if manifest.exists() and stamp.exists() and stamp.read_text() == digest:
            return manifest
        stamp.unlink(missing_ok=True)
        _parse(environ, project_dir, target_dir)
        stamp.write_text(digest)
    return manifest


def _parse(environ: Mapping[str, str], project_dir: Path, target_dir: Path) -> None:
    command = [sys.executable, "-m", "dbt.cli.main", "--quiet", "parse"]
    overrides = {
        "DBT_TARGET_PATH": str(target_dir),
        "DBT_LOG_PATH": str(target_dir),
        "DBT_PROFILES_DIR": str(project_dir),
        "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
    }
    result = subprocess.run(  # noqa: S603 (fixed command)
        command,
        cwd=project_dir,
        env={**os.environ, **environ, **overrides},
        capture_output=True,
        text=True,
        check=False,
    )
    if result.returncode != 0:
        raise RuntimeError(f"dbt parse failed:\n{result.stdout}{result.stderr}")


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
