"""The `analytics-pipeline` command: one sub-command a file.

Belongs here: arguments, help texts, tables and progress bars. The API, the sealer, the simulator
and Dagster are processes of their own: commands start them (`cli.children`), they do not import
them. Heavy imports stand inside the commands, so that `--help` and `verify` answer at once.
"""

import signal
import sys
from typing import NoReturn

from analytics_pipeline.cli.app import app
from analytics_pipeline.cli.console import explain
from analytics_pipeline.core.errors import PipelineError


def main() -> None:
    """Run the command line; expected errors become one clear message and exit code 1."""
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        app()
    except PipelineError as error:
        explain(error)
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)


def _interrupt(*_: object) -> NoReturn:
    """Being told to end is like Ctrl-C: what was started is stopped."""
    raise KeyboardInterrupt
