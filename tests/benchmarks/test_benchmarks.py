"""The benchmarks run, print what docs/benchmarks.md explains, and leave nothing behind."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.machine import run_command, run_in_child

ROOT = Path(__file__).parents[2]
EVENTS = 2_000


def _fill(size_mib: int) -> int:
    """Hold so much memory for a moment. Stands at module level to be found by the child."""
    return len(bytearray(b"x") * (size_mib * 2**20)) // 2**20


def _shout() -> str:
    os.write(1, b"not a result")
    return "a result"


def test_peak_memory_is_the_childs_own() -> None:
    """A child's peak follows what it does, not what its parent holds."""
    ballast = bytearray(b"x") * (300 * 2**20)

    small, large = run_in_child(_fill, 1), run_in_child(_fill, 150)

    assert len(ballast) // 2**20 == 300
    assert small.peak_mib < 200
    assert 140 <= large.peak_mib - small.peak_mib <= 160


def test_output_of_a_child_is_not_taken_for_its_result() -> None:
    """What a library writes to standard output goes elsewhere."""
    assert run_in_child(_shout).value == "a result"


def test_failing_stage_ends_the_benchmark() -> None:
    """No figure without a stage that worked."""
    with pytest.raises(RuntimeError, match="_fill"):
        run_in_child(_fill, "no number")
    with pytest.raises(RuntimeError, match="gone wrong"):
        run_command([sys.executable, "-c", "raise SystemExit('gone wrong')"], {}, ROOT)


@pytest.mark.slow
def test_pipeline_benchmark_measures_every_stage(tmp_path: Path) -> None:
    """All stages and their floors, over a small day; the temporary home is removed."""
    result = subprocess.run(
        [sys.executable, "-m", "benchmarks.pipeline", "--events", str(EVENTS), "--json"],
        env={**os.environ, "TMPDIR": str(tmp_path)},
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )

    assert result.returncode == 0, result.stderr
    figures = json.loads(result.stdout)
    assert figures.pop("machine")["cores"] == os.cpu_count()
    assert figures.pop("events") == EVENTS
    assert all(value > 0 for value in figures.values()), figures
    parts = ("dbt_models_seconds", "dbt_tests_seconds", "dbt_start_seconds")
    assert sum(figures[part] for part in parts) == pytest.approx(figures["dbt_seconds"], abs=0.1)
    documented = (ROOT / "docs" / "benchmarks.md").read_text("utf-8")
    assert {name for name in figures if f"`{name}`" not in documented} == set()
    assert list(tmp_path.glob("benchmark-*")) == []
