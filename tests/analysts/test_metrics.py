"""The semantic layer: every metric is over the exports, and MetricFlow answers what SQL answers."""

import csv
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from analytics_pipeline.defs import metricflow_command
from analytics_pipeline.defs.dbt_manifest import prepare_manifest
from analytics_pipeline.storage.keyring import Keyring
from analytics_pipeline.storage.warehouse import open_warehouse
from tests.analysts.conftest import DAYS, Home

PAGE = Path(__file__).parents[2] / "docs" / "analysts.md"
MISSING = "Rows about fewer than k viewers are missing."


@pytest.fixture(scope="module")
def semantic() -> dict[str, Any]:
    """What dbt makes of the project for MetricFlow."""
    path = prepare_manifest().with_name("semantic_manifest.json")
    return dict(json.loads(path.read_text()))


def query(home: Home, folder: Path, *arguments: str) -> list[dict[str, str]]:
    """`analytics-pipeline mf query …`, its rows."""
    path = folder / "answer.csv"
    result = home.run("mf", "query", *arguments, "--csv", str(path))
    assert result.returncode == 0, result.stdout + result.stderr
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_metrics_read_exports_and_nothing_else(semantic: dict[str, Any]) -> None:
    """There is no way round the rule of k viewers through the semantic layer."""
    relations = {model["node_relation"]["relation_name"] for model in semantic["semantic_models"]}
    assert len(relations) == len(semantic["semantic_models"]) == 8
    assert all(name.startswith('"warehouse"."exports"."export_') for name in relations), relations


def test_every_metric_says_what_it_is_and_what_may_be_missing(semantic: dict[str, Any]) -> None:
    """An analyst who reads one description is warned."""
    for metric in semantic["metrics"]:
        assert metric["label"], metric["name"]
        assert metric["description"].endswith(MISSING), metric["name"]
        assert len(metric["description"]) > len(MISSING) + 5, metric["name"]
    names = {metric["name"] for metric in semantic["metrics"]}
    assert names >= {
        *("daily_active_viewers", "plays", "watch_seconds", "average_watch_seconds"),
        *("completion_rate", "play_rate", "peak_concurrent_views", "rebuffer_ratio"),
        *("startup_ms_p50", "startup_ms_p95", "video_plays", "creator_plays", "region_plays"),
    }


@pytest.mark.slow
def test_metrics_by_day_are_those_of_sql(home: Home, tmp_path: Path) -> None:
    """Counts, a mean, ratios; the day of few viewers is in no row."""
    metrics = "plays,daily_active_viewers,completion_rate,average_watch_seconds"
    rows = query(home, tmp_path, "--metrics", metrics, "--group-by", "metric_time")
    expected = home.sql(
        "SELECT day, plays, daily_active_viewers, completions / plays AS completion_rate, "
        "watch_seconds / sessions AS average_watch_seconds "
        "FROM warehouse.exports.export_platform_day"
    )
    found = {row["metric_time__day"][:10]: row for row in rows}
    assert found.keys() == {day.isoformat() for day in DAYS[:2]}
    for row in expected.to_dicts():
        for metric in metrics.split(","):
            answer = float(found[row["day"].isoformat()][metric])
            assert answer == pytest.approx(row[metric], rel=1e-9), metric


def test_the_page_lists_every_metric(semantic: dict[str, Any]) -> None:
    """And none that is gone."""
    table = PAGE.read_text().partition("| Metrics | Of |")[2].partition("\n\n")[0]
    assert sorted(re.findall(r"`(\w+)`", table)) == sorted(m["name"] for m in semantic["metrics"])


