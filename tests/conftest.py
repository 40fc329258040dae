"""Settings of all tests: grouping, loud skipping, no deadlines (machines are busy at times)."""

from collections import Counter
from typing import Final

import pytest
from hypothesis import settings
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

# Before any test sets COLUMNS: a console that is made then keeps that width for all tests after it.
import analytics_pipeline.cli.console  # noqa: F401

settings.register_profile("busy-machine", deadline=None)
settings.load_profile("busy-machine")

#: marker → what a run of it needs
HEAVY: Final = {
    "slow": "about an hour",
    "browser": "Debian's chromium and ffmpeg",
    "node": "npm and its registry",
    "network": "a package registry",
}
_left_out: Counter[str] = Counter()


class ByDeployment(LoadScopeScheduling):
    """Side by side, a file's tests go to one worker: they share its fixtures. End-to-end tests
    share one deployment across files, and so do those of dbt, the dashboard and analysts.
    (`--dist loadgroup` would say the same by marks, but pytest-xdist 3.8 passes groups on by an
    attribute that pytest 9.2 no longer reads.)"""

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.split("::", 1)[0]
        folder = file.rpartition("/")[0]
        return folder if folder.endswith(("e2e", "dbt", "dashboard", "analysts")) else file


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> ByDeployment:
    """How tests are handed to workers."""
    return ByDeployment(config, log)


def pytest_deselected(items: list[pytest.Item]) -> None:
    """Count what the default marker expression leaves out."""
    for item in items:
        _left_out.update(name for name in HEAVY if item.get_closest_marker(name))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say loudly what was not run, what it needs and how to run it."""
    expression = str(terminalreporter.config.option.markexpr)
    absent = [name for name in HEAVY if f"not {name}" in expression]
    if not absent:
        return
    terminalreporter.section("not run here (CI runs them)", sep="-", yellow=True)
    for name in absent:
        number = f"{_left_out[name]} tests" if _left_out[name] else "tests"
        terminalreporter.write_line(f"{name:<8} {number}: needs {HEAVY[name]}")
    terminalreporter.write_line(f'run them: pytest -m "{" or ".join(absent)}"')
