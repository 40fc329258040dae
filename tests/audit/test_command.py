"""`analytics-pipeline audit`: an auditor far from the operator's stores, and the operator."""

import json
import os
import stat
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from analytics_pipeline.core.audit import STEP_NAMES
from analytics_pipeline.core.audit_grant import Grant, build_grant, parse_grant
from analytics_pipeline.core.circuits import build_circuits
from analytics_pipeline.core.sampler import Seed
from analytics_pipeline.defs.audit_grant import write_grant
from tests.audit.operator import Operator

#: Every test computes a day again in processes of its own.
pytestmark = pytest.mark.slow

COMMAND = (sys.executable, "-m", "analytics_pipeline")


@dataclass(frozen=True)
class Desk:
    """Where the auditor sits: the published day, a table of circuits, no deployment."""

    folder: Path
    operator: Operator

    def grant(self, **changes: Any) -> Path:
        path = self.folder / f"grant-{'-'.join(changes)}.json"
        path.unlink(missing_ok=True)
        write_grant(replace(self.operator.grant, **changes), path)
        return path

    @property
    def sources(self) -> list[str]:
        """The published day; nobody checks its made-up proof."""
        circuits = ["--circuits", str(self.folder / "circuits.json")]
        return ["--folder", str(self.folder / "day"), *circuits, "--verifier", "none"]

    @property
    def temporary(self) -> Path:
        """The only place for temporary files."""
        return self.folder / "temporary"

    @property
    def ipfs(self) -> list[str]:
        return ["--ipfs", self.operator.deployment.settings.ipfs_location]

    def audit(
        self, *arguments: str | Path, home: Path | None = None, platform: str = "demo"
    ) -> subprocess.CompletedProcess[str]:
        day = str(self.operator.day)
        result = run(
            [*("audit", platform, day), *self.sources, *map(str, arguments)],
            {"ANALYTICS_HOME": str(home or self.folder / "no-home"), "TMPDIR": str(self.temporary)},
        )
        assert not list(self.temporary.iterdir())
        assert not (self.folder / "no-home").exists()
        return result


def run(
    arguments: Sequence[str], environ: Mapping[str, str], cwd: Path | None = None
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, *arguments],
        env={**os.environ, **environ, "COLUMNS": "200"},
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )


@pytest.fixture(scope="module")
def desk(operator: Operator, tmp_path_factory: pytest.TempPathFactory) -> Desk:
    folder = tmp_path_factory.mktemp("auditor")
    published = operator.publish()
    for name, data in published.files.items():
        path = folder / "day" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    (folder / "circuits.json").write_bytes(build_circuits(published.circuits.entries))
    desk = Desk(folder, operator)
    desk.temporary.mkdir()
    return desk


def test_auditor_with_a_grant(desk: Desk) -> None:
    """Bundle, segments by CID and grant are enough; every step is shown, and no secret."""
    result = desk.audit("--grant", desk.grant(), *desk.ipfs)
    assert result.returncode == 0, result.stdout + result.stderr
    assert all(f"{n}  {name}" in result.stdout for n, name in enumerate(STEP_NAMES))
    assert "Audited. demo" in result.stdout
    assert "proof trusted, not checked" in result.stdout
    assert "development set-up: convinces nobody" in result.stdout
    grant = desk.operator.grant
    for secret in (grant.selection_key, *(segment.data_key for segment in grant.segments)):
        assert secret.hex() not in result.stdout + result.stderr


def test_operator_without_a_grant(desk: Desk, operator: Operator) -> None:
    """In the deployment itself the grant never becomes a file; its own store has the segments."""
    home = operator.deployment.settings.home
    before = {path for path in home.rglob("*") if path.is_file()}
    result = desk.audit("--json", home=home)
    document = json.loads(result.stdout)
    assert (result.returncode, document["audited"], document["error"]) == (0, True, None)
    assert [check["state"] for check in document["checks"]] == ["passed"] * len(STEP_NAMES)
    assert document["release"] == f"demo {operator.day} revision 1"
    assert {path for path in home.rglob("*") if path.is_file()} == before


