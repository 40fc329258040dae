"""Running dbt: again, for a missing day, for documentation; and what it leaves on disk."""

import base64
import json
import os
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest

from analytics_pipeline.core.errors import InvalidInput
from analytics_pipeline.defs.dbt_failure import DbtFailed, load_failures
from analytics_pipeline.storage.dbt_environment import dbt_environment
from analytics_pipeline.storage.warehouse import MARTS
from tests.dbt import hand_made
from tests.dbt.conftest import LATER_DAY, RANDOM_DAY, Built
from tests.dbt.deployment import PROJECT_DIR, Deployment


def test_every_model_and_test_ran(built: Built) -> None:
    """Unit tests and data tests are part of the build, and all passed."""
    results = json.loads((built.deployment.target_dir / "run_results.json").read_text())["results"]
    ran = {result["unique_id"].split(".")[-1] for result in results}
    assert {path.stem for path in PROJECT_DIR.glob("models/*/*.sql")} <= ran
    assert {path.stem for path in PROJECT_DIR.glob("tests/*.sql")} <= ran
    assert sum(result["unique_id"].startswith("unit_test.") for result in results) >= 10
    assert {result["status"] for result in results} <= {"success", "pass", "no-op"}


def test_every_model_is_described() -> None:
    """Each model has a file of its own name with a description and tests."""
    for path in PROJECT_DIR.glob("models/*/*.sql"):
        text = path.with_suffix(".yml").read_text()
        assert f"- name: {path.stem}\n" in text
        assert "description: >" in text or "description: " in text
        assert "data_tests:" in text


@pytest.mark.slow
def test_building_again_replaces_a_day_and_only_that_day(built: Built) -> None:
    """A day that lost its events loses its rows too; the others stay as they are."""
    before = {
        (mart, day): built.deployment.rows(mart, day)
        for mart in MARTS
        for day in (RANDOM_DAY, hand_made.DAY)
    }
    assert built.deployment.rows("video_day", LATER_DAY)
    built.deployment.write_events(LATER_DAY, [])
    result = built.deployment.build(LATER_DAY, LATER_DAY, "--exclude-resource-type", "unit_test")
    assert result.returncode == 0, result.stdout
    for (mart, day), rows in before.items():
        assert built.deployment.rows(mart, day) == rows
    for mart in MARTS:
        rows = built.deployment.rows(mart, LATER_DAY)
        if mart == "tally":
            assert len(rows) == len(built.deployment.rows(mart, hand_made.DAY))
            assert not any(row["value"] for row in rows)
        elif mart in ("platform_day", "concurrency_day"):
            assert len(rows) == 1
            assert not any(rows[0].values())
        else:
            assert rows == []


@pytest.mark.slow
def test_a_selected_mart_builds_without_the_others(built: Built) -> None:
    """`--select +platform_day`: no test asks for a model that the selection leaves out."""
    day, models = hand_made.DAY, ("--exclude-resource-type", "unit_test")
    result = built.deployment.build(day, day, "--select", "+platform_day", *models)
    assert result.returncode == 0, result.stdout
    assert "region_day" not in result.stdout


@pytest.mark.slow
def test_a_missing_day_is_an_error(built: Built) -> None:
    """A day the raw layer lacks stops the build at the source, names itself, changes nothing."""
    before = {mart: built.deployment.rows(mart, hand_made.DAY) for mart in MARTS}
    missing = LATER_DAY + timedelta(days=1)
    result = built.deployment.build(
        hand_made.DAY, missing, "--select", "+platform_day", "--exclude-resource-type", "unit_test"
    )
    assert result.returncode != 0
    assert f"no events of demo on {missing}" in result.stdout
    failures, _ = load_failures(built.deployment.target_dir, "not this")
    assert f"no events of demo on {missing}" in failures[0]
    assert failures[0].startswith(("test ", "model "))
    assert {mart: built.deployment.rows(mart, hand_made.DAY) for mart in MARTS} == before
    assert built.deployment.rows("platform_day", missing) == []


