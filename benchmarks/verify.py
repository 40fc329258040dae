"""``python -m benchmarks.verify [--json] [--days N]``: how soon a verifier begins, how far it gets.

    start     `verify --help`, and one day (`data/sample_day`) without and with its proof: from
              starting the program to its end. Floors: a bare interpreter, and one that imports the
              two libraries every command prints with
    cold      the same help where no module is compiled yet
    history   `verify --all` of N made-up days (`benchmarks.history`), as a folder and as a CAR; no
              verifier for their proofs. Floor: reading the folder, SHA-256 of every file
    proof     one proof of the sample day in an EVM of this process, the key looked up before

Of start and proof the best of five; a history is read once. Beside wall-clock seconds stand those
of the processor, which say the same on a machine that has other work.
"""

import argparse
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from resource import RUSAGE_CHILDREN, getrusage
from typing import Any, Final

from benchmarks.history import MadeUp, make_history
from benchmarks.machine import ChildRun, print_json, run_command, run_in_child, say
from benchmarks.verify_work import check_sample, hash_folder

ROOT: Final = Path(__file__).parents[1]
SAMPLE: Final = ROOT / "data" / "sample_day"
ROUNDS: Final = 5
_COMMAND: Final = (sys.executable, "-m", "analytics_pipeline", "verify")
_LIBRARIES: Final = "import typer, rich.console, rich.table"


def measure_start(folder: Path) -> dict[str, float]:
    """Seconds from the shell's point of view."""
    day = (*_COMMAND, str(SAMPLE))
    commands: dict[str, Sequence[str]] = {
        "bare_python": (sys.executable, "-c", "pass"),
        "bare_libraries": (sys.executable, "-c", _LIBRARIES),
        "help": (*_COMMAND, "--help"),
        "day": (*day, "--verifier", "none"),
        "day_with_proof": (*day, "--verifier", "evm"),
    }
    figures: dict[str, float] = {}
    for name, command in commands.items():
        figures |= _best(name, command)
    cold = {"PYTHONPYCACHEPREFIX": str(folder / "empty"), "PYTHONDONTWRITEBYTECODE": "1"}
    return figures | _best("cold_help", (*_COMMAND, "--help"), cold)


def _best(
    name: str, command: Sequence[str], environ: Mapping[str, str] | None = None
) -> dict[str, float]:
    runs = [_run(command, environ or {}) for _ in range(ROUNDS)]
    return {
        f"{name}_seconds": round(min(run.seconds for run, _ in runs), 3),
        f"{name}_cpu_seconds": round(min(cpu for _, cpu in runs), 3),
    }


def _run(command: Sequence[str], environ: Mapping[str, str]) -> tuple[ChildRun, float]:
    """A command's run, and the processor's seconds for it."""
    before = getrusage(RUSAGE_CHILDREN)
    ran = run_command(command, environ, ROOT)
    after = getrusage(RUSAGE_CHILDREN)
    return ran, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def measure_history(made: MadeUp, days: int) -> dict[str, float]:
    """A whole history, from a folder and from a CAR, beside its floor."""
    options = ("--circuits", str(made.circuits), "--verifier", "none", "--json")
    figures: dict[str, float] = {"days": days}
    for name, path in (("folder", made.folder), ("car", made.car)):
        ran, cpu = _run((*_COMMAND, "--all", str(path), *options), {})
        figures |= {
            f"{name}_seconds": round(ran.seconds, 2),
            f"{name}_days_per_second": round(days / ran.seconds, 1),
            f"{name}_cpu_seconds_per_day": round(cpu / days, 4),
            f"{name}_peak_mib": ran.peak_mib,
        }
    figures["car_mib"] = round(made.car.stat().st_size / 2**20, 2)
    floor = run_in_child(hash_folder, made.folder)
    figures["bare_hash_seconds"] = round(floor.seconds, 4)
    figures["folder_to_bare_ratio"] = round(figures["folder_seconds"] / floor.seconds, 1)
    return figures


def measure_proof() -> dict[str, float]:
    """All checks of the sample day, and its proof alone."""
    return {
        name: round(value, 3)
        for name, value in run_in_child(check_sample, SAMPLE, ROUNDS).value.items()
    }


def main() -> None:
    """Parse arguments, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="print JSON instead of lines")
    parser.add_argument("--days", type=int, default=365, help="length of the history")
    arguments = parser.parse_args()
    figures: dict[str, Any] = {}
    with tempfile.TemporaryDirectory(prefix="benchmark-verify-") as name:
        folder = Path(name)
        say("starting")
        figures |= measure_start(folder)
        say("proof")
        figures |= measure_proof()
        say(f"making {arguments.days} days")
        made = make_history(arguments.days, folder)
        say("history")
        figures |= measure_history(made, arguments.days)
    if arguments.json:
        print_json(figures)
        return
    for key, value in figures.items():
        print(f"{key:26} {value:>10}")


if __name__ == "__main__":
    main()
