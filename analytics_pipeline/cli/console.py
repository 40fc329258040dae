"""How the command line speaks: one console for results, one for progress and errors."""

from rich.console import Console
from rich.markup import escape
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
)

from analytics_pipeline.core.errors import describe_error

out = Console(highlight=False)
err = Console(stderr=True, highlight=False)


def printable(text: str) -> str:
    """Text from outside, for a terminal: no markup, and no control characters or line breaks, with
    which a file under verification could paint its own result."""
    return escape("".join(c if c.isprintable() else "\ufffd" for c in text))


def explain(error: BaseException) -> None:
    """Print an expected error: its name and what to do; then what it quotes from a log."""
    name, _, message = describe_error(error).partition(": ")
    err.print(f"[bold red]{name}[/]: {printable(message)}", soft_wrap=True)
    for line in getattr(error, "quoted", ()):
        err.print(f"  [dim]{printable(line)}[/]", soft_wrap=True)


def progress(*, transient: bool = False) -> Progress:
    """A progress display for long work; falls silent when stderr is not a terminal.

    Args:
        transient: it vanishes when the work is done, and leaves no line elsewhere either.
    """
    return Progress(
        SpinnerColumn(),
        TextColumn("{task.description:<34}"),
        BarColumn(bar_width=30),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=err,
        transient=transient,
        disable=transient and not err.is_terminal,
    )
