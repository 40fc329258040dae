"""Runs take turns, whoever started them; a killed one gives its turn back."""

import os
import subprocess
import sys
from collections import Counter

import dagster as dg
import pytest

from analytics_pipeline.core.record import CommitRecord
from analytics_pipeline.defs.instance import open_instance
from analytics_pipeline.defs.turn import WAITING, taking_turns
from analytics_pipeline.storage.catalogue import list_releases, list_spends
from tests.defs.support import DAYS, Deployment, build_sessions

#: Takes its turn, says so, and keeps it.
HOLDER = """
import sys
from analytics_pipeline.defs.stores import Stores
from analytics_pipeline.defs.turn import taking_turns
from analytics_pipeline.settings import load_settings
with taking_turns(Stores(load_settings()), print):
    print("mine", flush=True)
    sys.stdin.read()
"""


def environ(deployment: Deployment) -> dict[str, str]:
    return {**os.environ, "ANALYTICS_HOME": str(deployment.settings.home)}


@pytest.mark.parametrize("killed", [True, False])
def test_the_next_run_waits_for_the_one_at_work(deployment: Deployment, killed: bool) -> None:
    """It says so once, and goes on when the other has ended, well or by kill -9."""
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER],
        env=environ(deployment),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert holder.stdout is not None
    assert holder.stdin is not None
    assert holder.stdout.readline() == "mine\n"
    said = []

    def say(line: str) -> None:
        said.append(line)
        assert holder.poll() is None
        if killed:
            holder.kill()
        else:
            holder.stdin.close()  # type: ignore[union-attr]

    stores = deployment.stores()
    with taking_turns(stores, say):
        holder.wait(30)
    stores.close()
    assert said == [WAITING]
    assert holder.returncode == (-9 if killed else 0)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_two_processes_that_run_the_same_days_make_one_release(deployment: Deployment) -> None:
    """At once, each with its own Dagster run: one releases, the other finds that nothing changed.
    No budget, proof or record is lost between them."""
    days = DAYS[:2]
    for position, day in enumerate(days):
        deployment.send(build_sessions(day, 12), tag=f"day{position}")
    deployment.seal()
    command = [sys.executable, "-m", "analytics_pipeline.defs", "run"]
    command += ["--from", days[0].isoformat(), "--to", days[1].isoformat()]
    processes = [
        subprocess.Popen(
            command,
            env=environ(deployment),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    outputs = [process.communicate(timeout=800) for process in processes]
    assert [process.returncode for process in processes] == [0, 0], outputs
    printed = sorted(stdout.splitlines() for stdout, _ in outputs)
    assert printed == sorted(
        [
            [f"{day} unchanged (revision 1)" for day in days] + ["2 days: 2 unchanged"],
            [f"{day} revision 1 released; rho 0.125 of 0.25" for day in days]
            + ["2 days: 2 released"],
        ]
    )
    assert sum(WAITING in stderr for _, stderr in outputs) == 1
    stores = deployment.stores()
    releases = list_releases(stores.catalogue, stores.platform)
    assert [(r.day, r.revision, r.released) for r in releases] == [(d, 1, True) for d in days]
    assert len(list_spends(stores.catalogue, stores.platform)) == 2
    found = stores.registry.read_evidence(stores.platform).records
    assert Counter(isinstance(r, CommitRecord) for r in found) == {True: 2, False: 2}
    stores.close()
    with open_instance(deployment.settings) as instance:
        statuses = {run.status for run in instance.get_runs()}
    assert statuses == {dg.DagsterRunStatus.SUCCESS}
