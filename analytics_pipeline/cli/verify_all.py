"""`verify --all`: every released day of a platform, and what must hold across them.

Belongs here: opening the source, the progress bar, exit codes. Does not belong here: the arguments
(`cli.verify`), what is printed (`cli.history_table`, `cli.history_json`).
"""

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from analytics_pipeline.cli.checks_table import print_failure
from analytics_pipeline.cli.console import err, progress
from analytics_pipeline.cli.history_json import print_history_json
from analytics_pipeline.cli.history_table import print_history
from analytics_pipeline.cli.verify import PLATFORM, REFUTED, UNKNOWN, exit_code
from analytics_pipeline.core.checks.proof import ProofTerms
from analytics_pipeline.core.day import parse_day
from analytics_pipeline.core.errors import EXPECTED, InvalidInput
from analytics_pipeline.core.history import History, ReleaseResult
from analytics_pipeline.core.verify_all import RULE_NAMES, HistoryVerification
from analytics_pipeline.published.archive import create_archive, open_archive
from analytics_pipeline.published.history import (
    ArchivedHistory,
    HistorySource,
    LiveHistory,
    check_history,
)
from analytics_pipeline.settings import load_settings

if TYPE_CHECKING:
    from analytics_pipeline.published.sources import Given


def verify_all(
    target: str | None,
    first: str | None,
    last: str | None,
    given: "Given | None",
    terms: ProofTerms,
    save: Path | None,
    *,
    as_json: bool,
) -> None:
    """Verify a whole history and say what came out.

    Args:
        target: platform, folder or CAR; None: the platform of this deployment.
        given: where chain and content are; None: the target is an archive.
    """
    try:
        span = _parse_span(first, last)
        with _open_source(target, given) as source:
            history = _check(source, None if given is None else target, span, terms, save)
    except EXPECTED as error:
        code = exit_code(error, given is None)
        if as_json:
            print_history_json(None, None, error, refuted=code == REFUTED)
        else:
            print_failure(error, RULE_NAMES, "rule")
        raise typer.Exit(code) from None
    if as_json:
        print_history_json(history, source)
    else:
        print_history(history, source)
    if not history.verified:
        raise typer.Exit(UNKNOWN if history.verified is None else REFUTED)


def _parse_span(first: str | None, last: str | None) -> tuple[date | None, date | None]:
    days = []
    for option, text in (("--from", first), ("--to", last)):
        try:
            days.append(parse_day(text) if text is not None else None)
        except InvalidInput as error:
            raise InvalidInput(option, error.problem) from None
    if days[0] and days[1] and days[0] > days[1]:
        raise InvalidInput("--to", f"{days[1]} is before {days[0]}")
    return days[0], days[1]


@contextmanager
def _open_source(target: str | None, given: "Given | None") -> Iterator[HistorySource]:
    if given is None:
        with open_archive(Path(target or "")) as archive:
            yield ArchivedHistory(archive)
        return
    if target is not None and not PLATFORM.fullmatch(target):
        raise InvalidInput("target", f"no such folder, and no platform is named so: {target!r}")
    from analytics_pipeline.published.sources import open_given

    with open_given(given) as sources:
        with err.status("Reading the records …"):
            history = LiveHistory(sources, target or load_settings().platform)
        yield history


def _check(
    source: HistorySource,
    platform: str | None,
    span: tuple[date | None, date | None],
    terms: ProofTerms,
    save: Path | None,
) -> History:
    verification = HistoryVerification(
        source.chain_file,
        platform=platform,
        registry_head=source.registry_head,
        files=source.files,
        terms=terms,
    )
    if not verification.wanted(*span):
        raise InvalidInput("--from", "no day is released from there to --to")
    with progress(transient=True) as bars, create_archive(save) if save else nullcontext() as copy:
        bar = bars.add_task("Releases fetched and checked", total=None)

        def advance(result: ReleaseResult, total: int) -> None:
            bars.update(bar, advance=1, total=total, description=f"Checked {result.label}")

        return check_history(
            source, verification, first=span[0], last=span[1], copy_to=copy, on_result=advance
        )
