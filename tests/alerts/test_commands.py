"""`analytics-pipeline alerts`: rules by hand, their calls, and the process as a whole."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from analytics_pipeline.chain.client import open_publisher
from analytics_pipeline.cli.app import app
from analytics_pipeline.core.errors import PipelineError
from analytics_pipeline.settings import load_settings
from analytics_pipeline.storage.alert_calls import mark_failed, store_decision
from analytics_pipeline.storage.alerts import AlertStore
from analytics_pipeline.storage.ipfs import open_store
from tests.alerts.calls import decided, rule_to
from tests.alerts.receiver import Receiver
from tests.support.chain_world import ChainWorld
from tests.support.world import DAYS, PLATFORM

HOOK = "https://example.org/hook?token=very-secret"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A deployment with keys."""
    monkeypatch.setenv("ANALYTICS_HOME", str(tmp_path / "home"))
    said("keys", "create")
    return tmp_path / "home"


def said(*arguments: str) -> str:
    """What a command prints; it must not fail."""
    result = CliRunner().invoke(app, list(arguments), env={"COLUMNS": "200"})
    assert result.exception is None, (result.exception, result.output)
    return result.output


def failure(*arguments: str) -> str:
    result = CliRunner().invoke(app, list(arguments))
    assert isinstance(result.exception, PipelineError), result.output
    return f"{type(result.exception).__name__}: {result.exception}"


def process(*arguments: str) -> subprocess.CompletedProcess[str]:
    """A command as a process of its own."""
    command = [sys.executable, "-m", "analytics_pipeline", *arguments]
    return subprocess.run(
        command, env=os.environ, capture_output=True, text=True, timeout=120, check=False
    )


def rules() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(said("alerts", "list", "--json"))
    return found


def test_every_condition_can_be_set(home: Path) -> None:
    """Each has a command, which prints the id; the list says what is watched, never the path."""
    ids = [
        said("alerts", "add", "drop", "--url", HOOK, "--scope", "creator", "--key", "ana").strip(),
        said("alerts", "add", "rebuffer", "--url", HOOK, "--provider", "ipfs").strip(),
        said("alerts", "add", "missing-day", "--url", HOOK, "--hours", "6").strip(),
        said("alerts", "add", "failed-verification", "--url", HOOK).strip(),
    ]
    listed = rules()
    assert [rule["id"] for rule in listed] == ids
    assert [rule["condition"]["type"] for rule in listed] == [
        "drop",
        "rebuffer",
        "missing_day",
        "failed_verification",
    ]
    assert {rule["owner"] for rule in listed} == {"operator"}
    table = said("alerts", "list")
    assert all(rule_id in table for rule_id in ids)
    assert "creator" in table
    assert "very-secret" not in table + json.dumps(listed)
    assert said("alerts", "remove", ids[0]) == f"Removed {ids[0]}.\n"
    assert [rule["id"] for rule in rules()] == ids[1:]


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (("drop", "--url", "http://example.org/"), "InvalidInput: url: must begin with https://"),
        (("drop", "--url", "https://10.0.0.1/"), "InvalidInput: url: is no public address"),
        (("drop", "--url", HOOK, "--scope", "video"), "InvalidInput: key: must say which video"),
        (("drop", "--url", HOOK, "--key", "x"), "InvalidInput: key: must be empty"),
        (("rebuffer", "--url", HOOK, "--provider", "x"), "InvalidInput: provider: "),
        (
            ("rebuffer", "--url", HOOK, "--provider", "ipfs", "--stalled-permille", "7"),
            "InvalidInput: stalled_permille: ",
        ),
    ],
)
def test_what_is_no_rule(home: Path, arguments: tuple[str, ...], problem: str) -> None:
    """One line that names the option; nothing is stored."""
    assert failure("alerts", "add", *arguments).startswith(problem)
    assert "very-secret" not in failure("alerts", "add", *arguments)
    assert not (home / "alerts.sqlite").exists()


