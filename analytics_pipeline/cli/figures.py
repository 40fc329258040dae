"""Published figures as a table: what is public, with its error; `–` where it is suppressed."""

from collections.abc import Sequence

from rich.table import Table

from analytics_pipeline.core.derived import Estimate, derive_average_watch_seconds
from analytics_pipeline.core.report import Report

_TOP_VIDEOS = 5
_TOP_REGIONS = 3
_CAPTION = (
    "± is the 95 % error of the noise. – is suppressed: under 3 σ, noise would drown it\n"
    "(fewer viewers, more of these). Shown are the keys with most viewers.\n"
    "Regions: IP Geolocation by DB-IP, https://db-ip.com (CC BY 4.0)."
)


def figures_table(reports: Sequence[Report]) -> Table:
    """Platform, creators, the most watched videos and regions; one column a day."""
    table = Table(title="Released figures (public)", caption=_CAPTION, caption_justify="left")
    table.add_column("")
    for report in reports:
        table.add_column(f"{report.header.day} r{report.header.revision}", justify="right")
    for metric, label in (
        ("viewers", "Daily active viewers"),
        ("views", "Viewers × videos played"),
        ("watch_seconds", "Watch seconds"),
    ):
        table.add_row(label, *(_figure(report, "platform", "", metric) for report in reports))
    averages = (derive_average_watch_seconds(report, "platform") for report in reports)
    table.add_row("Watch seconds per viewer", *(_estimate(average) for average in averages))
    for scope, limit in (("creator", 10), ("video", _TOP_VIDEOS), ("region", _TOP_REGIONS)):
        table.add_section()
        for key in _largest(reports, scope, limit):
            cells = (_figure(report, scope, key, "viewers") for report in reports)
            table.add_row(f"Viewers, {scope} {key}", *cells)
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


def _largest(reports: Sequence[Report], scope: str, limit: int) -> list[str]:
    """Keys with the most viewers over all days, of those shown on any."""
    totals: dict[str, int] = {}
    for report in reports:
        for row in report.rows:
            if row.scope == scope and row.metric == "viewers" and row.value is not None:
                totals[row.key] = totals.get(row.key, 0) + row.value
    return sorted(totals, key=lambda key: (-totals[key], key))[:limit]
