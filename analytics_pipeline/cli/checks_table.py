"""The result of a verification, for people and for machines.

Belongs here: the table, the lines below it, the JSON document. Does not belong here: verifying
(`core.verify`), exit codes (`cli.verify`).
"""

import json
import re
from collections.abc import Sequence
from typing import Any, Final

import typer
from rich.table import Table

from analytics_pipeline.cli.console import err, explain, out, printable
from analytics_pipeline.cli.revisions import revision_of
from analytics_pipeline.core.errors import describe_error
from analytics_pipeline.core.proof_document import DEVELOPMENT_NOTE
from analytics_pipeline.core.verify_errors import CheckResult, CheckState, VerificationFailed
from analytics_pipeline.published.folder import PublishedDay

_HASH: Final = re.compile(r"(0x[0-9a-fA-F]{6})[0-9a-fA-F]{7,}([0-9a-fA-F]{4})")
_CID: Final = re.compile(r"\b(ba[a-z2-7]{6})[a-z2-7]{40,}([a-z2-7]{4})\b")
#: Said of every verification that believed such a proof.
NOTE_ON_DEVELOPMENT: Final = (
    f"[bold yellow]{DEVELOPMENT_NOTE.capitalize()}.[/] Its secret is public: anybody can forge "
    "such a proof."
)
_MARKS: Final = {
    CheckState.PASSED: "[green]ok[/]",
    CheckState.PARTLY: "[yellow]partly[/]",
    CheckState.TRUSTED: "[bold yellow]TRUSTED[/]",
    CheckState.FAILED: "[bold red]FAILED[/]",
}


def results_table(
    results: Sequence[CheckResult], names: Sequence[str] = (), what: str = "check"
) -> Table:
    """The table of what was checked; after a failure, also of what was not reached.

    Args:
        names: of all checks there are; by default those of `core.verify`.
        what: what they are called.
    """
    if not names:
        from analytics_pipeline.core.verify import CHECK_NAMES as names  # slow to import
    table = Table(box=None, pad_edge=False)
    table.add_column("#", justify="right", style="dim")
    table.add_column(what, no_wrap=True)
    table.add_column("")
    table.add_column("seen", overflow="fold", style="dim")
    reached = {result.number: result for result in results}
    for number, name in enumerate(names):
        result = reached.get(number)
        if result is None:
            table.add_row(str(number), f"[dim]{name}[/]", "", "not reached")
            continue
        seen = _shortened(result.detail)
        if result.state is CheckState.FAILED:  # why, is said once: below the table
            seen = seen.partition(":")[0]
        table.add_row(str(number), result.name, _MARKS[result.state], printable(seen))
    return table


def print_verdict(results: Sequence[CheckResult]) -> None:
    """One line of what all of it amounts to, or one for every reservation."""
    trusted = [result for result in results if result.state is CheckState.TRUSTED]
    reservations = [each for result in results for each in result.reservations]
    if not trusted and not reservations:
        out.print("[bold green]Verified.[/]")
    for each in reservations:
        out.print(f"[bold yellow]Verified, but[/] {printable(each.text)}.", soft_wrap=True)
    for result in trusted:
        out.print(
            f"[bold yellow]Verified, but the {result.name} was {result.state}:[/] "
            f"{printable(result.detail)}. To check it, see `--verifier`.",
            soft_wrap=True,
        )
    if is_development_setup(results):
        out.print(NOTE_ON_DEVELOPMENT)


def is_development_setup(results: Sequence[CheckResult]) -> bool:
    """Whether a check found a proof that convinces nobody."""
    return any(DEVELOPMENT_NOTE in result.detail for result in results)


def print_refusal(error: BaseException, *, refuted: bool, as_json: bool) -> None:
    """A verification that ended with an error, for whoever reads it.

    Args:
        refuted: it is a lie, by the exit code; otherwise nothing could be checked.
    """
    if as_json:
        reached = error.results if isinstance(error, VerificationFailed) else []
        print_json(False if refuted else None, reached, error=error)
    else:
        print_failure(error)


def print_failure(error: BaseException, names: Sequence[str] = (), what: str = "check") -> None:
    """The table up to the failing check, and what it found.

    Args:
        names: of all checks there are; by default those of `core.verify`.
        what: what they are called.
    """
    if not isinstance(error, VerificationFailed):
        explain(error)
        return
    if error.results:
        out.print(results_table(error.results, names, what))
    err.print(
        f"[bold red]Does not verify: {error.name}[/] ({what} {error.number}). "
        f"{printable(str(error))}",
        soft_wrap=True,
    )


def print_json(
    verified: bool | None,
    results: Sequence[CheckResult],
    published: PublishedDay | None = None,
    error: BaseException | None = None,
) -> None:
    """``verified`` is null when nothing could be checked."""
    from analytics_pipeline.core.verify import WITHHELD  # slow to import

    reservations = [each for result in results for each in result.reservations]
    document: dict[str, Any] = {
        "verified": verified,
        "error": type(error).__name__ if error else None,
        "message": describe_error(error).partition(": ")[2] if error else None,
        "records_from": published.records_from if published else None,
        "bundle_from": published.bundle_from if published else None,
        "revision": revision_of(published).number if published else None,
        "newest_revision": revision_of(published).newest if published else None,
        "trusted": [result.name for result in results if result.state is CheckState.TRUSTED],
        "development_setup": is_development_setup(results),
        "withheld_revisions": sum(r.count for r in reservations if r.name == WITHHELD),
        "reservations": [{"name": r.name, "text": r.text} for r in reservations],
        "checks": [
            {
                "number": result.number,
                "name": result.name,
                "state": result.state.value,
                "passed": result.passed,
                "detail": result.detail,
            }
            for result in results
        ],
    }
    typer.echo(json.dumps(document, indent=2))


def _shortened(text: str) -> str:
    """Hashes and CIDs cut for the eye; `--json` has them in full."""
    return _CID.sub(r"\1…\2", _HASH.sub(r"\1…\2", text))
