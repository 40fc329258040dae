"""`budget`: what the platform's releases have spent of their viewers' privacy, and what is left."""

import json
from collections import Counter
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Annotated, Any

import typer
from rich.table import Table

from analytics_pipeline.cli.console import out
from analytics_pipeline.core.accounting import DELTA, published_epsilon
from analytics_pipeline.core.budget import WINDOW_DAYS, Allowance, Caps, Ledger, rho
from analytics_pipeline.core.day import parse_day
from analytics_pipeline.core.policy import DEFAULT_POLICY
from analytics_pipeline.settings import load_settings, require_home


def budget(
    day: Annotated[
        str | None,
        typer.Argument(help="UTC day, YYYY-MM-DD: the last of the 30. By default yesterday."),
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="One JSON document, rho in whole 1e-9.")
    ] = False,
) -> None:
    """Show the privacy budget of 30 days: what is spent, what is left, when there is more.

    analytics-pipeline budget

    analytics-pipeline budget 2026-11-30 --json

    A release spends rho on the viewers of its day; epsilon, at delta 1e-6, says the same. There is
    a budget for each day, and one for any 30 consecutive days: a viewer may come on all of them.
    Corrections get what the first releases of the 30 days leave (the reserve). No spend is ever
    taken back, so a full day stays full; what renews is the budget of later days.

    Only the catalogue is read. `verify` does the same sums from the chain alone.
    """
    from analytics_pipeline.storage.catalogue import list_spends, load_ledger, open_catalogue

    last = parse_day(day) if day else datetime.now(UTC).date() - timedelta(days=1)
    settings = load_settings()
    require_home(settings)
    catalogue = open_catalogue(settings.catalogue_location)
    try:
        releases = Counter(spend.day for spend in list_spends(catalogue, settings.platform))
        ledger = load_ledger(catalogue, settings.platform)
    finally:
        catalogue.close()
    caps = Caps.of(DEFAULT_POLICY)
    document = build_document(last, ledger, releases, caps)
    if as_json:
        typer.echo(json.dumps({"platform": settings.platform, **document}, indent=2))
        return
    out.print(_table(settings.platform, document))
    out.print(_says(document["thirty_days"]))
    out.print(f"One more release of {document['last_day']}.", soft_wrap=True)


def build_document(
    last: date, ledger: Ledger, releases: Mapping[date, int], caps: Caps
) -> dict[str, Any]:
    """All that the command says.

    Args:
        last: the last of the 30 days.
        releases: how many releases of each day have spent something.
    """
    days = [last - timedelta(days=back) for back in reversed(range(WINDOW_DAYS))]
    window = next(iter(ledger.windows(last, caps, reserve=True)))
    return {
        "delta": DELTA,
        "rho_nano": {
            "per_release": caps.per_release,
            "per_day": caps.per_day,
            "per_30_days": caps.per_30_days,
        },
        "days": [_day(ledger.allowance(each, caps), releases.get(each, 0)) for each in days],
        "thirty_days": {
            "from": window.first_day.isoformat(),
            "to": window.last_day.isoformat(),
            "rho_nano_spent": window.spent,
            "rho_nano_reserved": window.reserved,
            "rho_nano_left": max(0, window.left),
            "rho_nano_cap": window.cap,
            "epsilon": published_epsilon(window.spent),
        },
        "last_day": str(ledger.allowance(last, caps)),
    }


def _day(allowance: Allowance, releases: int) -> dict[str, Any]:
    return {
        "day": allowance.day.isoformat(),
        "releases": releases,
        "rho_nano_spent": allowance.day_spent,
        "rho_nano_left": max(0, allowance.day_left),
        "epsilon": published_epsilon(allowance.day_spent),
        "next_release": "first release" if allowance.is_first else "correction",
        "allowed": allowance.allowed,
        "renews_on": _iso(allowance.renews_on),
    }


def _table(platform: str, document: Mapping[str, Any]) -> Table:
    table = Table(title=f"Privacy budget of {platform}", title_justify="left")
    table.add_column("day")
    for column in ("releases", "rho spent", "left", f"epsilon (delta {DELTA:g})"):
        table.add_column(column, justify="right")
    table.add_column("one more release")
    for row in document["days"]:
        allowed = f"[green]{row['next_release']}[/]"
        if not row["allowed"]:
            full = row["rho_nano_left"] < document["rho_nano"]["per_release"]
            allowed = f"[yellow]no: {'the day is' if full else '30 days are'} spent[/]"
        table.add_row(
            row["day"],
            str(row["releases"]),
            rho(row["rho_nano_spent"]),
            rho(row["rho_nano_left"]),
            f"{row['epsilon']:g}",
            allowed,
        )
    return table


def _says(thirty: Mapping[str, Any]) -> str:
    return (
        f"30 days, {thirty['from']} to {thirty['to']}: rho {rho(thirty['rho_nano_spent'])} of "
        f"{rho(thirty['rho_nano_cap'])} spent (epsilon {thirty['epsilon']:g} of who came on each "
        f"day), {rho(thirty['rho_nano_reserved'])} kept for first releases, "
        f"{rho(thirty['rho_nano_left'])} left for corrections."
    )


def _iso(day: date | None) -> str | None:
    return None if day is None else day.isoformat()
