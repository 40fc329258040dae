"""`api-keys`: who may send events to the ingestion API."""

from datetime import UTC, datetime
from typing import Annotated

import typer
from rich.table import Table

from analytics_pipeline.cli.console import out
from analytics_pipeline.settings import load_settings, prepare_home, require_home

api_keys = typer.Typer(help="Create, list and revoke API keys of senders.", no_args_is_help=True)


@api_keys.command()
def create(
    label: Annotated[str, typer.Argument(help="Your words for it, e.g. the site's name.")],
    origin: Annotated[
        list[str] | None,
        typer.Option(help="Web origin that may use it, e.g. https://video.example; repeatable."),
    ] = None,
) -> None:
    """Make a key and print it once; only its SHA-256 is stored.

    analytics-pipeline api-keys create 'our site' --origin https://video.example
    """
    from analytics_pipeline.storage.api_keys import create_api_key

    settings = load_settings()
    prepare_home(settings)
    secret = create_api_key(
        settings.api_keys_path, settings.platform, label, origin or [], datetime.now(UTC)
    )
    out.print(secret, soft_wrap=True)


@api_keys.command("list")
def list_() -> None:
    """Show all keys: id, label, origins. Never the key."""
    from analytics_pipeline.storage.api_keys import load_api_keys

    settings = load_settings()
    require_home(settings)
    table = Table("id", "label", "origins", "created")
    for key in load_api_keys(settings.api_keys_path):
        origins = ", ".join(key.origins) or "servers only"
        table.add_row(key.key_id, key.label, origins, f"{key.created_at:%Y-%m-%d}")
    out.print(table)


@api_keys.command()
def revoke(
    key_id: Annotated[str, typer.Argument(help="The id that `api-keys list` shows.")],
) -> None:
    """Withdraw a key; the API stops taking it within seconds."""
    from analytics_pipeline.storage.api_keys import revoke_api_key

    settings = load_settings()
    require_home(settings)
    key = revoke_api_key(settings.api_keys_path, key_id)
    out.print(f"Revoked {key.key_id} ({key.label}).")
