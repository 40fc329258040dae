"""The `analytics-pipeline` command: one sub-command a file.

Belongs here: arguments, help texts, tables and progress bars. The API, the sealer, the simulator
and Dagster are processes of their own: commands start them (`cli.children`), they do not import
them. Heavy imports stand inside the commands, so that `--help` and `verify` answer at once.
"""

import os
import signal
import sys
from typing import NoReturn

from analytics_pipeline.cli.app import app
from analytics_pipeline.cli.console import explain
from analytics_pipeline.core.errors import EXPECTED


def main() -> None:
    """Run the command line; expected errors become one clear message and exit code 1.

    What commands and the processes they start write is for this user's eyes alone (umask 077).
    """
    os.umask(0o077)
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) != signal.SIG_IGN:  # `nohup` asks to go on
            signal.signal(number, _interrupt)
    try:
        app()
    except EXPECTED as error:
        explain(error)
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)


def _interrupt(*_: object) -> NoReturn:
    """Being told to end, or losing the terminal, is like Ctrl-C: what was started is stopped."""
    raise KeyboardInterrupt
