"""`read-keys`: who may read released figures through the read API, and how much of them."""

from datetime import UTC, datetime
from typing import Annotated

import typer
from rich.table import Table

from analytics_pipeline.cli.console import out, printable
from analytics_pipeline.settings import load_settings, prepare_home, require_home

read_keys = typer.Typer(help="Create, list and revoke keys of readers.", no_args_is_help=True)


@read_keys.command()
def create(
    label: Annotated[str, typer.Argument(help="Your words for it, e.g. whose it is.")],
    grant: Annotated[
        str, typer.Option(help="What it shows: platform, operator or creator:ID.")
    ] = "platform",
) -> None:
    """Make a key and print it once; only its SHA-256 is stored.

    platform shows every figure, creator:ID those of one creator, operator the exact counts of
    operations besides. Grants govern the read API: bundles on IPFS are public by their CIDs.

    analytics-pipeline read-keys create 'Ana, for her own page' --grant creator:creator-001
    """
    from analytics_pipeline.storage.read_keys import create_read_key

    settings = load_settings()
    prepare_home(settings)
    secret = create_read_key(settings.read_keys_path, label, grant, datetime.now(UTC))
    out.print(secret, soft_wrap=True)


@read_keys.command("list")
def list_() -> None:
    """Show all keys: id, label, grant. Never the key."""
    from analytics_pipeline.storage.read_keys import load_read_keys

    settings = load_settings()
    require_home(settings)
    table = Table("id", "label", "grant", "created")
    for key in load_read_keys(settings.read_keys_path):
        table.add_row(key.key_id, printable(key.label), key.grant, f"{key.created_at:%Y-%m-%d}")
    out.print(table)


@read_keys.command()
def revoke(
    key_id: Annotated[str, typer.Argument(help="The id that `read-keys list` shows.")],
) -> None:
    """Withdraw a key; the read API stops taking it within seconds."""
    from analytics_pipeline.storage.read_keys import revoke_read_key

    settings = load_settings()
    require_home(settings)
    key = revoke_read_key(settings.read_keys_path, key_id)
    out.print(f"Revoked {key.key_id} ({printable(key.label)}).")
