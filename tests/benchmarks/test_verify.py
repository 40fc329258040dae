"""The benchmark of verifying: its made-up history verifies; it prints what the page explains."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.history import make_history
from tests.cli.test_verify import run

ROOT = Path(__file__).parents[2]


def test_the_made_up_history_verifies(tmp_path: Path) -> None:
    """Every check but that of the proof does its whole work, from the folder and from the CAR."""
    made = make_history(2, tmp_path)
    for path in (made.folder, made.car):
        code, output = run(
            *("verify", "--all", str(path), "--circuits", str(made.circuits)),
            *("--verifier", "none", "--json"),
        )
        document = json.loads(output)
        assert code == 0, output
        assert document["counts"]["verified"] == 2
        assert {tuple(each["trusted"]) for each in document["releases"]} == {("proof",)}
        assert document["reservations"] == []


@pytest.mark.slow
def test_every_figure_is_explained(tmp_path: Path) -> None:
    """All keys are above zero and on the page; the temporary folder is removed."""
    result = subprocess.run(
        [sys.executable, "-m", "benchmarks.verify", "--days", "3", "--json"],
        env={**os.environ, "TMPDIR": str(tmp_path)},
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=290,
    )
    assert result.returncode == 0, result.stderr
    figures = json.loads(result.stdout)
    assert figures.pop("machine")["cores"] == os.cpu_count()
    assert all(value > 0 for value in figures.values()), figures
    documented = (ROOT / "docs" / "benchmarks.md").read_text("utf-8")
    assert {name for name in figures if f"`{name}`" not in documented} == set()
    assert list(tmp_path.glob("benchmark-*")) == []
