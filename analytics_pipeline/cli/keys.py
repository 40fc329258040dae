"""`keys`: create and rotate the deployment's keys, and show which are in force."""

from contextlib import suppress
from datetime import UTC, datetime

import typer
from rich.table import Table

from analytics_pipeline.cli.console import out
from analytics_pipeline.core.errors import KeyUnavailable
from analytics_pipeline.settings import Settings, load_settings, prepare_home, require_home

keys = typer.Typer(help="Create, rotate and list keys.", no_args_is_help=True)


def ensure_keys(settings: Settings) -> None:
    """Create whatever keys are missing; existing ones stay."""
    from analytics_pipeline.storage.keyring import Keyring
    from analytics_pipeline.storage.webhook_signer import WebhookSigner

    prepare_home(settings)
    Keyring.create(settings.keys_dir)
    WebhookSigner.create(settings.keys_dir, datetime.now(UTC))


@keys.command()
def create() -> None:
    """Make the keys that are missing. Safe to repeat.

    A batch key pair (clients seal to its public half), a wrapping key (wraps each segment's data
    key), a root secret (encrypts warehouse and raw layer) and a webhook key pair (signs alerts).
    Back up ANALYTICS_HOME/keys: without it every stored event is lost. Of private/retention keep
    no lasting copy: docs/retention.md.
    """
    settings = load_settings()
    ensure_keys(settings)
    _show(settings)


@keys.command()
def rotate() -> None:
    """Put a new batch key and a new wrapping key in force, and re-wrap all data keys.

    Segments and their CIDs do not change; runs may go on meanwhile. Old batch keys stay, to open
    what clients sealed before they learnt the new one. Webhook keys have a rotation of their own:
    `analytics-pipeline alerts key --rotate`.
    """
    from analytics_pipeline.storage.catalogue import open_catalogue, rewrap_data_keys
    from analytics_pipeline.storage.keyring import Keyring

    settings = load_settings()
    require_home(settings)
    keyring = Keyring(settings.keys_dir)
    keyring.rotate()
    rewrapped = rewrap_data_keys(open_catalogue(settings.catalogue_location), keyring)
    out.print(f"[green]Rotated.[/] {rewrapped} data keys are wrapped with the new wrapping key.")
    _show(settings)


@keys.command("list")
def list_() -> None:
    """Show key ids, age and status. Never a secret."""
    settings = load_settings()
    require_home(settings)
    _show(settings)


def _show(settings: Settings) -> None:
    from analytics_pipeline.storage.keyring import Keyring
    from analytics_pipeline.storage.public_keys import load_public_keys
    from analytics_pipeline.storage.webhook_keys import load_webhook_keys

    keyring = Keyring(settings.keys_dir)
    public = load_public_keys(settings.keys_dir)
    table = Table(title=f"Keys in {settings.keys_dir}", title_justify="left")
    for column in ("key id", "use", "created", "status"):
        table.add_column(column)
    for key_id in keyring.batch_key_ids:
        entry = public[key_id]
        table.add_row(key_id, "clients seal to it", f"{entry.created_at:%Y-%m-%d}", entry.status)
    for key_id in keyring.wrapping_key_ids:
        active = key_id == keyring.active_wrapping_key_id
        table.add_row(key_id, "wraps data keys", "", "active" if active else "retired")
    with suppress(KeyUnavailable):  # made by an earlier version: `keys create` adds what is missing
        for key in load_webhook_keys(settings.keys_dir, datetime.now(UTC)).signing:
            table.add_row(key.key_id, "signs alerts", f"{key.created_at:%Y-%m-%d}", "active")
    out.print(table)
