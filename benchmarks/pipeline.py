"""``python -m benchmarks.pipeline [--events N] [--json]``: a day of events through every stage.

    accepted   posted to the real API over HTTP in sealed batches of 50; every 202 is an fsync
    sealed     by the sealer: queue → opened, validated, de-duplicated → encrypted segments, pinned
    loaded     segments → fetched, verified, decrypted, de-duplicated → encrypted raw Parquet
    dbt        `dbt build` of the day: every model and every test, into the encrypted warehouse

Beside each stage stands what needs none of this, measured in the same run over the same events: a
server that only answers, and bare DuckDB over plain files (`bare_duckdb`). Peak memory is that of
the stage's process. Everything lies in a temporary folder that is removed.
"""

import argparse
import tempfile
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from analytics_pipeline.storage.api_keys import create_api_key
from analytics_pipeline.storage.keyring import Keyring
from analytics_pipeline.storage.public_keys import active_public_key
from benchmarks import bare_duckdb, stages
from benchmarks.machine import ChildRun, print_json, run_in_child, say
from benchmarks.workload import PLATFORM, Workload, build_workload, iter_uploads


@dataclass(frozen=True)
class Figures:
    """One run. Rates are of the events put in; ``dbt_seconds`` is the whole process, of which
    models and tests are parts; ratios are ours to bare DuckDB's, so 1 is as fast."""

    events: int
    accepted_events_per_second: int
    accepted_peak_mib: int
    bare_http_events_per_second: int
    bare_http_peak_mib: int
    sealed_events_per_second: int
    sealed_peak_mib: int
    bare_duckdb_seal_events_per_second: int
    bare_duckdb_seal_peak_mib: int
    loaded_events_per_second: int
    loaded_peak_mib: int
    bare_duckdb_load_events_per_second: int
    bare_duckdb_load_peak_mib: int
    dbt_seconds: float
    dbt_models_seconds: float
    dbt_tests_seconds: float
    dbt_start_seconds: float
    dbt_peak_mib: int
    bare_duckdb_seconds: float
    bare_duckdb_peak_mib: int
    dbt_to_bare_ratio: float
    dbt_models_to_bare_ratio: float


def measure(events: int) -> Figures:
    """Every stage once, in order, in a home of its own."""
    with tempfile.TemporaryDirectory(prefix="benchmark-") as folder:
        return _measure(events, Path(folder))


def _measure(events: int, folder: Path) -> Figures:
    home = folder / "home"
    environ = {"ANALYTICS_HOME": str(home), "ANALYTICS_PLATFORM": PLATFORM}
    say(f"simulating {events:,} events")
    workload = build_workload(events)
    plain = _write_plain(workload, folder)

    accepted, answered = _accept(workload, home, environ)
    say("sealing, then the same with bare DuckDB from JSON")
    sealed = stages.seal(environ)
    bare_seal = run_in_child(bare_duckdb.seal, plain.with_suffix(".ndjson"), folder / "s.parquet")
    say("loading, then the same with bare DuckDB from plain Parquet")
    loaded = stages.load(workload.day, environ)
    bare_load = run_in_child(bare_duckdb.load, plain, folder / "l.parquet")
    if loaded.value.kept != events:
        raise RuntimeError(f"{events} events went in, {loaded.value.kept} came out")
    say("dbt build, then its models with bare DuckDB over plain Parquet")
    stages.prepare_dbt(workload.videos, environ)
    dbt = stages.dbt_build(workload.day, environ)
    bare = stages.bare_aggregate(plain, workload.day, workload.videos, environ)

    def rate(run: ChildRun) -> int:
        return round(events / run.seconds)

    return Figures(
        events=events,
        accepted_events_per_second=rate(accepted),
        accepted_peak_mib=accepted.peak_mib,
        bare_http_events_per_second=rate(answered),
        bare_http_peak_mib=answered.peak_mib,
        sealed_events_per_second=rate(sealed),
        sealed_peak_mib=sealed.peak_mib,
        bare_duckdb_seal_events_per_second=rate(bare_seal),
        bare_duckdb_seal_peak_mib=bare_seal.peak_mib,
        loaded_events_per_second=rate(loaded),
        loaded_peak_mib=loaded.peak_mib,
        bare_duckdb_load_events_per_second=rate(bare_load),
        bare_duckdb_load_peak_mib=bare_load.peak_mib,
        dbt_seconds=round(dbt.seconds, 2),
        dbt_models_seconds=round(dbt.value["model"], 2),
        dbt_tests_seconds=round(dbt.value["test"], 2),
        dbt_start_seconds=round(dbt.seconds - sum(dbt.value.values()), 2),
        dbt_peak_mib=dbt.peak_mib,
        bare_duckdb_seconds=round(bare.seconds, 2),
        bare_duckdb_peak_mib=bare.peak_mib,
        dbt_to_bare_ratio=round(dbt.seconds / bare.seconds, 2),
        dbt_models_to_bare_ratio=round(dbt.value["model"] / bare.seconds, 2),
    )


