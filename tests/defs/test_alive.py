"""Runs that were killed are cleared away by the next one; living ones are left alone."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.storage.dagster_run import DagsterRunStatus

from analytics_pipeline.defs.alive import alive_run
from analytics_pipeline.defs.instance import open_instance
from analytics_pipeline.settings import load_settings

POOL = "duckdb_writer"
RUN_ID = "11111111-1111-4111-8111-111111111111"
#: Starts a run, takes its slot, says so, and waits to be killed.
RUNNER = f"""
import sys
from pathlib import Path
from dagster._core.storage.dagster_run import DagsterRunStatus
from analytics_pipeline.defs.alive import alive_run
from analytics_pipeline.defs.instance import open_instance
from analytics_pipeline.settings import load_settings
settings = load_settings()
with open_instance(settings) as instance, alive_run(settings.home, instance, "{RUN_ID}"):
    instance.run_storage.add_run(__import__("dagster").DagsterRun(
        "daily", run_id="{RUN_ID}", status=DagsterRunStatus.STARTED))
    instance.event_log_storage.initialize_concurrency_limit_to_default("{POOL}")
    claim = instance.event_log_storage.claim_concurrency_slot("{POOL}", "{RUN_ID}", "dbt_models")
    print(claim.is_claimed, flush=True)
    sys.stdin.read()
"""


def taken(instance: dg.DagsterInstance) -> int:
    """Slots of the pool that somebody holds."""
    return instance.event_log_storage.get_concurrency_info(POOL).active_slot_count


@pytest.mark.parametrize("killed", [True, False])
def test_a_killed_run_gives_its_slot_back(tmp_path: Path, killed: bool) -> None:
    """Its slot is freed and it shows as failed; a run that is alive keeps both."""
    environ = {**os.environ, "ANALYTICS_HOME": str(tmp_path)}
    runner = subprocess.Popen(
        [sys.executable, "-c", RUNNER],
        env=environ,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert runner.stdout is not None
    assert runner.stdout.readline() == "True\n"
    if killed:
        runner.send_signal(signal.SIGKILL)
        runner.wait(10)
    settings = load_settings(environ)
    with open_instance(settings) as instance:
        assert taken(instance) == 1
        with alive_run(settings.home, instance, "22222222-2222-4222-8222-222222222222"):
            assert taken(instance) == (0 if killed else 1)
            run = instance.get_run_by_id(RUN_ID)
            assert run is not None
            expected = DagsterRunStatus.FAILURE if killed else DagsterRunStatus.STARTED
            assert run.status == expected
    runner.communicate("", timeout=30)
    left = sorted((tmp_path / "dagster" / "alive").glob("*.run"))
    assert left == []
