"""`python -m analytics_pipeline.defs run`: what it checks first, and how it reports.

Without options stdout has a line for each day, for a range one more that counts them, and stderr
the progress; with ``--json`` stdout has progress and result as JSON lines. dbt's log goes to
``ANALYTICS_HOME/logs/dbt.log``, with ``--verbose`` to stderr. Importing Dagster takes seconds: bad
days and missing keys are told before.
"""

import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Final, TextIO

from analytics_pipeline.core.day import parse_day
from analytics_pipeline.defs.day_range import require_range, split_range
from analytics_pipeline.settings import Settings, load_settings
from analytics_pipeline.storage.keyring import Keyring

#: Steps of a run, which takes up to `MAX_DAYS` days; Dagster says it too, seconds later.
STEPS: Final = 9


def run(first: str, last: str, *, as_json: bool, verbose: bool) -> None:
    """Compute, release and publish the days from ``first`` to ``last`` (ISO dates).

    Raises:
        InvalidInput: the days are no range of complete days.
        KeyUnavailable: the deployment has no keys yet.
        RangeFailed: naming the step and first error of each failed run, after what became of each
            day was printed.
    """
    first_day, last_day = parse_day(first), parse_day(last)
    require_range(first_day, last_day)
    settings = load_settings()
    Keyring(settings.keys_dir)
    with _exclusive_stdout(None if verbose else _open_log(settings)) as out:

        def show(step: str, done: int, total: int) -> None:
            line = {"stage": step, "done": done, "total": total}
            if as_json:
                print(json.dumps(line), file=out)
            else:
                print(f"[{done}/{total}] {step}", file=sys.stderr, flush=True)

        runs = len(split_range(first_day, last_day))
        show("starting Dagster", 0, STEPS * runs)
        from analytics_pipeline.defs.run import RangeFailed, run_days

        failure = None
        try:
            summary = run_days(settings, first_day, last_day, show)
        except RangeFailed as error:
            summary, failure = error.summary, error
        if as_json:
            print(json.dumps({"result": asdict(summary)}, default=str), file=out)
        else:
            for day, outcome in summary.outcomes.items():
                print(f"{day} {outcome}", file=out)
            if len(summary.outcomes) > 1:
                print(summary.changed, file=out)
            checks = f"{summary.checks_passed} checks passed in {summary.seconds:.0f} s"
            print(f"{checks} (Dagster run {', '.join(summary.run_ids)})", file=sys.stderr)
        if failure:
            raise failure


def _open_log(settings: Settings) -> TextIO:
    path: Path = settings.home / "logs" / "dbt.log"
    path.parent.mkdir(parents=True, exist_ok=True)
    return path.open("a", encoding="utf-8")


@contextmanager
def _exclusive_stdout(log: TextIO | None) -> Iterator[TextIO]:
    """Our lines alone on stdout: what dbt prints goes to the log, or to stderr without one."""
    with os.fdopen(os.dup(1), "w", buffering=1, encoding="utf-8") as out:
        sys.stdout.flush()
        os.dup2(log.fileno() if log else 2, 1)
        try:
            yield out
        finally:
            sys.stdout.flush()
            os.dup2(out.fileno(), 1)
            if log:
                log.close()
