"""`verify`: what a stranger runs. Needs the base install only."""

import datetime
import json
import re
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any, Final

import typer
from rich.table import Table

from analytics_pipeline.cli.console import err, explain, out, printable
from analytics_pipeline.cli.folder import PublishedDay, load_folder, save_folder
from analytics_pipeline.core.day import parse_day
from analytics_pipeline.core.errors import (
    EXPECTED,
    InvalidContent,
    InvalidInput,
    InvalidRecord,
    describe_error,
)
from analytics_pipeline.core.verify_errors import CheckResult, VerificationFailed

REFUTED: Final = 1
WRONG_INPUT: Final = 2
UNKNOWN: Final = 3

_OFFLINE = (
    " Offline: everything hangs together, but the registry was not asked whether this history is "
    "its own. For that, verify by platform and day with --chain and --registry."
)
_PLATFORM = re.compile(r"[A-Za-z0-9._-]{1,64}")
_HASH = re.compile(r"(0x[0-9a-fA-F]{6})[0-9a-fA-F]{7,}([0-9a-fA-F]{4})")
_CID = re.compile(r"\b(ba[a-z2-7]{6})[a-z2-7]{40,}([a-z2-7]{4})\b")


def verify(
    target: Annotated[
        str,
        typer.Argument(
            help="A bundle folder, checked offline; or the name of a platform, with DAY.",
        ),
    ],
    day: Annotated[
        str | None,
        typer.Argument(
            help="UTC day, YYYY-MM-DD: which day of the platform; a folder may be of no other.",
        ),
    ] = None,
    chain: Annotated[str | None, typer.Option(help="JSON-RPC URL of the chain.")] = None,
    registry: Annotated[str | None, typer.Option(help="Address of the registry.")] = None,
    ipfs: Annotated[
        str | None, typer.Option(help="RPC URL of the Kubo node to fetch the bundle from.")
    ] = None,
    gateway: Annotated[
        list[str] | None,
        typer.Option(help="Trustless IPFS gateway to fetch the bundle from; repeatable."),
    ] = None,
    save: Annotated[
        Path | None, typer.Option(help="Also write the day to this folder, to verify it offline.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")] = False,
) -> None:
    """Check a published day from chain and IPFS alone.

    Nothing of the operator's is asked or trusted: records come from the registry, the bundle by its
    CID. A folder is checked offline, and the registry's head is left for you to compare.

    Exit codes: 0 verified; 1 a check failed; 2 wrong input, such as a day that is not released;
    3 it could not be checked: chain or IPFS did not answer.

        analytics-pipeline verify data/sample_day
        analytics-pipeline verify demo 2026-11-01 --chain https://… --registry 0x… --gateway https://…
    """
    from analytics_pipeline.core.verify import verify_bundle

    is_folder = _is_folder(target, day)
    try:
        asked = parse_day(day) if day else None
        if is_folder:
            if chain or registry or ipfs or gateway:
                raise InvalidInput(
                    "target",
                    f"{target!r} is a folder, which is checked offline; with --chain, --registry, "
                    "--ipfs or --gateway name a platform and a day",
                )
            published = load_folder(Path(target))
        else:
            published = _fetch(target, asked, chain, registry, ipfs, gateway or [])
        results = verify_bundle(
            published.files,
            platform=None if is_folder else target,
            day=asked,
            registry_head=published.registry_head,
        )
    except EXPECTED as error:
        _show_failure(error, as_json)
        raise typer.Exit(_exit_code(error, is_folder)) from None
    if as_json:
        _print_json(True, results, published)
    else:
        out.print(results_table(results))
        if is_folder:
            out.print(f"[bold green]Verified.[/]{_OFFLINE}")
        else:
            out.print("[bold green]Verified.[/]")
            out.print(f"Records: {printable(published.records_from)}", soft_wrap=True)
            out.print(f"Bundle:  {printable(published.bundle_from)}", soft_wrap=True)
    if save:
        try:
            save_folder(published, save)
        except OSError as error:
            explain(InvalidInput("--save", describe_error(error)))
            raise typer.Exit(WRONG_INPUT) from None


def _is_folder(target: str, day: str | None) -> bool:
    """A platform and a day are meant, even where some folder has the platform's name."""
    folder = Path(target)
    if day is None or not _PLATFORM.fullmatch(target):
        return folder.is_dir()
    return (folder / "chain.json").is_file()


def _fetch(
    platform: str,
    day: datetime.date | None,
    chain: str | None,
    registry: str | None,
    ipfs: str | None,
    gateways: Sequence[str],
) -> PublishedDay:
    if not _PLATFORM.fullmatch(platform):
        raise InvalidInput("target", f"no such folder, and no platform is named so: {platform!r}")
    if day is None:
        raise InvalidInput(
            "target", f"no such folder: {platform!r}; to check a platform, also give the day"
        )
    # a folder needs no chain library, which takes a second to import
    from analytics_pipeline.cli.published import Given, open_given

    with open_given(Given(chain, registry, ipfs, gateways)) as sources:
        return sources.load_day(platform, day)


def _exit_code(error: BaseException, is_folder: bool) -> int:
    if isinstance(error, VerificationFailed | InvalidContent | InvalidRecord):
        return REFUTED
    return WRONG_INPUT if is_folder or isinstance(error, InvalidInput) else UNKNOWN


def _show_failure(error: BaseException, as_json: bool) -> None:
    refuted = isinstance(error, VerificationFailed)
    results = error.results if isinstance(error, VerificationFailed) else []
    if as_json:
        _print_json(False if refuted else None, results, error=error)
        return
    if results:
        out.print(results_table(results))
    if isinstance(error, VerificationFailed):
        err.print(
            f"[bold red]Does not verify: {error.name}[/] (check {error.number}). "
            f"{printable(str(error))}",
            soft_wrap=True,
        )
    else:
        explain(error)


def results_table(results: Sequence[CheckResult]) -> Table:
    """The table of what was checked; after a failure, also of what was not reached."""
    from analytics_pipeline.core.verify import CHECK_NAMES

    table = Table(box=None, pad_edge=False)
    table.add_column("#", justify="right", style="dim")
    table.add_column("check", no_wrap=True)
    table.add_column("")
    table.add_column("seen", overflow="fold", style="dim")
    for result in results:
        if result.passed:
            mark, seen = "[green]ok[/]", _shortened(result.detail)
        else:  # why, is said once: below the table
            mark, seen = "[bold red]FAILED[/]", result.detail.partition(":")[0]
        table.add_row(str(result.number), result.name, mark, printable(seen))
    for number in range(len(results), len(CHECK_NAMES)):
        table.add_row(str(number), f"[dim]{CHECK_NAMES[number]}[/]", "", "not reached")
    return table


def _shortened(text: str) -> str:
    """Hashes and CIDs cut for the eye; `--json` has them in full."""
    return _CID.sub(r"\1…\2", _HASH.sub(r"\1…\2", text))


def _print_json(
    verified: bool | None,
    results: Sequence[CheckResult],
    published: PublishedDay | None = None,
    error: BaseException | None = None,
) -> None:
    """``verified`` is null when nothing could be checked."""
    document: dict[str, Any] = {
        "verified": verified,
        "error": type(error).__name__ if error else None,
        "message": describe_error(error).partition(": ")[2] if error else None,
        "records_from": published.records_from if published else None,
        "bundle_from": published.bundle_from if published else None,
        "checks": [asdict(result) for result in results],
    }
    typer.echo(json.dumps(document, indent=2))
