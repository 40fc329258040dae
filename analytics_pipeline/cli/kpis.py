"""Exact KPIs as a table, from what the encrypted warehouse exports: never about few viewers."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from rich.table import Table

from analytics_pipeline.settings import Settings

#: label, mart, column, format
_PLATFORM = (
    ("Daily active viewers", "platform_day", "daily_active_viewers", "{:,}"),
    ("Sessions", "platform_day", "sessions", "{:,}"),
    ("Page views of a video", "platform_day", "views", "{:,}"),
    ("Plays", "platform_day", "plays", "{:,}"),
    ("Watch seconds", "platform_day", "watch_seconds", "{:,.0f}"),
    ("Average watch seconds a session", "platform_day", "average_watch_seconds", "{:.1f}"),
    ("Play rate", "platform_day", "play_rate", "{:.1%}"),
    ("Completion rate", "platform_day", "completion_rate", "{:.1%}"),
    ("Peak concurrent views", "concurrency_day", "peak_concurrent_views", "{:,}"),
)
_PROVIDER = (
    ("start-up p50 / p95 ms", "{startup_ms_p50:,} / {startup_ms_p95:,}"),
    ("rebuffer ratio", "{rebuffer_ratio:.2%}"),
    ("error rate", "{error_rate:.1%}"),
)

_CAPTION = "– is about too few viewers to be shown, or is not defined (docs/models.md)."

DayMarts = Mapping[str, Sequence[Mapping[str, Any]]]


def load_kpis(settings: Settings, days: Sequence[date]) -> dict[date, DayMarts]:
    """The exported marts of the given days that the table shows."""
    from analytics_pipeline.storage.keyring import Keyring
    from analytics_pipeline.storage.warehouse import load_export, open_warehouse

    key = Keyring(settings.keys_dir).storage_key("warehouse")
    with open_warehouse(settings.warehouse_path, key, read_only=True) as warehouse:
        return {
            day: {
                mart: load_export(warehouse, mart, settings.platform, day).to_dicts()
                for mart in ("platform_day", "concurrency_day", "storage_provider_day")
            }
            for day in days
        }


def kpi_table(kpis: Mapping[date, DayMarts]) -> Table:
    """Platform KPIs, then reliability and latency per storage provider; one column a day."""
    table = Table(title="Exact KPIs (not for publication)", caption=_CAPTION)
    table.add_column("")
    for day in kpis:
        table.add_column(day.isoformat(), justify="right")
    for label, mart, column, form in _PLATFORM:
        table.add_row(label, *(_cell(form, marts[mart], column) for marts in kpis.values()))
    by_day = [
        {row["provider"]: row for row in marts["storage_provider_day"]} for marts in kpis.values()
    ]
    for provider in sorted({name for rows in by_day for name in rows}):
        table.add_section()
        for label, form in _PROVIDER:
            cells = (_row_cell(form, rows.get(provider)) for rows in by_day)
            table.add_row(f"{provider}: {label}", *cells)
    return table


def _cell(form: str, rows: Sequence[Mapping[str, Any]], column: str) -> str:
    """Of a mart with one row a day, or none."""
    value = rows[0][column] if rows else None
    return "–" if value is None else form.format(value)


def _row_cell(form: str, row: Mapping[str, Any] | None) -> str:
    try:
        return form.format(**row) if row else "–"
    except TypeError:  # a null ratio or quantile has no format
        return "–"
