"""The stages of the pipeline benchmark, each in a process of its own, through its real entry point.

Belongs here: starting a stage and taking its time and peak memory. Does not belong here: what is
fed in (`workload`), what it is compared with (`bare_duckdb`).
"""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import date
from pathlib import Path
from typing import Any, Final

import polars as pl
import uvloop

from analytics_pipeline.defs.dbt_manifest import DBT, PROJECT_DIR, dbt_environ
from analytics_pipeline.defs.steps.events import Intake, find_problems, load_day
from analytics_pipeline.defs.steps.videos import store_videos
from analytics_pipeline.defs.stores import Stores
from analytics_pipeline.sealer.__main__ import main as sealer_main
from analytics_pipeline.settings import load_settings
from analytics_pipeline.storage.catalogue import Video, put_videos
from analytics_pipeline.storage.dbt_plugin import hmac_pads, policy_tables
from benchmarks import bare_duckdb
from benchmarks.http_client import BARE_SERVER, Upload, post_all
from benchmarks.machine import ChildRun, free_port, run_command, run_in_child, server
from benchmarks.workload import PLATFORM

CONNECTIONS: Final = 64
#: Dagster runs unit tests nowhere either: they test SQL, not data
_NO_UNIT_TESTS: Final = ("--exclude-resource-type", "unit_test")


def accept(uploads: Sequence[Upload], environ: Mapping[str, str]) -> ChildRun:
    """Post everything to the real API; every 202 means fsynced."""
    port = free_port()
    settings = {
        **environ,
        "ANALYTICS_API_PORT": str(port),
        "ANALYTICS_RATE_LIMIT": "1000000",
        "ANALYTICS_TRUSTED_PROXIES": "127.0.0.1",
    }
    with server(["-m", "analytics_pipeline.ingest"], settings, port) as memory:
        seconds, _ = uvloop.run(post_all(port, uploads, CONNECTIONS))
        return ChildRun(None, seconds, memory.read())


def accept_bare(uploads: Sequence[Upload]) -> ChildRun:
    """Post everything to a server that only answers."""
    port = free_port()
    with server(["-c", BARE_SERVER, str(port)], {}, port) as memory:
        seconds, _ = uvloop.run(post_all(port, uploads, CONNECTIONS))
        return ChildRun(None, seconds, memory.read())


def seal(environ: Mapping[str, str]) -> ChildRun:
    """`python -m analytics_pipeline.sealer --once`, less its imports."""
    return run_in_child(_seal, environ=environ)


def load(day: date, environ: Mapping[str, str]) -> ChildRun:
    """The step behind the Dagster asset `events`. The value is its intake."""
    return run_in_child(_load, day, environ=environ)


def prepare_dbt(videos: list[Video], environ: Mapping[str, str]) -> None:
    """What the models join events with: the platform's videos, in catalogue and warehouse."""
    stores = Stores(load_settings(environ))
    put_videos(stores.catalogue, PLATFORM, videos)
    store_videos(stores)
    stores.close()


def dbt_build(day: date, environ: Mapping[str, str]) -> ChildRun:
    """`dbt build` of the day as Dagster starts it, from the process's start to its end, parsing
    included (other days than before mean that dbt parses anew). The value is the seconds by kind
    of node."""
    variables = json.dumps({"start_day": f"{day}", "end_day": f"{day}"})
    run = run_command(
        [DBT, "--no-use-colors", "build", *_NO_UNIT_TESTS, "--vars", variables],
        {**environ, **dbt_environ(load_settings(environ), _target_dir(environ))},
        PROJECT_DIR,
    )
    seconds: Counter[str] = Counter()
    for result in _run_results(environ):
        seconds[result["unique_id"].partition(".")[0]] += result["execution_time"]
    return ChildRun(seconds, run.seconds, run.peak_mib)


def bare_aggregate(
    events: Path, day: date, videos: list[Video], environ: Mapping[str, str]
) -> ChildRun:
    """The SQL of the models that `dbt_build` has just built, in its order, in bare DuckDB."""
    models = [
        (result["relation_name"], result["compiled_code"])
        for result in _run_results(environ)
        if result["unique_id"].startswith("model.")
    ]
    rows = [{"platform": PLATFORM, **asdict(video)} for video in videos]
    tables = {f"memory.policy.{name}": frame for name, frame in policy_tables().items()}
    tables["warehouse.catalogue.videos"] = pl.DataFrame(rows)
    pads = dict(zip(("selection_inner", "selection_outer"), hmac_pads(bytes(32)), strict=True))
    return run_in_child(bare_duckdb.aggregate, models, tables, pads, events, day)


def _run_results(environ: Mapping[str, str]) -> list[dict[str, Any]]:
    path = _target_dir(environ) / "run_results.json"
    results: list[dict[str, Any]] = json.loads(path.read_bytes())["results"]
    return results


def _target_dir(environ: Mapping[str, str]) -> Path:
    return load_settings(environ).home / "dbt"


def _seal() -> None:
    if sealer_main(["--once"]):
        raise RuntimeError("the sealer failed")


def _load(day: date) -> Intake:
    stores = Stores(load_settings())
    intake = load_day(stores, day)
    stores.close()
    problems = find_problems(intake)
    if problems:
        raise RuntimeError("; ".join(problems))
    return intake
