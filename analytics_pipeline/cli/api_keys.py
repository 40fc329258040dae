"""`api-keys`: who may send events to the ingestion API."""

from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated

import typer
from rich.table import Table

from analytics_pipeline.cli.console import out
from analytics_pipeline.settings import load_settings, prepare_home, require_home


class Privacy(StrEnum):
    """Viewer models of `core.viewer_model`."""

    STANDARD = "standard"
    HIGH = "high"


api_keys = typer.Typer(help="Create, list and revoke API keys of senders.", no_args_is_help=True)


@api_keys.command()
def create(
    label: Annotated[str, typer.Argument(help="Your words for it, e.g. the site's name.")],
    origin: Annotated[
        list[str] | None,
        typer.Option(help="Web origin that may use it, e.g. https://video.example; repeatable."),
    ] = None,
    privacy: Annotated[
        Privacy, typer.Option(help="How viewers are counted; high: by their own devices.")
    ] = Privacy.STANDARD,
) -> None:
    """Make a key and print it once; only its SHA-256 is stored.

    With --privacy high the API works no pseudonym and no country out of requests under this key,
    and takes nothing but the daily summaries of devices (docs/sdk.md).

    analytics-pipeline api-keys create 'our site' --origin https://video.example
    """
    from analytics_pipeline.storage.api_keys import create_api_key

    settings = load_settings()
    prepare_home(settings)
    secret = create_api_key(
        settings.api_keys_path,
        settings.platform,
        label,
        origin or [],
        datetime.now(UTC),
        privacy.value,
    )
    out.print(secret, soft_wrap=True)


@api_keys.command("list")
def list_() -> None:
    """Show all keys: id, label, origins, viewer model. Never the key."""
    from analytics_pipeline.storage.api_keys import load_api_keys

    settings = load_settings()
    require_home(settings)
    table = Table("id", "label", "origins", "privacy", "created")
    for key in load_api_keys(settings.api_keys_path):
        origins = ", ".join(key.origins) or "servers only"
        created = f"{key.created_at:%Y-%m-%d}"
        table.add_row(key.key_id, key.label, origins, key.viewer_model, created)
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