def test_commands_without_a_deployment_make_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Looking into the wrong folder says so."""
    monkeypatch.setenv("ANALYTICS_HOME", str(tmp_path / "home"))
    for arguments in (("list",), ("history",), ("key",), ("run",), ("remove", "x"), ("test", "x")):
        assert "no deployment in" in failure("alerts", *arguments)
    assert not (tmp_path / "home").exists()


def test_a_rule_that_is_not_there(home: Path) -> None:
    """Names the command that lists them."""
    assert "`analytics-pipeline alerts list`" in failure("alerts", "remove", "al_0123456789abcdef")


def test_the_public_key_and_its_rotation(home: Path) -> None:
    """The newest first; the private half is never shown."""
    [line] = said("alerts", "key").splitlines()
    assert line.startswith("whpk_")
    both = said("alerts", "key", "--rotate").splitlines()
    assert len(both) == 2
    assert both[1] == line
    assert "webhook-000002-" in both[0]
    assert "webhook-000002-" in said("keys", "list")


@pytest.fixture
def published(home: Path) -> Iterator[ChainWorld]:
    """Days on an embedded chain, whose proofs nobody outside the tests believes."""
    settings = load_settings()
    with (
        closing(open_publisher(settings.chain_location, PLATFORM, home / "outbox.sqlite")) as p,
        open_store(settings.ipfs_location) as content,
    ):
        world = ChainWorld(publisher=p)
        world.publish(DAYS[0])
        content.add_directory(world.bundles[DAYS[0], 1])
        yield world


@pytest.mark.slow
def test_the_process_calls_once(
    home: Path, receiver: Receiver, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    """A day whose proof is of no published circuit does not verify: one signed call, by the process
    that operators run; the test call says whether it was taken; history and list say the same."""
    url = ("--url", receiver.url, "--allow-private")
    rule_id = said("alerts", "add", "failed-verification", *url).strip()
    tested = process("alerts", "test", rule_id)
    assert tested.returncode == 0, tested.stderr
    assert "Taken (status 204): msg_test_" in tested.stdout
    assert receiver.calls[0].document["type"] == "alert.test"
    request.getfixturevalue("published")
    for _ in range(2):
        ran = process("alerts", "run", "--once")
        assert ran.returncode == 0, ran.stderr
    [key] = said("alerts", "key").split()[:1]
    assert all(call.is_signed_by(key) for call in receiver.calls)
    [_, call] = receiver.calls
    data = call.document["data"]
    assert data["compared"]["error"] == "UnknownCircuit"
    assert data["day"] == str(DAYS[0])
    [past] = json.loads(said("alerts", "history", "--json"))
    assert (past["state"], past["kind"], past["event_id"]) == ("delivered", "raised", call.event_id)
    assert "delivered" in said("alerts", "history", rule_id)
    assert rules()[0]["calls"] == {"delivered": 1}
    receiver.answer = lambda _: (500, {})
    refused = process("alerts", "test", rule_id)
    assert refused.returncode == 1
    assert "CallNotTaken: refused (status 500)" in refused.stderr


@pytest.mark.slow
def test_one_process_at_a_time(home: Path) -> None:
    """The second says so and ends; the first ends when it is told to."""
    first = subprocess.Popen(
        [sys.executable, "-m", "analytics_pipeline", "alerts", "run"],
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert first.stderr is not None
        assert "watching" in first.stderr.readline()
        second = process("alerts", "run", "--once")
        assert second.returncode == 75
        assert second.stderr.startswith("AlertsRunning: another alerts process is running")
    finally:
        first.terminate()
    assert first.wait(60) == 0


def test_dead_calls_are_shown(home: Path) -> None:
    """Counted for each rule, with the last problem in the history."""
    with closing(AlertStore(home / "alerts.sqlite")) as store:
        rule = rule_to(store, "http://localhost:1/")
        now = datetime(2026, 11, 22, tzinfo=UTC)
        store_decision(store, decided(rule), now)
        mark_failed(store, f"msg_{rule.rule_id}0raised", now, "refused (status 503)", None)
    [listed] = rules()
    assert listed["calls"] == {"dead": 1}
    assert "1 dead" in said("alerts", "list")
    [past] = json.loads(said("alerts", "history", "--json"))
    assert (past["state"], past["last_error"]) == ("dead", "refused (status 503)")
    assert "dead" in said("alerts", "history")
