"""The command tree. Each command's text says what it is for and shows how to call it."""

from typing import Annotated

import typer

from analytics_pipeline import __version__
from analytics_pipeline.cli.api_keys import api_keys
from analytics_pipeline.cli.demo import demo
from analytics_pipeline.cli.keys import keys
from analytics_pipeline.cli.simulate import simulate
from analytics_pipeline.cli.up import up
from analytics_pipeline.cli.verify import verify
from analytics_pipeline.cli.videos import videos
from analytics_pipeline.cli.workers import compute, dbt, ingest, seal

app = typer.Typer(
    name="analytics-pipeline",
    help=(
        "Private, verifiable viewership analytics for decentralised video.\n\n"
        "New here? [bold]analytics-pipeline demo[/] runs the whole way once in its own folder; "
        "[bold]analytics-pipeline verify data/sample_day[/] checks a published day offline."
    ),
    no_args_is_help=True,
    rich_markup_mode="rich",
    add_completion=False,
    pretty_exceptions_enable=False,  # they would show locals, which may hold keys
    suggest_commands=False,  # click has suggestions of its own
)


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"analytics-pipeline {__version__}")
        raise typer.Exit


@app.callback()
def root(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_show_version, is_eager=True, help="Print the version."),
    ] = False,
) -> None:
    """Private, verifiable viewership analytics for decentralised video."""


app.command(rich_help_panel="Start here")(demo)
app.command(rich_help_panel="Start here")(verify)
app.command(rich_help_panel="Operate")(up)
app.add_typer(keys, name="keys", rich_help_panel="Operate")
app.add_typer(api_keys, name="api-keys", rich_help_panel="Operate")
app.add_typer(videos, name="videos", rich_help_panel="Operate")
app.command(rich_help_panel="One process at a time")(ingest)
app.command(rich_help_panel="One process at a time")(seal)
app.command(rich_help_panel="One process at a time")(compute)
app.command(
    rich_help_panel="One process at a time",
    context_settings={"allow_extra_args": True, "ignore_unknown_options": True},
)(dbt)
app.command(rich_help_panel="One process at a time")(simulate)
