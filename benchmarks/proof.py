"""``python -m benchmarks.proof [--events N …] [--json]``: days proved and published, and the price.

    commit    rows ordered and held against the bounds, roots computed
    report    every figure drawn, the statement computed
    witness   the values of all circuits
    prove     all proofs, each verified; then published on an embedded chain, for the gas

The published circuits are proved under the development set-up, which convinces nobody and costs the
same. What is needed once (tools, keys, points; kept in `ANALYTICS_CACHE`) is made before the clock
starts. Everything else lies in a temporary folder that is removed. Belongs here: sums and prices;
the work is done in `proof_run`.
"""

import argparse
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from analytics_pipeline.core.proof_document import DEVELOPMENT_NOTE
from analytics_pipeline.settings import load_settings
from benchmarks import proof_run
from benchmarks.machine import describe_machine, print_json, run_in_child, say

SIZES: Final = (10_000, 100_000, 1_000_000, 4_000_000)
#: Prices to reckon with; assumed, never promised. Fees change by the hour.
ASSUMPTIONS: Final = {
    "machine_usd_per_hour": 0.10,
    "usd_per_eth": 3_000,
    "rollup_gwei_per_gas": 0.01,
    "l1_gwei_per_gas": 1.0,
}
#: What the mission allows for a million events, in cents.
MISSION_CENTS: Final = (1_000, 5_000)
#: The most gas that a transaction may have on a public chain (EIP-7825).
TRANSACTION_GAS: Final = 2**24
_GWEI_PER_ETH: Final = 1e9


@dataclass(frozen=True)
class Figures:
    """One day. ``gas`` is that of commit, beacon and release; ``peak_gib`` is the most that all
    processes can have had at once: the largest of the proofs that ran side by side, and the peak of
    the process that started them. ``prove_cpu_seconds`` is what the prover's processes took of all
    cores: on a busy machine ``prove_seconds`` is more than its share. ``once_seconds`` is for what
    this machine still lacked of tools, keys and points."""

    events: int
    rows: int
    shape: str
    proofs: int
    gates: int
    once_seconds: float
    commit_seconds: float
    report_seconds: float
    witness_seconds: float
    prove_seconds: float
    prove_cpu_seconds: float
    total_seconds: float
    peak_gib: float
    proof_bytes: int
    gas: int
    release_gas: int
    release_fits_transaction: bool
    cents_per_million_events: dict[str, float]


def measure(events: int) -> Figures:
    """A day of so many events, in processes of its own."""
    cache = load_settings().cache
    say("making what is needed once, if it is not there")
    once = run_in_child(proof_run.prepare, events, cache)
    with tempfile.TemporaryDirectory(prefix="benchmark-") as folder:
        run = run_in_child(proof_run.measure_day, events, cache, Path(folder))
    m: proof_run.Measured = run.value
    seconds = m.commit_seconds + m.report_seconds + m.witness_seconds + m.prove_seconds
    gas = m.commit_gas + m.beacon_gas + m.release_gas
    return Figures(
        events=events,
        rows=m.rows,
        shape=m.shape,
        proofs=m.proofs,
        gates=m.gates,
        once_seconds=round(once.seconds, 2),
        commit_seconds=round(m.commit_seconds, 2),
        report_seconds=round(m.report_seconds, 2),
        witness_seconds=round(m.witness_seconds, 2),
        prove_seconds=round(m.prove_seconds, 2),
        prove_cpu_seconds=round(m.prove_cpu_seconds, 2),
        total_seconds=round(seconds, 2),
        peak_gib=round(m.prover_peak_bytes / 2**30 + run.peak_mib / 2**10, 2),
        proof_bytes=m.proof_bytes,
        gas=gas,
        release_gas=m.release_gas,
        release_fits_transaction=m.release_gas <= TRANSACTION_GAS,
        cents_per_million_events=price(events, seconds, gas),
    )


def price(events: int, seconds: float, gas: int) -> dict[str, float]:
    """Cents for a million events at `ASSUMPTIONS`: the machine alone, and with the gas."""
    per_million = 100 * 1_000_000 / events
    machine = seconds / 3600 * ASSUMPTIONS["machine_usd_per_hour"]
    usd_per_gwei = gas * ASSUMPTIONS["usd_per_eth"] / _GWEI_PER_ETH
    return {
        "machine": round(machine * per_million, 3),
        **{
            chain: round(
                (machine + usd_per_gwei * ASSUMPTIONS[f"{chain}_gwei_per_gas"]) * per_million, 1
            )
            for chain in ("rollup", "l1")
        },
    }


def markdown(days: Sequence[Figures]) -> str:
    """The tables of docs/benchmarks.md."""
    head = ["Events", "Rows", "Proofs", "Gates", "Commit s", "Report s", "Witness s", "Prove s"]
    head += ["Total s", "Peak GiB", "Proof bytes", "Gas"]
    lines = [f"| {' | '.join(head)} |", "|---:" * len(head) + "|"]
    for d in days:
        seconds = (d.commit_seconds, d.report_seconds, d.witness_seconds, d.prove_seconds)
        cells = [
            *(f"{number:,}" for number in (d.events, d.rows, d.proofs, d.gates)),
            *(f"{number:.1f}" for number in (*seconds, d.total_seconds)),
            f"{d.peak_gib:.2f}",
            f"{d.proof_bytes:,}",
            f"{d.gas:,}",
        ]
        lines.append(f"| {' | '.join(cells)} |")
    lines += ["", "| Cents per million events | Machine | + gas, rollup | + gas, L1 |"]
    lines += ["|---:|---:|---:|---:|"]
    for d in days:
        cents = d.cents_per_million_events
        row = f"{cents['machine']:,.2f} | {cents['rollup']:,.1f} | {cents['l1']:,.0f}"
        lines.append(f"| {d.events:,} events a day | {row} |")
    least, most = MISSION_CENTS
    assumed = ", ".join(f"{name} {value:g}" for name, value in ASSUMPTIONS.items())
    lines += ["", f"The mission allows {least:,} to {most:,} cents. Assumed: {assumed}."]
    too_large = [
        f"{d.events:,} ({d.release_gas:,})" for d in days if not d.release_fits_transaction
    ]
    if too_large:
        limit = f"a transaction's {TRANSACTION_GAS:,} gas (EIP-7825)"
        lines.append(f"Releases beyond {limit}: {', '.join(too_large)}.")
    return "\n".join([*lines, f"{DEVELOPMENT_NOTE.capitalize()}."])


def figures_json(days: Sequence[Figures]) -> dict[str, Any]:
    """One day's figures as they are, several days' as a list."""
    stated = {
        "assumptions": ASSUMPTIONS,
        "mission_cents_per_million_events": MISSION_CENTS,
        "setup": DEVELOPMENT_NOTE,
    }
    [*found] = map(asdict, days)
    return {**(found[0] if len(found) == 1 else {"days": found}), **stated}


def main() -> None:
    """Print the tables, or JSON."""
    parser = argparse.ArgumentParser(description=__doc__, prog="python -m benchmarks.proof")
    parser.add_argument("--events", type=int, nargs="+", default=SIZES, help="of a day; several")
    parser.add_argument("--json", action="store_true", help="every figure, and the machine")
    options = parser.parse_args()
    if min(options.events) < 1:
        parser.error("--events must be positive")
    say(f"load average {describe_machine()['load_average']}: timings need an idle machine")
    days = [measure(events) for events in options.events]
    if options.json:
        print_json(figures_json(days))
    else:
        print(markdown(days))


if __name__ == "__main__":
    main()
