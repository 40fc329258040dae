"""`verify`: what a stranger runs. Needs the base install only."""

import json
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from analytics_pipeline.cli.console import err, out, printable
from analytics_pipeline.core.day import parse_day
from analytics_pipeline.core.errors import InvalidInput
from analytics_pipeline.core.verify_errors import CheckResult
from analytics_pipeline.settings import load_settings


def verify(
    target: Annotated[str, typer.Argument(help="A platform, or a bundle folder (offline).")],
    day: Annotated[str | None, typer.Argument(help="UTC day, YYYY-MM-DD.")] = None,
    chain: Annotated[str | None, typer.Option(help="JSON-RPC URL of the chain.")] = None,
    registry: Annotated[str | None, typer.Option(help="Address of the registry.")] = None,
    ipfs: Annotated[str | None, typer.Option(help="RPC URL of a Kubo node.")] = None,
    gateway: Annotated[
        list[str] | None, typer.Option(help="Trustless IPFS gateway; repeatable.")
    ] = None,
    save: Annotated[
        Path | None, typer.Option(help="Also write the day to this folder, to verify it offline.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")] = False,
) -> None:
    """Check a published day from chain and IPFS alone. Exit code 0: it holds; 1: it does not.

    Nothing of the operator's is asked or trusted: records come from the registry, the bundle by its
    CID. A folder is checked offline, and the registry's head is left for you to compare.

        analytics-pipeline verify data/sample_day
        analytics-pipeline verify demo 2026-11-01 --chain https://… --registry 0x… --gateway https://…
    """
    from analytics_pipeline.cli.folder import load_folder, save_folder
    from analytics_pipeline.core.verify import verify_bundle
    from analytics_pipeline.core.verify_errors import VerificationFailed

    asked = parse_day(day) if day else None
    try:
        if Path(target).is_dir():
            if chain or registry or ipfs or gateway:
                raise InvalidInput(
                    "target",
                    f"{target!r} is a folder, which is checked offline; with --chain, --registry, "
                    "--ipfs or --gateway name a platform and a day",
                )
            published, platform = load_folder(Path(target)), None
        else:
            if asked is None:
                raise InvalidInput("day", f"{target!r} is no folder; which day of this platform?")
            from analytics_pipeline.cli.published import open_sources

            given = {"chain": chain, "registry": registry, "ipfs": ipfs}
            changes: dict[str, object] = {k: v for k, v in given.items() if v is not None}
            if gateway:
                changes["ipfs_gateways"] = tuple(gateway)
            settings = replace(load_settings(), **changes)  # type: ignore[arg-type]
            with open_sources(settings) as sources:
                published, platform = sources.load_day(target, asked), target
        results = verify_bundle(
            published.files,
            platform=platform,
            day=asked,
            registry_head=published.registry_head,
        )
    except VerificationFailed as failure:
        _print(failure.results, as_json, failure.name)
        if not as_json:
            err.print(
                f"[bold red]Does not verify: {failure.name}[/] (check {failure.number}). "
                f"{printable(str(failure))}"
            )
        raise typer.Exit(1) from None
    if save:
        save_folder(published, save)
    _print(results, as_json, None)
    if not as_json:
        out.print("[bold green]Verified.[/]" + ("" if published.registry_head else _OFFLINE))


_OFFLINE = (
    " Offline: everything hangs together, but the registry was not asked whether this history is "
    "its own. For that, verify by platform and day with --chain and --registry."
)


def results_table(results: Sequence[CheckResult]) -> Table:
    """The table of what was checked."""
    table = Table(box=None, pad_edge=False)
    table.add_column("#", justify="right", style="dim")
    table.add_column("check", no_wrap=True)
    table.add_column("")
    table.add_column("seen", overflow="fold", style="dim")
    for result in results:
        mark = "[green]ok[/]" if result.passed else "[bold red]FAILED[/]"
        table.add_row(str(result.number), result.name, mark, printable(result.detail))
    return table


def _print(results: Sequence[CheckResult], as_json: bool, error: str | None) -> None:
    if as_json:
        document = {
            "verified": error is None,
            "error": error,
            "checks": [asdict(result) for result in results],
        }
        typer.echo(json.dumps(document, indent=2))
    elif results:
        out.print(results_table(results))
