"""`python -m analytics_pipeline.defs run|ui|dbt|mf|…`: the computing side.

    run --from DAY --to DAY [--json] [--verbose]
                                       one Dagster run over a range of days, in this process
    ui [--host H] [--port P]           Dagster's UI, daemon and code server, until Ctrl-C
    dbt ARGS …                         dbt with this deployment's warehouse and keys
    mf ARGS …                          MetricFlow on this deployment's exports
    erase [DAY --reason R] [--yes]     raw data whose time is over (`defs.erase_command`)
    audit, audit-grant                 computing a release again (`defs.audit_command`)

With ``--json`` progress is one JSON object a line, ``{"stage", "done", "total"}``, and the last
line is ``{"result": …}``; everything else goes to stderr.
"""

import argparse
import json
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from analytics_pipeline.core.errors import EXPECTED, describe_error
from analytics_pipeline.defs.audit_command import run_audit, run_grant
from analytics_pipeline.defs.erase_command import run_erase
from analytics_pipeline.defs.run_command import run
from analytics_pipeline.settings import load_settings

PROJECT_ROOT = Path(__file__).resolve().parents[2]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command. Returns the exit code: 0, or 1 after an error that was printed."""
    options = _parser().parse_args(arguments)
    os.umask(0o077)
    try:
        if options.command == "run":
            run(options.first, options.last, as_json=options.json, verbose=options.verbose)
            return 0
        if options.command == "audit":
            run_audit(options.folder, options.grant)
            return 0
        if options.command == "audit-grant":
            run_grant(options.day, options.out)
            return 0
        if options.command == "erase":
            result = run_erase(options.day, options.reason, yes=options.yes)
            print(json.dumps({"result": result}, default=str))
            return 0
        if options.command == "ui":
            _ui(options)
        if options.command == "mf":
            from analytics_pipeline.defs.metricflow_command import run_metricflow

            run_metricflow(options.arguments)
        from analytics_pipeline.defs.dbt_command import run_dbt

        run_dbt(options.arguments)
    except EXPECTED as error:
        print(describe_error(error), file=sys.stderr)
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m analytics_pipeline.defs",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(dest="command", required=True)
    run = commands.add_parser("run", help="compute, release and publish a range of days")
    run.add_argument("--from", dest="first", required=True, metavar="DAY")
    run.add_argument("--to", dest="last", required=True, metavar="DAY")
    run.add_argument("--json", action="store_true", help="progress and result as JSON lines")
    run.add_argument("--verbose", action="store_true", help="dbt's log on stderr, not in a file")
    ui = commands.add_parser("ui", help="open the Dagster UI")
    ui.add_argument("--host", default="127.0.0.1")
    ui.add_argument("--port", default="3000")
    audit = commands.add_parser("audit", help="compute a verified release again and compare")
    audit.add_argument("folder", type=Path)
    audit.add_argument("--grant", type=Path)
    grant = commands.add_parser("audit-grant", help="write what an auditor of a day needs")
    grant.add_argument("day")
    grant.add_argument("--out", type=Path, required=True)
    erase = commands.add_parser("erase", help="list or destroy raw data whose time is over")
    erase.add_argument("day", nargs="?")
    erase.add_argument("--reason", default="")
    erase.add_argument("--yes", action="store_true")
    for name, what in (
        ("dbt", "run dbt on this deployment's warehouse"),
        ("mf", "ask for metrics"),
    ):
        other = commands.add_parser(name, help=what)
        other.add_argument("arguments", nargs=argparse.REMAINDER)
    return parser


def _ui(options: argparse.Namespace) -> NoReturn:
    from analytics_pipeline.defs.instance import environment

    dg = str(Path(sys.executable).with_name("dg"))
    os.environ.update(environment(load_settings()))
    os.environ.setdefault("VIRTUAL_ENV", sys.prefix)  # else `dg` warns that none is active
    # Background jobs inherit an ignored SIGINT, and Dagster treats SIGTERM like SIGINT.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    os.chdir(PROJECT_ROOT)
    os.execv(dg, [dg, "dev", "--host", options.host, "--port", options.port])  # noqa: S606


if __name__ == "__main__":
    sys.exit(main())