def test_a_failed_build_says_which_nodes(tmp_path: Path) -> None:
    """The first five failures are shown; without results, what dbt printed last."""
    results = [{"unique_id": "model.p.stg", "status": "success", "message": "OK"}]
    results += [
        {"unique_id": f"test.p.t{number}.abc", "status": "fail", "message": "Got 2\nresults"}
        for number in range(7)
    ]
    assert load_failures(tmp_path, "x. Errors parsed from dbt logs:\n\nno such file")[0] == [
        "no such file"
    ]
    (tmp_path / "run_results.json").write_text(json.dumps({"results": results}))
    failures, log = load_failures(tmp_path, "not this")
    assert failures[0] == "test t0: Got 2 results"
    message = str(DbtFailed(failures, log))
    assert "test t4:" in message
    assert "test t5:" not in message
    assert "… and 2 more" in message
    quoting = "Runtime Error in model stg\n  Conversion Error: Could not convert 's-7' to INT64"
    [failed] = [{"unique_id": "model.p.stg", "status": "error", "message": quoting}]
    (tmp_path / "run_results.json").write_text(json.dumps({"results": [failed]}))
    assert load_failures(tmp_path, "not this")[0] == ["model stg: Conversion Error: see dbt's log"]


@pytest.mark.slow
def test_a_build_without_days_says_so(built: Built) -> None:
    """Nobody builds a day by accident."""
    result = built.deployment.dbt("build")
    assert result.returncode != 0
    assert "Say which days to build" in result.stdout


@pytest.mark.slow
def test_static_documentation(built: Built) -> None:
    """One page that opens without a server, made without days and without a network."""
    result = built.deployment.dbt("docs", "generate", "--static")
    assert result.returncode == 0, result.stdout
    page = (built.deployment.target_dir / "static_index.html").read_text()
    assert "storage_provider_day" in page


def test_nothing_secret_is_left_on_disk(built: Built) -> None:
    """Neither session, pseudonym nor key stands in a file, a log or what dbt printed."""
    deployment = built.deployment
    words = [session["session_id"].encode() for session in hand_made.SESSIONS.values()]
    words += [session["viewer"].encode() for session in hand_made.SESSIONS.values()]
    words += [b"random-session-0"]
    for key in (deployment.warehouse_key, deployment.raw_key, deployment.selection_key):
        words += [key, key.hex().encode(), base64.b64encode(key)]
        for pad in (0x36, 0x5C):  # what the plugin hands to DuckDB
            words += [bytes(byte ^ pad for byte in key).hex().encode()]
    files = [path for path in deployment.home.rglob("*") if path.is_file()]
    assert {"warehouse.duckdb", "manifest.json", "dbt.log"} <= {path.name for path in files}
    outputs = {str(path): path.read_bytes() for path in files}
    outputs["printed"] = (built.result.stdout + built.result.stderr).encode()
    for place, content in outputs.items():
        for word in words:
            assert word not in content, place


def test_keys_of_another_length_are_refused() -> None:
    """The variable is named, the key is not repeated."""
    with pytest.raises(InvalidInput, match="DBT_ENV_SECRET_RAW_KEY") as caught:
        dbt_environment(
            platform="demo",
            project_dir=PROJECT_DIR,
            warehouse_path=PROJECT_DIR,
            raw_dir=PROJECT_DIR,
            retention_dir=PROJECT_DIR,
            temp_dir=PROJECT_DIR,
            target_dir=PROJECT_DIR,
            warehouse_key=bytes(32),
            raw_key=b"short",
            selection_key=bytes(32),
        )
    assert "short" not in str(caught.value)


@pytest.mark.slow
def test_sql_is_clean(tmp_path: Path) -> None:
    """sqlfluff with dbt's templater finds nothing (models and singular tests)."""
    environment = Deployment(tmp_path).environment() | {"WAREHOUSE_PATH": ":memory:"}
    result = subprocess.run(
        [Path(sys.executable).with_name("sqlfluff"), "lint", PROJECT_DIR.name],
        cwd=PROJECT_DIR.parent,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )
    assert result.returncode == 0, result.stdout
