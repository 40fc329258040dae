"""`python -m analytics_pipeline.defs dbt ARGS …`: dbt with this deployment's warehouse and keys."""

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from typing import Final, NoReturn

from analytics_pipeline.defs.day_range import last_complete_day
from analytics_pipeline.defs.dbt_manifest import DBT, PROJECT_DIR, dbt_environ
from analytics_pipeline.settings import load_settings

#: dbt's commands that read or build days
_OF_DAYS: Final = {"build", "run", "test", "show"}


def run_dbt(arguments: Sequence[str]) -> NoReturn:
    """Become dbt. Raises KeyUnavailable if the deployment has no keys yet."""
    settings = load_settings()
    environ = {**os.environ, **dbt_environ(settings)}
    command = [DBT, *with_days(arguments)]
    if "docs" in arguments and "--static" in arguments:
        result = subprocess.run(command, cwd=PROJECT_DIR, env=environ, check=False)  # noqa: S603
        if result.returncode == 0:
            _say(f"One page, opens without a server: {settings.home / 'dbt' / 'static_index.html'}")
        sys.exit(result.returncode)
    _become(command, environ)


def with_days(arguments: Sequence[str]) -> list[str]:
    """The arguments, for yesterday if they need a day and name none."""
    arguments = list(arguments)
    if arguments[:1] == ["--"]:
        arguments = arguments[1:]
    named = any(argument.split("=")[0] == "--vars" for argument in arguments)
    if named or not _OF_DAYS & set(arguments):
        return arguments
    day = last_complete_day().isoformat()
    variables = f"{{start_day: {day}, end_day: {day}}}"
    _say(f"No days named; taking yesterday: --vars '{variables}'")
    return [*arguments, "--vars", variables]


def _become(command: Sequence[str], environ: Mapping[str, str]) -> NoReturn:
    os.chdir(PROJECT_DIR)
    os.execve(command[0], list(command), dict(environ))  # noqa: S606


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
