"""Settings of all tests: grouping, loud skipping, no deadlines (machines are busy at times)."""

from collections import Counter
from typing import Final

import pytest
from hypothesis import settings

settings.register_profile("busy-machine", deadline=None)
settings.load_profile("busy-machine")

#: marker → what a run of it needs
HEAVY: Final = {
    "slow": "some 25 minutes",
    "browser": "Debian's chromium and ffmpeg",
    "node": "npm and its registry",
    "network": "a package registry",
}
_left_out: Counter[str] = Counter()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Side by side, a file's tests go to one worker: they share its fixtures. End-to-end tests
    share one deployment across files."""
    for item in items:
        folder = item.path.parent.name
        item.add_marker(
            pytest.mark.xdist_group("e2e" if folder == "e2e" else f"{folder}/{item.path.name}")
        )


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
