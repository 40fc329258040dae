"""kill -9 between deciding, storing and sending: one call all the same, and never two."""

import os
import signal
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from analytics_pipeline.core.alert_conditions import Drop
from analytics_pipeline.core.webhooks import Target
from analytics_pipeline.storage.alert_calls import CallState, list_calls
from analytics_pipeline.storage.alerts import OPERATOR, AlertStore, add_rule
from tests.alerts.days import RULE_MADE_AT
from tests.alerts.killed_worker import BOUNDARIES
from tests.alerts.receiver import Receiver

ROOT = Path(__file__).parents[2]


def work(folder: Path, boundary: str) -> int:
    """One run of the worker as a process of its own; returns its exit code."""
    paths = str(folder / "alerts.sqlite"), str(folder / "keys")
    command = [sys.executable, "-m", "tests.alerts.killed_worker", *paths, boundary]
    ran = subprocess.run(command, cwd=ROOT, env=os.environ, stderr=subprocess.PIPE, timeout=120)
    assert ran.returncode in (0, -signal.SIGKILL), ran.stderr.decode()
    return ran.returncode


@pytest.mark.slow
def test_killed_anywhere_it_calls_once(tmp_path: Path, receiver: Receiver) -> None:
    """Killed at each boundary in turn, then left alone, then run again."""
    with closing(AlertStore(tmp_path / "alerts.sqlite")) as store:
        drop = Drop("platform", percent=30, days=2)
        rule = add_rule(store, OPERATOR, drop, Target(receiver.url, True), RULE_MADE_AT)
    seen = []
    for boundary in BOUNDARIES:
        assert work(tmp_path, boundary) == -signal.SIGKILL
        with closing(AlertStore(tmp_path / "alerts.sqlite")) as store:
            states = [call.state for call in list_calls(store)]
        seen.append((boundary, states, len(receiver.calls)))
    pending = [CallState.PENDING]
    assert seen == [
        ("decided", [], 0),
        ("storing", [], 0),
        ("stored", pending, 0),
        ("sent", pending, 1),
    ]
    for _ in range(2):
        assert work(tmp_path, "none") == 0
    assert len(receiver.calls) == 2, "once more after the answer that was not noted"
    assert len({(call.event_id, call.body) for call in receiver.calls}) == 1
    with closing(AlertStore(tmp_path / "alerts.sqlite")) as store:
        [call] = list_calls(store, rule.rule_id)
    assert (call.state, call.event_id) == (CallState.DELIVERED, receiver.calls[0].event_id)
