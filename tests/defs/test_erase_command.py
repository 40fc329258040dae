"""`erase` from the command line, and the job behind it, on a day old enough."""

import json
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from analytics_pipeline.cli.app import app
from analytics_pipeline.core.errors import EventsExpired, InvalidInput, StillAccepting
from analytics_pipeline.defs import retention_job
from analytics_pipeline.defs.build import build_definitions
from analytics_pipeline.defs.erase_command import run_erase
from analytics_pipeline.defs.failure import RunFailed
from analytics_pipeline.defs.steps import events, onchain_verifier
from analytics_pipeline.defs.stores import Stores
from analytics_pipeline.storage.catalogue import list_receipts
from tests.defs.publishing import publish
from tests.defs.support import TODAY, Deployment, WithoutBb, build_sessions, store_tally

OLD, YOUNG = TODAY - timedelta(days=20), TODAY - timedelta(days=2)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A deployment with two released days, whose proofs a stand-in checks."""
    monkeypatch.setattr(Stores, "proving", WithoutBb())
    monkeypatch.setattr(onchain_verifier, "build_contracts", lambda _setup: None)
    deployment = Deployment.create(tmp_path / "home")
    for day in (OLD, YOUNG):
        deployment.send(build_sessions(day, 3), tag=f"{day}")
    deployment.seal()
    stores = deployment.stores()
    for day in (OLD, YOUNG):
        events.load_day(stores, day)
        store_tally(stores, day, viewers=500)
        publish(stores, day)
    stores.close()
    monkeypatch.setenv("ANALYTICS_HOME", str(deployment.settings.home))
    return deployment.settings.home


def result(*arguments: Any, yes: bool = False) -> Any:
    """As whoever reads the command's JSON sees it."""
    return json.loads(json.dumps(run_erase(*(arguments or (None, "")), yes=yes), default=str))


def test_listing_and_erasing(home: Path) -> None:
    """The list says why not; one day goes for a reason, as a run of Dagster; again changes nothing.
    What is too young is refused by name, in the run too."""
    listed = result()["days"]
    assert [row["day"] for row in listed] == [str(OLD), str(YOUNG)]
    assert [row["refused"].split(":")[0] for row in listed] == [
        "RetentionNotOver",
        "StillAccepting",
    ]
    assert result(yes=True) == {"receipts": []}
    assert result(str(OLD), "a request")["days"] == listed[:1]
    done = result(str(OLD), "a request", yes=True)
    [receipt] = done["receipts"]
    assert (receipt["day"], receipt["reason"], receipt["data_keys"]) == (str(OLD), "a request", 1)
    assert result(str(OLD), "again", yes=True) == done
    with pytest.raises(EventsExpired):
        run_erase(str(OLD), "again", yes=False)
    with pytest.raises(StillAccepting):
        run_erase(str(YOUNG), "a request", yes=False)
    with pytest.raises(RunFailed, match="erase: StillAccepting"):
        run_erase(str(YOUNG), "a request", yes=True)
    for wrong in ((str(OLD), ""), (None, "a reason")):
        with pytest.raises(InvalidInput, match="--reason"):
            run_erase(*wrong, yes=True)


def test_due_by_setting(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A day is due when its record is old enough; an overdue day in no release makes the run fail,
    after everything else was erased."""
    deployment = Deployment.create(home)
    deployment.send(build_sessions(OLD - timedelta(days=30), 2), tag="forgotten")
    deployment.seal()
    monkeypatch.setattr(retention_job, "datetime", NextMonth)
    with pytest.raises(RunFailed, match=f"NotReleasedYet: {OLD - timedelta(days=30)}"):
        run_erase(None, "", yes=True)
    stores = deployment.stores()
    assert [r.day for r in list_receipts(stores.catalogue, stores.platform)] == [OLD, YOUNG]
    stores.close()


class NextMonth(datetime):
    """The job's clock, 40 days on."""

    @classmethod
    def now(cls, tz: Any = None) -> datetime:
        return datetime.now(tz) + timedelta(days=40)


def test_the_command_shows_a_table(home: Path) -> None:
    """Two processes, one table; wrong use is named."""
    shown = CliRunner().invoke(app, ["erase"], terminal_width=200, env={"COLUMNS": "200"})
    assert shown.exit_code == 0, shown.output
    for words in ("RetentionNotOver", "StillAccepting", str(OLD), "0 of 2 may be erased now"):
        assert words in shown.output
    wrong = CliRunner().invoke(app, ["erase", str(OLD)])
    assert "goes with a day" in str(wrong.exception)


def test_the_job_takes_turns_with_releases() -> None:
    """It claims the slot of the warehouse, and a schedule starts it."""
    assert retention_job.erase.pool == "duckdb_writer"
    defs = build_definitions()
    assert defs.resolve_job_def("retention").nodes_in_topological_order[0].name == "erase"
    schedule = defs.get_schedule_def("retention_every_day")
    assert (schedule.cron_schedule, schedule.execution_timezone) == ("0 4 * * *", "UTC")
