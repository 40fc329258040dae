"""`budget`: what the ledger says of 30 days, as a table and as JSON."""

import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from analytics_pipeline.cli import console
from analytics_pipeline.cli.app import app
from analytics_pipeline.core.accounting import published_epsilon
from analytics_pipeline.core.budget import Caps
from analytics_pipeline.core.errors import InvalidInput
from analytics_pipeline.core.policy import DEFAULT_POLICY
from analytics_pipeline.settings import load_settings
from analytics_pipeline.storage.catalogue import open_catalogue, plan_release, store_release

CAPS = Caps.of(DEFAULT_POLICY)
COST = CAPS.per_release
LAST = datetime.now(UTC).date() - timedelta(days=1)


def back(days: int) -> date:
    return LAST - timedelta(days=days)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A deployment that released the 40 days up to yesterday, and corrected ten of the last 12."""
    monkeypatch.setenv("ANALYTICS_HOME", str(tmp_path))
    catalogue = open_catalogue(load_settings().catalogue_location)
    for day in map(back, reversed(range(40))):
        release(catalogue, day, 1)
    for number in range(2, 12):
        release(catalogue, back(number), 2)
    catalogue.close()
    return tmp_path


def release(catalogue: Any, day: date, revision: int) -> None:
    key = (catalogue, "demo", day)
    plan_release(*key, inputs_digest=str(revision), caps=CAPS, reason="test")
    store_release(*key, revision, policy_json=DEFAULT_POLICY.canonical_bytes, release_head="0x01")


def ask(*arguments: str) -> Any:
    result = CliRunner().invoke(app, ["budget", *arguments, "--json"], catch_exceptions=False)
    return json.loads(result.stdout)


def test_thirty_days_as_json(home: Path) -> None:
    """Sums are those of the days shown; a day that is full says so, and when later ones renew."""
    said = ask()
    days = {row["day"]: row for row in said["days"]}
    assert list(days) == [back(n).isoformat() for n in reversed(range(30))]
    thirty = said["thirty_days"]
    assert (thirty["from"], thirty["to"]) == (back(29).isoformat(), LAST.isoformat())
    assert thirty["rho_nano_spent"] == sum(row["rho_nano_spent"] for row in said["days"])
    assert thirty["rho_nano_spent"] == thirty["rho_nano_cap"] == 40 * COST
    assert (thirty["rho_nano_reserved"], thirty["rho_nano_left"]) == (0, 0)
    assert thirty["epsilon"] == DEFAULT_POLICY.to_json()["epsilon"]["per_30_days_at_most"]
    assert days[back(5).isoformat()] == {
        "day": back(5).isoformat(),
        "releases": 2,
        "rho_nano_spent": 2 * COST,
        "rho_nano_left": 0,
        "epsilon": published_epsilon(2 * COST),
        "next_release": "correction",
        "allowed": False,
        "renews_on": back(-19).isoformat(),
    }
    assert said["last_day"].endswith(f"The next day with room for a correction is {back(-19)}")


def test_days_to_come_have_a_reserve(home: Path) -> None:
    """29 days on, one release is there, and 29 are kept: each of them can have its own."""
    said = ask(back(-29).isoformat())
    assert said["days"][0]["releases"] == 1
    assert said["thirty_days"]["rho_nano_spent"] == COST
    assert said["thirty_days"]["rho_nano_reserved"] == 29 * COST
    assert said["thirty_days"]["rho_nano_left"] == 10 * COST
    assert said["days"][-1]["next_release"] == "first release"
    assert [row["allowed"] for row in said["days"]] == [False] + 29 * [True]


def test_the_table_says_what_one_more_release_would_be(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """For people: full days, full windows, and the sentence with the date."""
    monkeypatch.setattr(console.out, "width", 120)
    result = CliRunner().invoke(app, ["budget"])
    assert result.exit_code == 0
    assert "no: the day is spent" in result.stdout
    assert "no: 30 days are spent" in result.stdout
    assert "rho 5 of 5 spent" in result.stdout.replace("\n", " ")
    assert f"The next day with room for a correction is {back(-19)}." in result.stdout


def test_a_day_that_is_none_is_refused(home: Path) -> None:
    result = CliRunner().invoke(app, ["budget", "yesterday"])
    assert isinstance(result.exception, InvalidInput)
