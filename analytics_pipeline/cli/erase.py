"""`erase`: what raw data is due to be destroyed, and destroying it."""

import os
from typing import Annotated, Any

import typer
from rich.table import Table

from analytics_pipeline.cli import children
from analytics_pipeline.cli.console import out, printable
from analytics_pipeline.settings import load_settings, require_home


def erase(
    day: Annotated[
        str | None, typer.Argument(metavar="[DAY]", help="One UTC day, before its time.")
    ] = None,
    reason: Annotated[
        str, typer.Option(help="Why that day; stands in the receipt that is published.")
    ] = "",
    yes: Annotated[bool, typer.Option("--yes", help="Do it; without, nothing changes.")] = False,
) -> None:
    """Destroy raw data whose retention time is over (ANALYTICS_RETENTION_DAYS).

    Without --yes it shows where every day stands. A day is erased only once its release is on chain
    and verifies and its late events are over; published figures stay. What is destroyed cannot be
    brought back.

        analytics-pipeline erase
        analytics-pipeline erase --yes
        analytics-pipeline erase 2026-11-01 --reason 'request of the authority' --yes
    """
    settings = load_settings()
    require_home(settings)
    arguments = [*([day] if day else []), "--reason", reason, *(["--yes"] if yes else [])]
    log = settings.home / "logs" / "erase.log"
    result = children.run("defs", "erase", *arguments, environ=os.environ, log=log)
    if yes:
        _show_receipts(result["receipts"])
    else:
        _show_days(result["days"], settings.retention_days)


def _show_days(days: list[dict[str, Any]], retention_days: int) -> None:
    kept = f"{retention_days} days after the record" if retention_days else "never by itself"
    table = Table(title=f"Raw data is erased {kept}", title_justify="left")
    for column in ("day", "segments", "on record since", "due on", "state"):
        table.add_column(column)
    due = 0
    for row in days:
        state = row["refused"] or "due"
        if row["begun"]:
            state = "begun, not finished"
        due += row["refused"] is None or row["begun"]
        table.add_row(
            row["day"],
            str(row["segments"]),
            (row["recorded_at"] or "–")[:10],
            (row["due_at"] or "–")[:10],
            printable(state),
        )
    out.print(table)
    out.print(f"{due} of {len(days)} may be erased now; `--yes` does it. Nothing was changed.")


def _show_receipts(receipts: list[dict[str, Any]]) -> None:
    for receipt in receipts:
        out.print(
            f"[green]Erased[/] {receipt['day']}: {receipt['data_keys']} data keys of "
            f"{len(receipt['segments'])} segments at {receipt['erased_at']}"
        )
    out.print("The receipts are published with the next release." if receipts else "Nothing due.")
