"""The floor of the pipeline benchmark: bare DuckDB over plain files, in a process of its own.

    aggregate  the SQL that dbt compiled for every model, in dbt's order, over a plain Parquet file:
               the same KPIs without dbt, tests, contracts, encryption and earlier days to replace
    load       plain Parquet, distinct events, plain Parquet
    seal       newline-delimited JSON, distinct events, plain Parquet

All use every core and keep tables in memory. Belongs here: what a notebook would do. Does not
belong here: anything of the pipeline, so that its imports are in no figure.
"""

from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any, Final

import duckdb

_DISTINCT: Final = """
    COPY (
        FROM {source}
        QUALIFY row_number() OVER (
            PARTITION BY session_id, video_id, type, at_ms, seq ORDER BY received_at_ms
        ) = 1
    ) TO '{target}' (FORMAT parquet, COMPRESSION zstd)
"""


def seal(events: Path, target: Path) -> None:
    """JSON lines to distinct events in Parquet."""
    with duckdb.connect() as con:
        con.execute(_DISTINCT.format(source=f"read_ndjson('{events}')", target=target))


def load(events: Path, target: Path) -> None:
    """Parquet to distinct events in Parquet."""
    with duckdb.connect() as con:
        con.execute(_DISTINCT.format(source=f"read_parquet('{events}')", target=target))


def aggregate(
    models: Sequence[tuple[str, str]],
    tables: Mapping[str, Any],
    variables: Mapping[str, bytes],
    events: Path,
    day: date,
) -> dict[str, int]:
    """Build every model as a plain table.

    Args:
        models: (relation, SQL) in order.
        tables: data frames that the SQL refers to, by relation.
        variables: DuckDB variables that the SQL refers to.
    Returns:
        The rows of each model's table.
    """
    with duckdb.connect() as con:
        con.execute("CREATE SCHEMA memory.raw")
        con.execute(
            "CREATE VIEW memory.raw.events AS "
            f"SELECT *, DATE '{day}' AS raw_day FROM read_parquet('{events}')"
        )
        build_models(con, models, tables, variables)
        return {relation: _rows(con, relation) for relation, _ in models}


def build_models(
    con: duckdb.DuckDBPyConnection,
    models: Sequence[tuple[str, str]],
    tables: Mapping[str, Any],
    variables: Mapping[str, bytes],
) -> None:
    """Build models as plain tables in memory; arguments as for `aggregate`."""
    con.execute("ATTACH ':memory:' AS warehouse")
    for schema in ("raw", "policy", "staging", "intermediate"):
        con.execute(f"CREATE SCHEMA IF NOT EXISTS memory.{schema}")
    for schema in ("catalogue", "marts", "exports"):
        con.execute(f"CREATE SCHEMA warehouse.{schema}")
    for relation, frame in tables.items():
        con.register("frame", frame)
        con.execute(f"CREATE TABLE {relation} AS FROM frame")
        con.unregister("frame")
    for name, value in variables.items():
        con.execute(f"SET VARIABLE {name} = unhex('{value.hex()}')")
    for relation, sql in models:
        con.execute(f"CREATE TABLE {relation} AS {sql}")


def _rows(con: duckdb.DuckDBPyConnection, relation: str) -> int:
    [row] = con.execute(f"SELECT count(*) FROM {relation}").fetchall()
    return int(row[0])