@pytest.mark.slow
@pytest.mark.parametrize(
    ("metrics", "group", "table", "expressions"),
    [
        (
            "video_plays,video_completion_rate,video_peak_concurrent_views",
            "video",
            "export_video_day",
            ("sum(plays)", "sum(completions) / sum(plays)", "max(peak_concurrent_views)"),
        ),
        ("creator_viewer_days", "creator", "export_creator_day", ("sum(viewers)",)),
        ("region_watch_seconds", "country", "export_region_day", ("sum(watch_seconds)",)),
        (
            "rebuffer_ratio,startup_ms_p95,error_rate",
            "provider",
            "export_storage_provider_day",
            (
                "sum(stalled_seconds) / sum(watch_seconds + stalled_seconds)",
                "median(startup_ms_p95)",
                "sum(errors) / sum(views)",
            ),
        ),
        ("plays_ended", "retention_part__bin", "export_retention_day", ("sum(furthest)",)),
        (
            "concurrent_views",
            "concurrency_minute__minute_of_day",
            "export_concurrency_minute",
            ("max(peak_concurrent_views)",),
        ),
    ],
)
def test_metrics_by_group_are_those_of_sql(
    home: Home, tmp_path: Path, metrics: str, group: str, table: str, expressions: tuple[str, ...]
) -> None:
    """Each semantic model, by what it is about."""
    column = {"video": "video_id", "creator": "creator_id"}.get(group, group.partition("__")[2])
    column = {"minute_of_day": "minute"}.get(column or group, column or group)
    rows = query(home, tmp_path, "--metrics", metrics, "--group-by", group)
    names = metrics.split(",")
    selected = ", ".join(f"{e} AS {name}" for name, e in zip(names, expressions, strict=True))
    expected = home.sql(
        f"SELECT {column}, {selected} FROM warehouse.exports.{table} GROUP BY {column}"
    ).to_dicts()
    found = {row[group]: row for row in rows}
    assert len(found) == len(expected) > 0
    for row in expected:
        for name in names:
            assert float(found[str(row[column])][name]) == pytest.approx(row[name], rel=1e-9)


@pytest.mark.slow
def test_configs_are_valid_against_the_warehouse(home: Home) -> None:
    """MetricFlow's own judgement, with a query for every model, dimension, measure and metric."""
    result = home.run("mf", "validate-configs")
    assert result.returncode == 0, result.stdout
    judged = result.stdout.count("(ERRORS: 0, FUTURE_ERRORS: 0, WARNINGS: 0)")
    assert judged == 6, result.stdout


@pytest.mark.slow
def test_a_query_leaves_neither_key_nor_lock(home: Home, tmp_path: Path) -> None:
    """Logs hold SQL; afterwards a writer opens the warehouse."""
    query(home, tmp_path, "--metrics", "plays", "--group-by", "metric_time__week")
    key = Keyring(home.settings.keys_dir).storage_key("warehouse")
    logs = [path for path in (home.settings.home / "logs").iterdir() if path.is_file()]
    assert any("export_platform_day" in path.read_text() for path in logs)
    assert not any(key.hex() in path.read_text() for path in logs)
    with open_warehouse(home.settings.warehouse_path, key):
        pass


def test_without_metricflow_it_says_what_to_install(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An operator's installation does not have it."""
    monkeypatch.setenv("ANALYTICS_HOME", str(home.settings.home))
    monkeypatch.setitem(sys.modules, "dbt_metricflow", None)
    with pytest.raises(metricflow_command.MetricFlowMissing, match="pip install 'dbt-metricflow"):
        metricflow_command.run_metricflow(["list", "metrics"])


def test_while_another_process_writes_it_says_so(home: Home) -> None:
    """One line instead of a page of dbt's."""
    hold = (
        "import sys; from analytics_pipeline.storage.keyring import Keyring\n"
        "from analytics_pipeline.storage.warehouse import open_warehouse\n"
        "from analytics_pipeline.settings import load_settings\n"
        "settings = load_settings()\n"
        "key = Keyring(settings.keys_dir).storage_key('warehouse')\n"
        "with open_warehouse(settings.warehouse_path, key):\n"
        "    print('open', flush=True); sys.stdin.read()\n"
    )
    environ = {**os.environ, "ANALYTICS_HOME": str(home.settings.home)}
    pipe = subprocess.PIPE
    with subprocess.Popen([sys.executable, "-c", hold], env=environ, stdin=pipe, stdout=pipe) as it:
        assert it.stdout is not None
        assert it.stdout.readline() == b"open\n"
        result = home.run("mf", "query", "--metrics", "plays")
        assert it.stdin is not None
        it.stdin.close()
    assert result.returncode == 1
    assert result.stderr.strip() == (
        "StoreError: warehouse warehouse.duckdb is open in another process; try again after it"
    )
