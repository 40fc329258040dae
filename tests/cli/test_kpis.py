"""The table of exact KPIs, where a day or a provider is not exported."""

from datetime import date

from rich.console import Console

from analytics_pipeline.cli.kpis import kpi_table

PLATFORM = {
    "daily_active_viewers": 1200,
    "sessions": 1500,
    "views": 2000,
    "plays": 1800,
    "watch_seconds": 90_000.0,
    "average_watch_seconds": 60.0,
    "play_rate": 0.9,
    "completion_rate": None,
}
PROVIDER = {
    "provider": "ipfs",
    "startup_ms_p50": 200,
    "startup_ms_p95": 900,
    "rebuffer_ratio": 0.01,
    "error_rate": 0.0,
}


def test_what_is_not_exported_is_a_dash() -> None:
    """A day of few viewers has no rows at all."""
    full = {
        "platform_day": [PLATFORM],
        "concurrency_day": [{"peak_concurrent_views": 70}],
        "storage_provider_day": [PROVIDER],
    }
    empty: dict[str, list[dict[str, object]]] = {mart: [] for mart in full}
    console = Console(width=120)
    with console.capture() as capture:
        console.print(kpi_table({date(2026, 3, 1): full, date(2026, 3, 2): empty}))
    lines = capture.get().splitlines()
    [viewers] = [line for line in lines if "Daily active viewers" in line]
    assert [cell.strip() for cell in viewers.split("│")[1:4]] == [
        "Daily active viewers",
        "1,200",
        "–",
    ]
    [startup] = [line for line in lines if "ipfs: start-up" in line]
    assert "200 / 900" in startup
    assert "–" in startup
    assert "too few viewers" in capture.get()
