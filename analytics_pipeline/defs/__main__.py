"""`python -m analytics_pipeline.defs run|ui|dbt`: the computing side of a deployment.

    run --from DAY --to DAY [--json]   one Dagster run over a range of days, in this process
    ui [--host H] [--port P]           Dagster's UI, daemon and code server, until Ctrl-C
    dbt ARGS …                         dbt with this deployment's warehouse and keys

With ``--json`` progress is one JSON object a line, ``{"stage", "done", "total"}``, and the last
line is ``{"result": …}``; everything else goes to stderr.
"""

import argparse
import json
import os
import signal
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import NoReturn, TextIO

from analytics_pipeline.core.day import parse_day
from analytics_pipeline.core.errors import PipelineError
from analytics_pipeline.defs.instance import environment
from analytics_pipeline.settings import load_settings

PROJECT_ROOT = Path(__file__).resolve().parents[2]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command. Returns the exit code: 0, or 1 after an error that was printed."""
    options = _parser().parse_args(arguments)
    try:
        if options.command == "run":
            return _run(options)
        if options.command == "ui":
            _ui(options)
        _dbt(options.arguments)
    except PipelineError as error:
        print(error, file=sys.stderr)
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m analytics_pipeline.defs", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    run = commands.add_parser("run", help="compute, release and publish a range of days")
    run.add_argument("--from", dest="first_day", required=True, metavar="DAY")
    run.add_argument("--to", dest="last_day", required=True, metavar="DAY")
    run.add_argument("--json", action="store_true", help="progress and result as JSON lines")
    ui = commands.add_parser("ui", help="open the Dagster UI")
    ui.add_argument("--host", default="127.0.0.1")
    ui.add_argument("--port", default="3000")
    dbt = commands.add_parser("dbt", help="run dbt on this deployment's warehouse")
    dbt.add_argument("arguments", nargs=argparse.REMAINDER)
    return parser


def _run(options: argparse.Namespace) -> int:
    from analytics_pipeline.defs.run import run_days

    first_day, last_day = parse_day(options.first_day), parse_day(options.last_day)
    with _exclusive_stdout() as out:

        def show(step: str, done: int, total: int) -> None:
            line = {"stage": step, "done": done, "total": total}
            print(json.dumps(line) if options.json else f"[{done}/{total}] {step}", file=out)

        summary = run_days(load_settings(), first_day, last_day, show)
        if options.json:
            print(json.dumps({"result": asdict(summary)}, default=str), file=out)
        else:
            print(
                f"{len(summary.days)} days in {summary.seconds} s, run {summary.run_id}", file=out
            )
    return 0


def _exclusive_stdout() -> TextIO:
    """Our lines alone on stdout: what steps and dbt print goes to stderr (and Dagster's logs)."""
    out = os.fdopen(os.dup(1), "w", buffering=1, encoding="utf-8")
    sys.stdout.flush()
    os.dup2(2, 1)
    return out


def _ui(options: argparse.Namespace) -> NoReturn:
    dg = str(Path(sys.executable).with_name("dg"))
    os.environ.update(environment(load_settings()))
    os.environ.setdefault("VIRTUAL_ENV", sys.prefix)  # else `dg` warns that none is active
    # Background jobs inherit an ignored SIGINT, and Dagster treats SIGTERM like SIGINT.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    os.chdir(PROJECT_ROOT)
    os.execv(dg, [dg, "dev", "--host", options.host, "--port", options.port])  # noqa: S606


def _dbt(arguments: Sequence[str]) -> NoReturn:
    from analytics_pipeline.defs.dbt_manifest import PROJECT_DIR, dbt_environ

    dbt = str(Path(sys.executable).with_name("dbt"))
    settings = load_settings()
    os.environ.update(dbt_environ(settings))
    os.chdir(PROJECT_DIR)
    os.execv(dbt, [dbt, *arguments])  # noqa: S606


if __name__ == "__main__":
    sys.exit(main())
