"""``python -m benchmarks.attack [--runs N] [--seed TEXT] [--utility] [--json]``

Attacks so many releases without one viewer and so many with her, and prints what that proves. The
exit status is 1 if a metric broke its promise, a broken build was not caught, or a re-run of a
release differed. What is drawn follows from ``--seed``: the same seed, the same figures.
"""

import argparse
import hashlib
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from analytics_pipeline.core.policy import DEFAULT_POLICY
from benchmarks.attack import utility
from benchmarks.attack.audit import audit
from benchmarks.attack.noise import workers
from benchmarks.attack.tallies import build_tallies
from benchmarks.machine import describe_machine, print_json, say


def markdown(figures: Mapping[str, Any]) -> str:
    """The tables of docs/attack.md."""
    parts = [
        _table(rows if isinstance(rows, list) else [rows])
        for rows in figures.values()
        if isinstance(rows, (list, dict))
    ]
    return "\n\n".join(parts)


def _table(rows: Sequence[Mapping[str, Any]]) -> str:
    head = list(rows[0])
    lines = [f"| {' | '.join(head)} |", f"|{'---|' * len(head)}"]
    lines += [f"| {' | '.join(_cell(row[name]) for name in head)} |" for row in rows]
    return "\n".join(lines)


def _cell(value: Any) -> str:
    if isinstance(value, list):
        return f"{len(value)}"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "–" if value is None else f"{value:,}" if isinstance(value, int) else f"{value}"


def main() -> None:
    """Print the tables, or JSON."""
    parser = argparse.ArgumentParser(description=__doc__, prog="python -m benchmarks.attack")
    parser.add_argument("--runs", type=int, default=20_000, help="releases without her, and with")
    parser.add_argument("--seed", default="attack", help="other text, other noise")
    parser.add_argument("--utility", action="store_true", help="the utility table alone")
    parser.add_argument("--json", action="store_true", help="every figure, and the machine")
    options = parser.parse_args()
    if options.runs < 100:
        parser.error("--runs must be at least 100")
    figures: dict[str, Any] = {}
    if not options.utility:
        key = hashlib.sha256(f"{options.seed}/selection".encode()).digest()
        with tempfile.TemporaryDirectory(prefix="benchmark-") as folder:
            say("building the days with dbt")
            tallies = build_tallies(Path(folder), key)
        with workers() as pool:
            figures |= audit(pool, DEFAULT_POLICY, tallies, options.runs, options.seed)
    say("measuring utility")
    figures["utility"] = utility.measure(DEFAULT_POLICY, options.seed)
    if options.json:
        print_json(figures)
    else:
        print(markdown(figures))
        print(f"\n{describe_machine()}")
    sys.exit(0 if figures.get("passed", True) else 1)


if __name__ == "__main__":
    main()
