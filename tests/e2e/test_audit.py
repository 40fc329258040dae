"""Days that were really published, under a real proof, computed again from their segments."""

import json
import os
import subprocess
import sys
from datetime import date, timedelta
from pathlib import Path

import pytest

from analytics_pipeline.storage.catalogue import expire_day
from tests.e2e.conftest import Deployment
from tests.support.home_copy import HomeCopy


def day_of(deployment: Deployment, position: int) -> date:
    return deployment.spec.first_day + timedelta(days=position)


@pytest.mark.slow
def test_operator_audits_a_day(deployment: Deployment) -> None:
    """The day was computed in a range of days and is computed alone here: the same bytes."""
    result = deployment.cli("audit", "demo", str(day_of(deployment, 1)), "--json")
    document = json.loads(result.stdout)
    assert (result.returncode, document["audited"]) == (0, True), result.stdout + result.stderr
    assert all(check["passed"] for check in document["checks"])
    assert len(document["checks"]) == 7


@pytest.mark.slow
def test_auditor_with_grant_and_saved_day(deployment: Deployment, tmp_path: Path) -> None:
    """Elsewhere, with nothing but the grant, the saved bundle and the sealed segments."""
    day = str(day_of(deployment, 2))
    grant, saved = str(tmp_path / "grant.json"), str(tmp_path / "day")
    assert deployment.cli("audit", "grant", day, "--out", grant).returncode == 0
    assert deployment.cli("verify", "demo", day, "--save", saved).returncode == 0
    blocks = str(deployment.home / "ipfs")
    result = subprocess.run(
        [
            *(sys.executable, "-m", "analytics_pipeline", "audit", "demo", day),
            *("--grant", grant, "--folder", saved, "--ipfs", blocks),
        ],
        env={**os.environ, "ANALYTICS_HOME": str(tmp_path / "none")},
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )
    assert result.returncode == 0, result.stdout + result.stderr
    assert "every byte was computed again" in result.stdout
    assert not (tmp_path / "none").exists()


def test_expired_day_stays_verifiable_and_is_no_longer_auditable(copy: HomeCopy) -> None:
    """What was released keeps its proof; the operator has nothing to hand out any more."""
    with copy.stores() as stores:
        expire_day(stores.catalogue, "demo", copy.days[0], "retention time is over")
    outcomes = {}
    for command in ("verify", "audit"):
        result = subprocess.run(
            [sys.executable, "-m", "analytics_pipeline", command, "demo", str(copy.days[0])],
            env={**os.environ, **copy.environ},
            capture_output=True,
            text=True,
            timeout=280,
            check=False,
        )
        outcomes[command] = (result.returncode, "EventsExpired" in result.stderr)
    assert outcomes == {"verify": (0, False), "audit": (3, True)}
