"""From days to tallies by the real models: dbt with the policy's bounds, its SQL with any others.

`build_tallies` writes the days as the pipeline would (encrypted raw layer, encrypted warehouse) and
runs dbt. `rebuild` runs the SQL that dbt compiled, in memory, so that a broken build differs from
the real one in one constant. Belongs here: running models. Does not belong here: what is in the
days (`days`), which constants are worth breaking (`builds`).
"""

import json
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

import duckdb
import polars as pl

from analytics_pipeline.core.policy import Bounds
from analytics_pipeline.defs.dbt_manifest import DBT, PROJECT_DIR
from analytics_pipeline.storage.dbt_environment import KEY_BYTES, dbt_environment
from analytics_pipeline.storage.dbt_plugin import hmac_pads, policy_tables
from analytics_pipeline.storage.event_columns import EVENT_COLUMNS
from analytics_pipeline.storage.raw_day import raw_day_key, write_raw_day
from analytics_pipeline.storage.retention_keys import RetentionKeys
from analytics_pipeline.storage.warehouse import (
    VIDEOS_SCHEMA,
    load_mart,
    open_warehouse,
    write_videos,
)
from benchmarks.attack.days import DURATION_MS, LISTING, PLATFORM, TARGETS, build_events, date_of
from benchmarks.bare_duckdb import build_models
from benchmarks.machine import run_command

#: (scope, key, metric) → exact value.
Tally = Mapping[tuple[str, str, str], int]
_TALLY: Final = "tally"


@dataclass(frozen=True)
class Tallies:
    """The tally of every day, and what it takes to build them anew."""

    by_day: Mapping[str, Tally]
    events: pl.DataFrame
    videos: pl.DataFrame
    models: tuple[tuple[str, str], ...]
    selection_key: bytes

    def rebuild(self, bounds: Bounds) -> dict[str, Tally]:
        """The tallies that the same SQL makes of the same events under other bounds."""
        tables = {f"memory.policy.{name}": frame for name, frame in policy_tables().items()}
        tables["memory.policy.bounds"] = tables["memory.policy.bounds"].with_columns(
            **{name: pl.lit(value) for name, value in asdict(bounds).items()}
        )
        tables["memory.raw.events"] = self.events
        tables["warehouse.catalogue.videos"] = self.videos
        pads = hmac_pads(self.selection_key)
        variables = dict(zip(("selection_inner", "selection_outer"), pads, strict=True))
        with duckdb.connect() as con:
            build_models(con, self.models, tables, variables)
            frame = con.execute(f"FROM {self.models[-1][0]}").pl()
        by_date = dict(frame.partition_by("day", as_dict=True))
        return {name: _tally(by_date[(date_of(name),)]) for name in TARGETS}


def build_tallies(folder: Path, selection_key: bytes | None = None) -> Tallies:
    """Run dbt over all days of `TARGETS`, in a deployment of its own below an empty folder."""
    key = selection_key or secrets.token_bytes(KEY_BYTES)
    warehouse_key, raw_key = secrets.token_bytes(KEY_BYTES), secrets.token_bytes(KEY_BYTES)
    events = {name: _frame(name) for name in TARGETS}
    retention = RetentionKeys(folder / "retention")
    for name, frame in events.items():
        day = date_of(name)
        day_key = raw_day_key(raw_key, retention.ensure(PLATFORM, day), PLATFORM, day)
        write_raw_day(folder / "raw", PLATFORM, day, frame, day_key)
    warehouse = folder / "warehouse.duckdb"
    videos = pl.DataFrame(
        [(PLATFORM, video, creator, "a title", DURATION_MS) for creator, video in LISTING.videos],
        schema=VIDEOS_SCHEMA,
        orient="row",
    )
    with open_warehouse(warehouse, warehouse_key) as con:
        write_videos(con, videos)
    environ = dbt_environment(
        platform=PLATFORM,
        project_dir=PROJECT_DIR,
        warehouse_path=warehouse,
        raw_dir=folder / "raw",
        retention_dir=folder / "retention",
        temp_dir=folder / "tmp",
        target_dir=folder / "dbt",
        warehouse_key=warehouse_key,
        raw_key=raw_key,
        selection_key=key,
    )
    days = {"start_day": f"{date_of('out')}", "end_day": f"{max(map(date_of, TARGETS))}"}
    command = [DBT, "--no-use-colors", "run", "--select", f"+{_TALLY}", "--vars", json.dumps(days)]
    run_command(command, environ, PROJECT_DIR)
    with open_warehouse(warehouse, warehouse_key, read_only=True) as con:
        by_day = {n: _tally(load_mart(con, _TALLY, PLATFORM, date_of(n))) for n in TARGETS}
    models = tuple(_compiled(folder / "dbt" / "run_results.json"))
    return Tallies(by_day, pl.concat(events.values()), videos, models, key)


def _frame(name: str) -> pl.DataFrame:
    rows = [{column: event.get(column) for column in EVENT_COLUMNS} for event in build_events(name)]
    return pl.DataFrame(rows, schema=EVENT_COLUMNS)


def _tally(frame: pl.DataFrame) -> Tally:
    rows = frame.select("scope", "key", "metric", "value").iter_rows()
    return {(scope, key, metric): value for scope, key, metric, value in rows}


def _compiled(run_results: Path) -> Iterable[tuple[str, str]]:
    """(relation, SQL) of the models in the order in which dbt built them; the tally comes last."""
    for result in json.loads(run_results.read_bytes())["results"]:
        if result["unique_id"].startswith("model."):
            yield result["relation_name"], result["compiled_code"]
