"""The verification of a whole history, for people.

Up to a month of days has a line for each release; a longer history has a calendar, a line for each
month. Belongs here: tables and the lines below them. Does not belong here: verifying
(`core.verify_all`), the document for machines (`cli.history_json`), exit codes (`cli.verify`).
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any, Final

from rich.table import Table
from rich.text import Text

from analytics_pipeline.cli.checks_table import (
    NOTE_ON_DEVELOPMENT,
    is_development_setup,
    results_table,
)
from analytics_pipeline.cli.console import err, out, printable
from analytics_pipeline.core.checks.across_days import name_spans
from analytics_pipeline.core.day import moment_text
from analytics_pipeline.core.errors import describe_error
from analytics_pipeline.core.history import History, ReleaseResult, ReleaseState
from analytics_pipeline.core.verify_all import RULE_NAMES
from analytics_pipeline.published.history import HistorySource

#: A history of more days is shown as a calendar.
MAX_LINES: Final = 31
#: More failures of one kind are counted.
_MAX_TOLD: Final = 10
_STATES: Final = {
    ReleaseState.VERIFIED: ("✓", "green"),
    ReleaseState.FAILED: ("✗", "bold red"),
    ReleaseState.UNAVAILABLE: ("?", "bold yellow"),
    ReleaseState.SKIPPED: ("·", "dim"),
}
_MISSING: Final = ("!", "bold red")
_LEGEND: Final = (
    "[green]✓[/] verified  [green]2[/] corrected, verified  [bold red]✗[/] failed  "
    "[bold yellow]?[/] unavailable  [bold red]![/] missing  [dim]·[/] skipped"
)


def print_history(history: History, source: HistorySource) -> None:
    """Everything for people: days, rules, and what all of it amounts to."""
    evidence = history.evidence
    out.print(f"[bold]{evidence.platform}[/], every released day\n")
    days = {result.release.day for result in history.releases}
    out.print(release_lines(history) if len(days) <= MAX_LINES else calendar(history))
    if len(days) > MAX_LINES:
        out.print(f"\n{_LEGEND}", soft_wrap=True)
    out.print()
    out.print(results_table(history.rules, RULE_NAMES, "rule"))
    out.print()
    _print_verdict(history)
    if source.registry_head is None and history.verified:
        out.print(
            "Offline: everything hangs together, but the registry was not asked whether this "
            "history is its own. For that, verify by platform with --chain and --registry."
        )
    if source.records_from != source.bundles_from:
        out.print(f"Records: {printable(source.records_from)}", soft_wrap=True)
    out.print(f"Bundles: {printable(source.bundles_from)}", soft_wrap=True)


def release_lines(history: History) -> Table:
    """A line for each release, and for each stretch of missing days."""
    table = Table(box=None, pad_edge=False, header_style="dim")
    table.add_column("day", no_wrap=True)
    table.add_column("rev.", justify="right")
    table.add_column("published, UTC", no_wrap=True, style="dim")
    table.add_column("why", overflow="fold", style="dim")
    table.add_column("", no_wrap=True)
    lines = [(each.release.day, each.release.revision, each) for each in history.releases]
    gaps: list[tuple[date, int, Any]] = [(first, 0, last) for first, last in history.gaps]
    shown: date | None = None
    for day, _, what in sorted([*lines, *gaps], key=lambda line: line[:2]):
        if isinstance(what, ReleaseResult):
            label = "" if day == shown else f"{day}"
            table.add_row(label, *_cells(what))
            shown = day
        else:
            table.add_row(name_spans([(day, what)]), "", "", "", Text("MISSING", _MISSING[1]))
    return table


def _cells(result: ReleaseResult) -> tuple[str | Text, ...]:
    release = result.release
    word = result.state.value
    if result.state is ReleaseState.FAILED:
        word = f"FAILED {type(result.error).__name__}"
    return (
        str(release.revision),
        moment_text(release.block_time).removesuffix(" UTC"),
        printable(result.reason),
        Text(word, _STATES[result.state][1]),
    )


def calendar(history: History) -> Table:
    """A line for each month that has a released day, a cell for each day."""
    cells: dict[date, tuple[str, str]] = {}
    for day, results in _by_day(history.releases).items():
        worst = min(results, key=lambda each: _RANK.index(each.state))
        sign, style = _STATES[worst.state]
        if worst.state is ReleaseState.VERIFIED and len(results) > 1:
            sign = str(len(results)) if len(results) < 10 else "+"
        cells[day] = sign, style
    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0))
    table.add_column("", no_wrap=True)
    numbers = "".join(f"{n if n == 1 or n % 5 == 0 else '':>2}" for n in range(1, 32))
    table.add_column(Text(numbers, "dim"), no_wrap=True)
    for year, month in sorted({(day.year, day.month) for day in cells}):
        line = Text()
        for number in range(1, 32):
            sign, style = _cell_of(year, month, number, cells, history)
            line.append(f"{sign:>2}", style)
        table.add_row(f"{year}-{month:02d}", line)
    return table


#: What a day with several revisions shows: the first of these that one of them has.
_RANK: Final = (
    ReleaseState.FAILED,
    ReleaseState.UNAVAILABLE,
    ReleaseState.VERIFIED,
    ReleaseState.SKIPPED,
)


def _cell_of(
    year: int, month: int, number: int, cells: Mapping[date, tuple[str, str]], history: History
) -> tuple[str, str]:
    try:
        day = date(year, month, number)
    except ValueError:
        return " ", ""
    if day in cells:
        return cells[day]
    return _MISSING if any(first <= day <= last for first, last in history.gaps) else (" ", "")


def _by_day(releases: Iterable[ReleaseResult]) -> dict[date, list[ReleaseResult]]:
    days: dict[date, list[ReleaseResult]] = {}
    for result in releases:
        days.setdefault(result.release.day, []).append(result)
    return days


def _print_verdict(history: History) -> None:
    """One line, or one for every failure, gap in what was looked at, and reservation."""
    failed = history.of_state(ReleaseState.FAILED)
    unavailable = history.of_state(ReleaseState.UNAVAILABLE)
    for number, failure in history.failures[:_MAX_TOLD]:
        _tell(f"rule {number}, {RULE_NAMES[number]}", "Does not verify", failure)
    for result in failed[:_MAX_TOLD]:
        check = f" (check {result.number})"
        _tell(f"{result.label}{check}", "Does not verify", result.error)
    for kind, number in (("rules", len(history.failures)), ("releases", len(failed))):
        if number > _MAX_TOLD:
            err.print(f"[bold red]Likewise {kind}: {number - _MAX_TOLD}.[/]")
    if unavailable:
        of = f"{len(unavailable)} of {len(history.releases)}"
        err.print(f"[bold yellow]Not known:[/] bundles that could not be fetched: {of}.")
        for result in unavailable[:_MAX_TOLD]:
            _tell(result.label, "Unavailable", result.error, "yellow")
    if history.verified:
        _print_verified(history)


def _tell(where: str, what: str, error: BaseException | None, colour: str = "red") -> None:
    name, _, message = describe_error(error).partition(": ") if error else ("", "", "")
    err.print(f"[bold {colour}]{what}: {name}[/] – {where}. {printable(message)}", soft_wrap=True)


def _print_verified(history: History) -> None:
    judged = history.of_state(ReleaseState.VERIFIED)
    trusted = Counter(each.detail for result in judged for each in result.trusted)
    days = len({result.release.day for result in judged})
    checks = sum(each.passed for result in judged for each in result.results)
    rules = sum(rule.passed for rule in history.rules)
    counts = f"{days} days, {len(judged)} releases, {checks} checks, {rules} rules"
    reservations = history.reservations
    if not reservations and not trusted:
        out.print(f"[bold green]Verified.[/] Passed: {counts}.")
        return
    out.print(f"Passed: {counts}.")
    for reservation in reservations:
        out.print(f"[bold yellow]Verified, but[/] {printable(reservation.text)}.", soft_wrap=True)
    for detail, count in trusted.items():
        out.print(
            f"[bold yellow]Verified, but the proof of {count} releases was trusted, not checked:"
            f"[/] {printable(detail)}. To check it, see `--verifier`.",
            soft_wrap=True,
        )
    if any(is_development_setup(result.results) for result in judged):
        out.print(NOTE_ON_DEVELOPMENT)
