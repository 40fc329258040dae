"""What failed in a dbt run, from the results that dbt leaves behind."""

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from analytics_pipeline.core.errors import PipelineError

RESULTS: Final = "run_results.json"
_SHOWN: Final = 5
_QUOTING: Final = re.compile(r"(Conversion|Constraint|Out of Range|Mismatch Type) Error")


class DbtFailed(PipelineError):
    """A model could not be built, or a test on it found rows."""

    def __init__(self, failures: Sequence[str], log: Path) -> None:
        more = f"\n… and {len(failures) - _SHOWN} more" if len(failures) > _SHOWN else ""
        shown = "\n".join(failures[:_SHOWN])
        super().__init__(f"{shown}{more}\ndbt's own log: {log}\n")


def load_failures(target_dir: Path, otherwise: str) -> tuple[list[str], Path]:
    """Nodes that failed with dbt's message, e.g. ``test tally_key_is_unique: Got 2 results``, and
    the path of dbt's log.

    Args:
        target_dir: dbt's output folder of this run.
        otherwise: what to say if dbt ended before it had results.
    """
    path, log = target_dir / RESULTS, target_dir / "dbt.log"
    if not path.exists():
        return [otherwise.split("Errors parsed from dbt logs:")[-1].strip()], log
    failures = []
    for result in json.loads(path.read_text(encoding="utf-8"))["results"]:
        if result["status"] in ("error", "fail", "runtime error"):
            kind, _, name = result["unique_id"].split(".")[:3]
            failures.append(f"{kind} {name}: {_said(result['message'] or '')}")
    return failures or [otherwise.strip()], log


def _said(message: str) -> str:
    """dbt's message in one line; of an error that quotes the value it stumbled over, which may be
    an event's, its kind alone (the rest is in dbt's own log)."""
    line = " ".join(message.split())
    quoting = _QUOTING.search(line)
    return f"{quoting[0]}: see dbt's log" if quoting else line