def test_lie_has_its_name_and_exit_code_1(desk: Desk) -> None:
    """As text and as JSON."""
    first, second = desk.operator.grant.segments
    swapped = desk.grant(segments=(replace(first, data_key=second.data_key), second))
    result = desk.audit("--grant", swapped, *desk.ipfs)
    assert result.returncode == 1
    assert "Does not follow from the segments: WrongDataKey (step 2)" in result.stderr
    assert "not reached" in result.stdout
    document = json.loads(desk.audit("--json", "--grant", swapped, *desk.ipfs).stdout)
    assert (document["audited"], document["error"]) == (False, "WrongDataKey")
    assert [check["passed"] for check in document["checks"]] == [True, True, False]


def test_wrong_seed(desk: Desk) -> None:
    """Nothing is decrypted for a seed that opens no commitment."""
    result = desk.audit("--json", "--grant", desk.grant(seed=Seed(1, 2)), *desk.ipfs)
    assert (result.returncode, json.loads(result.stdout)["error"]) == (1, "SeedDiffers")


def test_bundle_that_does_not_verify(desk: Desk, operator: Operator) -> None:
    """Step 0 is `verify`: its lies keep their names."""
    report = desk.folder / "day" / "bundle" / "report.json"
    honest = report.read_bytes()
    report.write_bytes(honest.replace(b'"viewers"', b'"visitors"', 1))
    try:
        result = desk.audit("--grant", desk.grant(), *desk.ipfs)
    finally:
        report.write_bytes(honest)
    assert result.returncode == 1
    assert "Does not verify: BundleMismatch" in result.stderr


def loose(desk: Desk) -> Path:
    path = desk.grant()
    path.chmod(0o644)
    return path


def test_wrong_input_is_exit_code_2(desk: Desk, operator: Operator, tmp_path: Path) -> None:
    """A grant of another release, one that others can read, none at all, another platform."""
    wrong: dict[str, list[str | Path]] = {
        "is of demo": ["--grant", desk.grant(revision=2), *desk.ipfs],
        "readable by others": ["--grant", loose(desk), *desk.ipfs],
        "no deployment": [*desk.ipfs],
        "instead of --chain": ["--chain", "http://127.0.0.1:1"],
    }
    for says, arguments in wrong.items():
        result = desk.audit(*arguments)
        assert (result.returncode, says in result.stderr) == (2, True), result.stderr


def test_segments_out_of_reach_is_exit_code_3(desk: Desk, tmp_path: Path) -> None:
    """Nothing is said about the release."""
    (tmp_path / "ipfs").mkdir()
    result = desk.audit("--json", "--grant", desk.grant(), "--ipfs", tmp_path / "ipfs")
    document = json.loads(result.stdout)
    assert (result.returncode, document["audited"]) == (3, None)
    assert document["error"] == "ContentUnavailable"


def test_stopped_half_way(desk: Desk, operator: Operator) -> None:
    """While the models run over decrypted events: nothing of them stays, and nobody goes on."""
    temporary = desk.temporary
    arguments = [*desk.sources, "--grant", str(desk.grant()), *desk.ipfs]
    started = subprocess.Popen(
        [*COMMAND, "audit", "demo", str(operator.day), *arguments],
        env={**os.environ, "TMPDIR": str(temporary)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    deadline = time.monotonic() + 120
    while not list(temporary.glob("*/dbt/*")):  # dbt has begun to write
        assert started.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.05)
    started.terminate()
    assert started.wait(60) == 130
    assert not list(temporary.iterdir())
    time.sleep(2)  # a process that went on would write its folder again
    assert not list(temporary.iterdir())


def test_grant_command(operator: Operator, tmp_path: Path) -> None:
    """Says what it hands out, writes for the owner alone, and replaces nothing."""
    environ = {"ANALYTICS_HOME": str(operator.deployment.settings.home)}
    arguments = ["audit", "grant", str(operator.day)]
    result = run(arguments, environ, tmp_path)
    assert result.returncode == 0, result.stderr
    assert "every event of the day" in " ".join(result.stderr.split())
    path = tmp_path / f"grant-demo-{operator.day}.json"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert parse_grant(path.read_bytes()) == operator.grant
    written: Grant = operator.grant
    assert path.read_bytes() == build_grant(written)
    assert path.name in result.stdout
    again = run(arguments, environ, tmp_path)
    assert again.returncode == 1
    assert "exists" in again.stderr
