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

from analytics_pipeline.core.errors import PipelineError

out = Console(highlight=False)
err = Console(stderr=True, highlight=False)


def explain(error: PipelineError) -> None:
    """Print an expected error: its name and what to do."""
    err.print(f"[bold red]{type(error).__name__}[/]: {escape(str(error))}")


def progress() -> Progress:
    """A progress display for long work; falls silent when stderr is not a terminal."""
    return Progress(
        SpinnerColumn(),
        TextColumn("{task.description:<34}"),
        BarColumn(bar_width=30),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=err,
    )
