"""The exports as files that other programs open: one plain DuckDB file, or a Parquet file a table.

Belongs here: copying the schema `exports` of an open warehouse, with the columns' descriptions, and
nothing but it: the tables are those of `EXPORTED`, so the rule of k viewers (docs/models.md) holds
for the files as it does for the schema. Does not belong here: choosing or computing rows.

What is written is not encrypted: whoever has a file reads it. It appears whole or not at all, under
its final name at once, and a program that still has an older one open goes on reading that.
"""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import duckdb

from analytics_pipeline.core.errors import InvalidInput, StoreError
from analytics_pipeline.storage.warehouse import EXPORTED, quoted

TABLES = tuple(f"export_{mart}" for mart in EXPORTED)


@dataclass(frozen=True)
class ExportedTable:
    """What was written of a table; days are None if it has no row."""

    name: str
    rows: int
    first_day: date | None
    last_day: date | None


@dataclass(frozen=True)
class DayRange:
    """UTC days, both included; None: no end on that side."""

    first: date | None = None
    last: date | None = None

    def condition(self) -> str:
        """In SQL, over a column `day`."""
        ends = ((">=", self.first), ("<=", self.last))
        return " AND ".join(["true", *(f"day {sign} DATE '{day}'" for sign, day in ends if day)])


def write_duckdb(
    warehouse: duckdb.DuckDBPyConnection, path: Path, platform: str, days: DayRange
) -> list[ExportedTable]:
    """Write all exports of a platform to one DuckDB file, in its schema `main`.

    Args:
        warehouse: from `open_warehouse`.
        path: replaced if it is an earlier export.
    Raises:
        InvalidInput: something else is at `path`.
        StoreError: the exports have not been built yet.
    """
    _require_replaceable(path)
    with _appearing(path) as unfinished:
        warehouse.execute(f"ATTACH {quoted(str(unfinished))} AS plain")
        try:
            for table in TABLES:
                rows = _rows(warehouse, table, platform, days)
                warehouse.execute(f"CREATE TABLE plain.main.{table} AS {rows}")
                _copy_comments(warehouse, table)
            return [_describe(warehouse, f"plain.main.{table}") for table in TABLES]
        finally:
            warehouse.execute("DETACH plain")


def write_parquet(
    warehouse: duckdb.DuckDBPyConnection, folder: Path, platform: str, days: DayRange
) -> list[ExportedTable]:
    """Write each export to `<folder>/<table>.parquet`; see `write_duckdb`."""
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for table in TABLES:
        path = folder / f"{table}.parquet"
        with _appearing(path) as unfinished:
            rows = _rows(warehouse, table, platform, days)
            target = quoted(str(unfinished))
            warehouse.execute(f"COPY ({rows}) TO {target} (FORMAT parquet, COMPRESSION zstd)")
            written.append(_describe(warehouse, f"read_parquet({target})", table))
    return written


def _rows(warehouse: duckdb.DuckDBPyConnection, table: str, platform: str, days: DayRange) -> str:
    """The query for a table's rows. Raises StoreError if there is no such table yet."""
    built = "SELECT count(*) FROM duckdb_tables() WHERE database_name = 'warehouse' "
    named = "AND schema_name = 'exports' AND table_name = $1"
    if warehouse.execute(built + named, [table]).fetchall() == [(0,)]:
        raise StoreError(f"{table} has not been built yet; compute a day first")
    where = f"platform = {quoted(platform)} AND {days.condition()}"
    return f"SELECT * FROM warehouse.exports.{table} WHERE {where} ORDER BY ALL"  # noqa: S608


def _copy_comments(warehouse: duckdb.DuckDBPyConnection, table: str) -> None:
    of_table = "database_name = 'warehouse' AND schema_name = 'exports' AND table_name = $1"
    tables: Sequence[tuple[str, str | None]] = warehouse.execute(
        f"SELECT table_name, comment FROM duckdb_tables() WHERE {of_table}",  # noqa: S608
        [table],
    ).fetchall()
    columns: Sequence[tuple[str, str | None]] = warehouse.execute(
        f"SELECT column_name, comment FROM duckdb_columns() WHERE {of_table}",  # noqa: S608
        [table],
    ).fetchall()
    for _, words in tables:
        if words:
            warehouse.execute(f"COMMENT ON TABLE plain.main.{table} IS {quoted(words)}")
    for column, words in columns:
        if words:
            warehouse.execute(f"COMMENT ON COLUMN plain.main.{table}.{column} IS {quoted(words)}")


def _describe(
    con: duckdb.DuckDBPyConnection, relation: str, name: str | None = None
) -> ExportedTable:
    query = f"SELECT count(*), min(day), max(day) FROM {relation}"  # noqa: S608
    [(rows, first, last)] = con.execute(query).fetchall()
    return ExportedTable(name or relation.rpartition(".")[2], rows, first, last)


def _require_replaceable(path: Path) -> None:
    """Nobody loses another file by a wrong path."""
    if not path.exists():
        return
    try:
        with duckdb.connect(str(path), read_only=True) as con:
            found = {
                name for (name,) in con.execute("SELECT table_name FROM duckdb_tables()").fetchall()
            }
    except duckdb.Error:
        found = {""}
    if not found or not found <= set(TABLES):
        raise InvalidInput("--duckdb", f"{path} is there and is no earlier export; choose another")


@contextmanager
def _appearing(path: Path) -> Iterator[Path]:
    """A place to write to; what is there takes its final name if the body ends well."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}.{os.getpid()}.new")
    leftovers = (unfinished, unfinished.with_name(f"{unfinished.name}.wal"))
    try:
        yield unfinished
        unfinished.replace(path)
    finally:
        for leftover in leftovers:
            leftover.unlink(missing_ok=True)
