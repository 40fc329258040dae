"""`audit`: a released day computed again from its sealed segments; `audit grant`: what that needs.

Belongs here: the two commands and how they speak. Does not belong here: fetching and starting the
computation (`cli.audit_run`), what is compared (`core.audit`). Auditing needs the `pipeline` extra.
"""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer
from typer.core import TyperGroup

from analytics_pipeline.cli import children
from analytics_pipeline.cli.checks_table import is_development_setup, print_failure, results_table
from analytics_pipeline.cli.console import err, out, printable
from analytics_pipeline.cli.verify import exit_code, load_circuits
from analytics_pipeline.core.day import parse_day
from analytics_pipeline.core.errors import EXPECTED, describe_error
from analytics_pipeline.core.proof_document import DEVELOPMENT_NOTE
from analytics_pipeline.core.verify_errors import VerificationFailed
from analytics_pipeline.published.proof_verifiers import VerifierChoice
from analytics_pipeline.settings import load_settings, require_home

if TYPE_CHECKING:
    from analytics_pipeline.cli.audit_run import Audited

_REFUTED: Final = 1
_DAY_COMMAND: Final = "day"
_WARNING: Final = (
    "Whoever has this file reads every event of the day, and can take the noise off the figures of "
    "all its revisions. It goes on to work after the day has expired here, as long as somebody "
    "keeps the segments. Hand it over encrypted, and have it destroyed when the audit is done."
)


class _DayByDefault(TyperGroup):
    """``audit PLATFORM DAY`` is ``audit day PLATFORM DAY``: no sub-command, so a platform."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        if args and args[0] not in (*self.commands, "--help"):
            args = [_DAY_COMMAND, *args]
        return super().parse_args(ctx, args)


audit = typer.Typer(
    cls=_DayByDefault,
    no_args_is_help=True,
    help="Compute a released day again from its sealed segments and compare every byte.\n\n"
    "[bold]audit PLATFORM DAY[/] audits (short for [bold]audit day[/], which lists its options); "
    "[bold]audit grant DAY[/] writes what an auditor needs.",
    rich_markup_mode="rich",
)


@audit.command(_DAY_COMMAND)
def audit_day(
    platform: Annotated[str, typer.Argument(help="Name of the platform.")],
    day: Annotated[str, typer.Argument(help="UTC day, YYYY-MM-DD.")],
    grant: Annotated[
        Path | None,
        typer.Option(help="What the operator handed over; without it, this deployment's own keys."),
    ] = None,
    folder: Annotated[
        Path | None,
        typer.Option(help="Bundle folder of the day, instead of chain and registry."),
    ] = None,
    chain: Annotated[str | None, typer.Option(help="JSON-RPC URL of the chain.")] = None,
    registry: Annotated[str | None, typer.Option(help="Address of the registry.")] = None,
    ipfs: Annotated[
        str | None, typer.Option(help="RPC URL of the Kubo node to fetch from.")
    ] = None,
    gateway: Annotated[
        list[str] | None, typer.Option(help="Trustless IPFS gateway to fetch from; repeatable.")
    ] = None,
    verifier: Annotated[
        VerifierChoice, typer.Option(help="What checks the proof, as for `verify`.")
    ] = VerifierChoice.AUTO,
    require_proof: Annotated[
        bool, typer.Option("--require-proof", help="Fail unless the proof is checked here.")
    ] = False,
    production: Annotated[
        bool,
        typer.Option(
            "--production",
            help="Fail on a development set-up, a beacon too soon after its commit, and a proof "
            "that is not checked here.",
        ),
    ] = False,
    circuits: Annotated[
        Path | None, typer.Option(help="Table of the circuits to believe, as for `verify`.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")] = False,
) -> None:
    """Compute a released day again from its sealed segments and compare every byte.

    First everything that `verify` checks; then contributions, tally root and report are recomputed
    from the segments of the manifest, fetched by CID and opened with the keys of the grant.

    Exit codes as for `verify`: 0 equal; 1 a step failed; 2 wrong input, such as the grant of
    another day; 3 it could not be computed: segments out of reach, day expired, another version.

        analytics-pipeline audit demo 2026-11-01
        analytics-pipeline audit demo 2026-11-01 --grant grant.json --folder day --gateway https://…
    """
    from analytics_pipeline.cli.audit_run import AuditQuestion, run_audit
    from analytics_pipeline.published.sources import Given

    try:
        question = AuditQuestion(
            platform=platform,
            day=parse_day(day),
            grant=grant,
            folder=folder,
            given=Given(chain, registry, ipfs, gateway or []),
            verifier=verifier,
            circuits=load_circuits(circuits) if circuits else None,
            require_proof=require_proof,
            production=production,
        )
        audited = run_audit(question)
    except EXPECTED as error:
        if as_json:
            _print_json(None, error)
        else:
            print_failure(error)
        raise typer.Exit(exit_code(error, is_folder=False)) from None
    if as_json:
        _print_json(audited, None)
    else:
        _print_audited(audited)
    if audited.failure:
        raise typer.Exit(_REFUTED)


@audit.command("grant")
def grant_day(
    day: Annotated[str, typer.Argument(help="UTC day, YYYY-MM-DD, released and not expired.")],
    out_file: Annotated[
        Path | None,
        typer.Option("--out", help="File to write; default: grant-PLATFORM-DAY.json here."),
    ] = None,
) -> None:
    """Write what an auditor of a day needs: its data keys, its seed, its videos. Secret.

    analytics-pipeline audit grant 2026-11-01 --out grant.json
    """
    settings = load_settings()
    require_home(settings)
    path = out_file or Path(f"grant-{settings.platform}-{parse_day(day)}.json")
    err.print(f"[bold yellow]This hands out secrets.[/] {_WARNING}")
    children.replace_process("defs", "audit-grant", day, "--out", str(path))


def _print_audited(audited: "Audited") -> None:
    from analytics_pipeline.core.audit import STEP_NAMES

    out.print(results_table(audited.results, STEP_NAMES))
    failure = audited.failure
    if failure is None:
        out.print(f"[bold green]Audited.[/] {audited.release}: every byte was computed again.")
        if is_development_setup(audited.results):
            note = f"{DEVELOPMENT_NOTE.capitalize()}; the audit did not lean on its proof."
            out.print(f"[bold yellow]{note}[/]")
    else:
        err.print(
            f"[bold red]Does not follow from the segments: {failure['name']}[/] "
            f"(step {failure['number']}). {printable(failure['message'])}",
            soft_wrap=True,
        )


def _print_json(audited: "Audited | None", error: BaseException | None) -> None:
    """``audited`` is null when nothing could be computed."""
    refuted = isinstance(error, VerificationFailed) or bool(audited and audited.failure)
    failure = audited.failure if audited else None
    if error:
        name, _, message = describe_error(error).partition(": ")
        failure = {"name": name, "message": message}
    document = {
        "audited": False if refuted else (audited is not None or None),
        "release": audited.release if audited else None,
        "development_setup": is_development_setup(audited.results) if audited else None,
        "error": failure["name"] if failure else None,
        "message": failure["message"] if failure else None,
        "checks": [
            {
                "number": result.number,
                "name": result.name,
                "state": result.state.value,
                "passed": result.passed,
                "detail": result.detail,
            }
            for result in (audited.results if audited else ())
        ],
    }
    typer.echo(json.dumps(document, indent=2))
