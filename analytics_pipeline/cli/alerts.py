"""`alerts`: rules about released figures, and the signed calls they lead to (docs/alerts.md).

Belongs here: all commands but `alerts add` (`cli.alert_rules`).
"""

import json
import os
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table

from analytics_pipeline.cli import children
from analytics_pipeline.cli.alert_rules import add
from analytics_pipeline.cli.console import out, printable
from analytics_pipeline.core.errors import PipelineError
from analytics_pipeline.settings import load_settings, prepare_home, require_home

if TYPE_CHECKING:
    from analytics_pipeline.core.alert_conditions import Condition
    from analytics_pipeline.storage.alert_calls import PastCall
    from analytics_pipeline.storage.alerts import AlertRule, AlertStore

alerts = typer.Typer(
    help="Be called when a figure drops, playback stalls, a day is missing or does not verify.",
    no_args_is_help=True,
)
alerts.add_typer(add, name="add")

RuleId = Annotated[str, typer.Argument(metavar="RULE", help="The id that `alerts list` shows.")]
AsJson = Annotated[bool, typer.Option("--json", help="One JSON document.")]


class CallNotTaken(PipelineError):
    """A test call was not answered with a 2xx."""


def _open_store() -> "AlertStore":
    from analytics_pipeline.storage.alerts import AlertStore

    settings = load_settings()
    require_home(settings)
    return AlertStore(settings.alerts_path)


@alerts.command("list")
def list_(as_json: AsJson = False) -> None:
    """Show all rules, where they call, and what became of their calls.

    Of an address only the host is shown: the rest may be a secret of the receiver's. A call that
    nobody took for three days is dead.
    """
    from analytics_pipeline.storage.alert_calls import count_calls
    from analytics_pipeline.storage.alerts import list_rules

    store = _open_store()
    found = [(rule, count_calls(store, rule.rule_id)) for rule in list_rules(store)]
    store.close()
    if as_json:
        typer.echo(json.dumps([_rule_json(rule, calls) for rule, calls in found], indent=2))
        return
    table = Table("watches", "calls", "of", "so far")
    table.add_column("rule", no_wrap=True)
    for rule, calls in found:
        counts = ", ".join(f"{count} {state}" for state, count in sorted(calls.items()))
        style = "[bold red]" if "dead" in calls else ""
        table.add_row(
            printable(_describe(rule.condition)),
            printable(rule.target.host),
            printable(rule.owner),
            f"{style}{counts or 'no call'}",
            rule.rule_id,
        )
    out.print(table)


def _rule_json(rule: "AlertRule", calls: Any) -> dict[str, Any]:
    from analytics_pipeline.core.alert_payload import rule_json

    return {
        **rule_json(rule.rule_id, rule.condition),
        "host": rule.target.host,
        "owner": rule.owner,
        "created_at": rule.created_at.isoformat(),
        "calls": calls,
    }


def _describe(condition: "Condition") -> str:
    """A condition on one line."""
    from analytics_pipeline.core.alert_conditions import build_condition

    fields = build_condition(condition)
    kind = fields.pop("type")
    return " ".join([kind, *(f"{name}={value}" for name, value in fields.items() if value != "")])


@alerts.command()
def remove(rule_id: RuleId) -> None:
    """Forget a rule and its address; calls of it that nobody has taken yet are not made any more.

    analytics-pipeline alerts remove al_…
    """
    from analytics_pipeline.storage.alerts import remove_rule

    store = _open_store()
    remove_rule(store, rule_id)
    store.close()
    out.print(f"Removed {rule_id}.")


@alerts.command()
def test(rule_id: RuleId) -> None:
    """Make one signed test call to a rule's address now, and say how it was answered.

    analytics-pipeline alerts test al_…
    """
    settings = load_settings()
    require_home(settings)
    log = settings.home / "logs" / "alerts-test.log"
    result = children.run("alerts", "--test", rule_id, environ=os.environ, log=log)
    if result["problem"] is not None:
        raise CallNotTaken(f"{result['problem']} ({result['event_id']})")
    out.print(f"[green]Taken[/] (status {result['status']}): {result['event_id']}")


@alerts.command()
def history(
    rule_id: Annotated[
        str | None, typer.Argument(metavar="[RULE]", help="Of one rule; default: of all.")
    ] = None,
    limit: Annotated[int, typer.Option(help="How many, the newest first.", min=1)] = 50,
    as_json: AsJson = False,
) -> None:
    """Show the calls there were: about which day, whether they were taken, and why not.

    analytics-pipeline alerts history
    """
    from analytics_pipeline.storage.alert_calls import list_calls

    store = _open_store()
    calls = list_calls(store, rule_id, limit)
    store.close()
    if as_json:
        typer.echo(json.dumps([_call_json(each) for each in calls], indent=2))
        return
    table = Table()
    for name in ("day", "call", "decided", "became", "tries", "last problem", "rule"):
        table.add_column(name, no_wrap=name in ("day", "became", "rule"))
    for each in calls:
        table.add_row(
            str(each.day),
            each.kind,
            f"{each.created_at:%Y-%m-%d %H:%M}",
            each.state,
            str(each.attempts),
            printable(each.last_error or "–"),
            each.rule_id,
        )
    out.print(table)


def _call_json(each: "PastCall") -> dict[str, Any]:
    settled = each.settled_at
    return {
        **vars(each),
        "day": each.day.isoformat(),
        "created_at": each.created_at.isoformat(),
        "settled_at": settled.isoformat() if settled else None,
    }


@alerts.command()
def key(
    rotate: Annotated[
        bool,
        typer.Option(
            "--rotate", help="Make a new key; the one before signs beside it for 30 days."
        ),
    ] = False,
) -> None:
    """Show the public keys that calls are signed with, the newest first; receivers need one.

    analytics-pipeline alerts key
    """
    from analytics_pipeline.storage.webhook_keys import load_webhook_keys
    from analytics_pipeline.storage.webhook_signer import WebhookSigner

    settings = load_settings()
    require_home(settings)
    now = datetime.now(UTC)
    signer = WebhookSigner.create(settings.keys_dir, now)
    if rotate:
        signer.rotate(now)
    for each in load_webhook_keys(settings.keys_dir, now).signing:
        out.print(
            f"{each.public_key}  [dim]{each.key_id}, {each.created_at:%Y-%m-%d}[/]", soft_wrap=True
        )


@alerts.command()
def run(
    once: Annotated[
        bool, typer.Option("--once", help="Decide and call what is due, then stop.")
    ] = False,
) -> None:
    """Run the alerts process: look at what is published every minute, decide, call.

    It verifies days as a stranger does, from chain and IPFS, and holds no decryption key.
    `analytics-pipeline up` runs it too.

        analytics-pipeline alerts run --once
    """
    settings = load_settings()
    require_home(settings)
    prepare_home(settings)
    children.replace_process("alerts", *(["--once"] if once else []))
