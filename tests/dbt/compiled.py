"""The models as dbt compiled them, in a bare DuckDB: a tally in a tenth of a second.

For tests that need many days, or a policy that no deployment has. The tables they read are those of
the plugin (`storage.dbt_plugin.policy_tables`), so bounds, keys and metrics come the same way.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import polars as pl

from analytics_pipeline.core.policy import Policy
from analytics_pipeline.storage.dbt_plugin import hmac_pads, policy_tables
from analytics_pipeline.storage.event_columns import EVENT_COLUMNS
from analytics_pipeline.storage.warehouse import VIDEOS_SCHEMA
from tests.dbt.deployment import PLATFORM, Deployment

Tally = dict[tuple[str, str, str], int]
Event = Mapping[str, Any]


@dataclass(frozen=True)
class Compiled:
    """(relation, SQL) of what a tally needs, in dbt's order, for one day."""

    day: date
    models: tuple[tuple[str, str], ...]

    def edited(self, old: str, new: str) -> "Compiled":
        """With one place of the SQL changed."""
        assert sum(sql.count(old) for _, sql in self.models) == 1, old
        return replace(
            self, models=tuple((name, sql.replace(old, new)) for name, sql in self.models)
        )


def compile_models(home: Path, day: date) -> Compiled:
    """Let dbt compile the tally and everything above it."""
    deployment = Deployment(home)
    deployment.write_videos([])
    deployment.write_events(day, [])
    variables = f"{{start_day: {day}, end_day: {day}}}"
    result = deployment.dbt("compile", "--select", "+tally", "--vars", variables)
    assert result.returncode == 0, result.stdout
    nodes = json.loads((deployment.target_dir / "manifest.json").read_text())["nodes"]
    run = json.loads((deployment.target_dir / "run_results.json").read_text())["results"]
    compiled = [nodes[each["unique_id"]] for each in run if each["unique_id"].startswith("model.")]
    return Compiled(day, tuple((node["relation_name"], node["compiled_code"]) for node in compiled))


class Sql:
    """One policy, one listing; tallies of as many days' events as one likes."""

    def __init__(
        self,
        con: duckdb.DuckDBPyConnection,
        compiled: Compiled,
        policy: Policy,
        videos: Sequence[tuple[str, str, int]],
    ) -> None:
        self._con, self._compiled = con, compiled
        con.execute("SET threads = 1")
        con.execute("ATTACH ':memory:' AS warehouse")
        for schema in ("memory.raw", "memory.policy", "memory.staging", "memory.intermediate"):
            con.execute(f"CREATE SCHEMA {schema}")
        for schema in ("warehouse.catalogue", "warehouse.marts"):
            con.execute(f"CREATE SCHEMA {schema}")
        for name, frame in policy_tables(policy).items():
            self._put(f"memory.policy.{name}", frame)
        rows = [(PLATFORM, video, creator, None, ms) for video, creator, ms in videos]
        self._put("warehouse.catalogue.videos", pl.DataFrame(rows, VIDEOS_SCHEMA, orient="row"))
        for name, pad in zip(("selection_inner", "selection_outer"), hmac_pads(b"k"), strict=True):
            con.execute(f"SET VARIABLE {name} = unhex('{pad.hex()}')")

    def tally(self, events: Sequence[Event]) -> Tally:
        """Run every model over these events."""
        rows = [{name: event.get(name) for name in EVENT_COLUMNS} for event in events]
        frame = pl.DataFrame(rows, schema=EVENT_COLUMNS).with_columns(raw_day=self._compiled.day)
        self._put("memory.raw.events", frame)
        for relation, sql in self._compiled.models:
            self._con.execute(f"CREATE OR REPLACE TABLE {relation} AS {sql}")
        found = self._con.execute("SELECT scope, key, metric, value FROM warehouse.marts.tally")
        return {(scope, key, metric): value for scope, key, metric, value in found.fetchall()}

    def _put(self, relation: str, frame: pl.DataFrame) -> None:
        self._con.register("frame", frame)
        self._con.execute(f"CREATE OR REPLACE TABLE {relation} AS FROM frame")
        self._con.unregister("frame")


@contextmanager
def open_sql(
    compiled: Compiled, policy: Policy, videos: Sequence[tuple[str, str, int]]
) -> Iterator[Sql]:
    with duckdb.connect() as con:
        yield Sql(con, compiled, policy, videos)
