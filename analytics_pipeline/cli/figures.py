"""Published figures as a table: what is public, with its error; `–` where it is suppressed."""

from collections.abc import Sequence

from rich.table import Table

from analytics_pipeline.core.accounting import DELTA, published_epsilon
from analytics_pipeline.core.budget import rho
from analytics_pipeline.core.derived import Estimate, derive_average_watch_seconds
from analytics_pipeline.core.quantiles import derive_startup_quantile
from analytics_pipeline.core.report import Report

#: How many keys of a scope are shown.
_TOP = {"creator": 10, "video": 5, "region": 3, "provider": 5}
_CAPTION = (
    "± is the 95 % error of the noise. – is suppressed: under 3 σ, noise drowns it\n"
    "(fewer viewers, more of these). Shown are the keys with most viewers.\n"
    "r is the revision, of each day the newest one released.\n"
    "Regions: IP Geolocation by DB-IP, https://db-ip.com (CC BY 4.0)."
)


def figures_table(reports: Sequence[Report]) -> Table:
    """Platform, creators, the most watched videos, regions and storage providers; one column a
    day."""
    table = Table(title="Released figures (public)", caption=_CAPTION, caption_justify="left")
    table.add_column("")
    for report in reports:
        table.add_column(f"{report.header.day} r{report.header.revision}", justify="right")
    for metric, label in (
        ("viewers", "Daily active viewers"),
        ("views", "Viewers × videos played"),
        ("watch_seconds", "Watch seconds"),
        ("peak_viewers", "Most viewers at once"),
        ("first_of_week", "New this week"),
        ("first_of_month", "New this month"),
    ):
        table.add_row(label, *(_figure(report, "platform", "", metric) for report in reports))
    averages = (derive_average_watch_seconds(report, "platform") for report in reports)
    table.add_row("Watch seconds per viewer", *(_estimate(average) for average in averages))
    for scope, limit in _TOP.items():
        table.add_section()
        for key in _largest(reports, scope, limit):
            cells = (_figure(report, scope, key, "viewers") for report in reports)
            table.add_row(f"Viewers, {scope} {key}", *cells)
            if scope == "provider":
                table.add_row("… start-up, half below", *(_startup(r, key) for r in reports))
    table.add_section()
    spends = [report.header.spend_nano_rho for report in reports]
    table.add_row("Privacy spent: rho", *(rho(spend) for spend in spends))
    table.add_row(
        f"… epsilon at delta {DELTA:g}", *(f"{published_epsilon(spend):g}" for spend in spends)
    )
    return table


def _figure(report: Report, scope: str, key: str, metric: str) -> str:
    row = report.by_name.get((scope, key, metric))
    if row is None or row.value is None:
        return "[dim]–[/]"
    return f"{row.value:,} [dim]± {row.error_95:,.0f}[/]"


def _estimate(estimate: Estimate | None) -> str:
    if estimate is None:
        return "[dim]–[/]"
    return f"{estimate.value:,.1f} [dim]± {estimate.error_95:,.1f}[/]"


def _startup(report: Report, provider: str) -> str:
    """Where the median start-up time lies."""
    median = derive_startup_quantile(report, provider, 50)
    if median is None:
        return "[dim]–[/]"
    return f"{median.low:,} to {median.high:,} ms" if median.high else f"over {median.low:,} ms"


def _largest(reports: Sequence[Report], scope: str, limit: int) -> list[str]:
    """Keys with the most viewers over all days, of those shown on any."""
    totals: dict[str, int] = {}
    for report in reports:
        for row in report.rows:
            if row.scope == scope and row.metric == "viewers" and row.value is not None:
                totals[row.key] = totals.get(row.key, 0) + row.value
    return sorted(totals, key=lambda key: (-totals[key], key))[:limit]
