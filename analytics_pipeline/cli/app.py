"""The command tree. Each command's text says what it is for and shows how to call it.

A command is imported when it is called, or when all of them are listed: `verify` answers at once,
whatever the others need. Belongs here: names, order and headings.
"""

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import Annotated, Any, Final

import click
import typer
from typer.core import TyperGroup
from typer.main import get_command_from_info, get_group_from_info
from typer.models import CommandInfo, TyperInfo

from analytics_pipeline import __version__

_MARKUP: Final = "rich"
_START: Final = "Start here"
_OPERATE: Final = "Operate"
_ONE: Final = "One process at a time"


@dataclass(frozen=True)
class _Command:
    """Where a command is: the module of `cli`, and the function or group of commands in it.

    ``passes_on``: what follows its name is for another program.
    """

    heading: str
    module: str
    attribute: str = ""
    passes_on: bool = False

    def load(self, name: str) -> click.Command:
        found: Callable[..., Any] | typer.Typer = getattr(
            import_module(f"analytics_pipeline.cli.{self.module}"), self.attribute or self.module
        )
        if isinstance(found, typer.Typer):
            return get_group_from_info(
                TyperInfo(found, name=name, rich_help_panel=self.heading),
                pretty_exceptions_short=True,
                suggest_commands=False,
                rich_markup_mode=_MARKUP,
            )
        passing = {"allow_extra_args": True, "ignore_unknown_options": True}
        return get_command_from_info(
            CommandInfo(
                name,
                callback=found,
                context_settings=passing if self.passes_on else None,
                rich_help_panel=self.heading,
            ),
            pretty_exceptions_short=True,
            rich_markup_mode=_MARKUP,
        )


_COMMANDS: Final = {
    "demo": _Command(_START, "demo"),
    "verify": _Command(_START, "verify"),
    "audit": _Command(_START, "audit"),
    "up": _Command(_OPERATE, "up"),
    "budget": _Command(_OPERATE, "budget"),
    "keys": _Command(_OPERATE, "keys"),
    "api-keys": _Command(_OPERATE, "api_keys"),
    "read-keys": _Command(_OPERATE, "read_keys"),
    "videos": _Command(_OPERATE, "videos"),
    "alerts": _Command(_OPERATE, "alerts"),
    "export": _Command(_OPERATE, "export"),
    "erase": _Command(_OPERATE, "erase"),
    "ingest": _Command(_ONE, "workers", "ingest"),
    "seal": _Command(_ONE, "workers", "seal"),
    "serve": _Command(_ONE, "workers", "serve"),
    "compute": _Command(_ONE, "workers", "compute"),
    "dbt": _Command(_ONE, "workers", "dbt", passes_on=True),
    "mf": _Command(_ONE, "workers", "mf", passes_on=True),
    "simulate": _Command(_ONE, "simulate"),
}


class _Lazily(TyperGroup):
    """Commands by name, each imported when it is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        # who mistypes a name is told of similar ones, which click looks for in `commands`
        for name in [cmd_name] if cmd_name in _COMMANDS else _COMMANDS:
            if name not in self.commands:
                self.commands[name] = _COMMANDS[name].load(name)
        return self.commands.get(cmd_name)


app = typer.Typer(
    name="analytics-pipeline",
    cls=_Lazily,
    help=(
        "Private, verifiable viewership analytics for decentralised video.\n\n"
        "New here? [bold]analytics-pipeline demo[/] runs the whole way once in its own folder; "
        "[bold]analytics-pipeline verify data/sample_day[/] checks a published day offline."
    ),
    no_args_is_help=True,
    rich_markup_mode=_MARKUP,
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