def _write_plain(workload: Workload, folder: Path) -> Path:
    """The events as plain files for bare DuckDB: Parquet, and JSON lines beside it."""
    path = folder / "plain.parquet"
    workload.events.write_parquet(path, compression="zstd")
    workload.events.write_ndjson(path.with_suffix(".ndjson"))
    return path


def _accept(workload: Workload, home: Path, environ: dict[str, str]) -> tuple[ChildRun, ChildRun]:
    """Set up the deployment, seal the uploads (the client's work, not measured) and post them."""
    Keyring.create(home / "keys")
    api_key = create_api_key(
        home / "keys" / "api_keys.json", PLATFORM, "benchmark", [], datetime.now(UTC)
    )
    say("sealing the uploads, as browsers would")
    uploads = list(iter_uploads(workload.events, active_public_key(home / "keys"), api_key))
    say(f"posting {len(uploads):,} uploads to the API, then to a server that only answers")
    return stages.accept(uploads, environ), stages.accept_bare(uploads)


def markdown(figures: Figures) -> str:
    """The table of docs/benchmarks.md."""
    f = figures
    rates = {
        "accepted": (f.accepted_events_per_second, f.accepted_peak_mib),
        "an HTTP server that only answers": (f.bare_http_events_per_second, f.bare_http_peak_mib),
        "sealed": (f.sealed_events_per_second, f.sealed_peak_mib),
        "bare DuckDB: JSON to distinct events in Parquet": (
            f.bare_duckdb_seal_events_per_second,
            f.bare_duckdb_seal_peak_mib,
        ),
        "loaded": (f.loaded_events_per_second, f.loaded_peak_mib),
        "bare DuckDB: Parquet to distinct events in Parquet": (
            f.bare_duckdb_load_events_per_second,
            f.bare_duckdb_load_peak_mib,
        ),
    }
    durations = {
        "`dbt build`: models and tests": (f.dbt_seconds, f.dbt_peak_mib),
        "of which models": (f.dbt_models_seconds, ""),
        "of which tests": (f.dbt_tests_seconds, ""),
        "of which start and end": (f.dbt_start_seconds, ""),
        "bare DuckDB: the models' SQL": (f.bare_duckdb_seconds, f.bare_duckdb_peak_mib),
    }
    lines = [f"| {f.events:,} events | Events/s | Seconds | Peak MiB |", "|---|---:|---:|---:|"]
    lines += [
        f"| {name} | {rate:,} | {f.events / rate:.2f} | {mib} |"
        for name, (rate, mib) in rates.items()
    ]
    lines += [
        f"| {name} | {f.events / seconds:,.0f} | {seconds:.2f} | {mib} |"
        for name, (seconds, mib) in durations.items()
    ]
    return "\n".join(lines)


def main() -> None:
    """Print the table, or JSON."""
    parser = argparse.ArgumentParser(description=__doc__, prog="python -m benchmarks.pipeline")
    parser.add_argument("--events", type=int, default=1_000_000, help="of one day")
    parser.add_argument("--json", action="store_true", help="every figure, and the machine")
    options = parser.parse_args()
    if options.events < 1:
        parser.error("--events must be positive")
    figures = measure(options.events)
    if options.json:
        print_json(asdict(figures))
    else:
        print(markdown(figures))


if __name__ == "__main__":
    main()
