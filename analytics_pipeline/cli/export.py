"""`export`: the exact figures that may leave the warehouse, as files that BI tools open."""

from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from analytics_pipeline.cli.console import out
from analytics_pipeline.core.day import parse_day
from analytics_pipeline.core.errors import InvalidInput
from analytics_pipeline.settings import load_settings, require_home


def export(
    duckdb_file: Annotated[
        Path | None, typer.Option("--duckdb", metavar="FILE", help="One DuckDB file.")
    ] = None,
    parquet_folder: Annotated[
        Path | None, typer.Option("--parquet", metavar="FOLDER", help="A Parquet file a table.")
    ] = None,
    first_day: Annotated[
        str | None, typer.Option("--from", metavar="DAY", help="First UTC day; default: all.")
    ] = None,
    last_day: Annotated[
        str | None, typer.Option("--to", metavar="DAY", help="Last UTC day; default: all.")
    ] = None,
) -> None:
    """Write the exports to files for Superset, Metabase, notebooks and the like.

    analytics-pipeline export --duckdb viewership.duckdb

    analytics-pipeline export --parquet exports --from 2026-11-01 --to 2026-11-30

    Exact figures, but no row about fewer than k viewers, nor one that could be had as the
    difference of others (docs/models.md). The files are not encrypted, and made for this user
    alone: they are for the operator's people, not for publication. An earlier export is replaced.
    """
    from analytics_pipeline.storage.export_files import DayRange, write_duckdb, write_parquet
    from analytics_pipeline.storage.keyring import Keyring
    from analytics_pipeline.storage.warehouse import open_warehouse

    if duckdb_file is None and parquet_folder is None:
        raise InvalidInput(
            "--duckdb", "say where to write: --duckdb FILE, --parquet FOLDER or both"
        )
    days = DayRange(
        parse_day(first_day) if first_day else None, parse_day(last_day) if last_day else None
    )
    settings = load_settings()
    require_home(settings)
    key = Keyring(settings.keys_dir).storage_key("warehouse")
    with open_warehouse(settings.warehouse_path, key, read_only=True) as warehouse:
        if duckdb_file is not None:
            written = write_duckdb(warehouse, duckdb_file, settings.platform, days)
        if parquet_folder is not None:
            written = write_parquet(warehouse, parquet_folder, settings.platform, days)
    table = Table(title=f"Exports of {settings.platform}", title_justify="left")
    for column in ("table", "rows", "first day", "last day"):
        table.add_column(column, justify="right" if column == "rows" else "left")
    for each in written:
        table.add_row(each.name, f"{each.rows:,}", *map(_shown, (each.first_day, each.last_day)))
    out.print(table)
    for place in (duckdb_file, parquet_folder):
        if place is not None:
            out.print(f"Written: {place}", soft_wrap=True)


def _shown(day: object) -> str:
    return "–" if day is None else str(day)
