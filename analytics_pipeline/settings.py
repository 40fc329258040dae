"""Every setting, read from the environment once, in this one place.

Belongs here: names, defaults, validation. Does not belong here: opening anything. The table in
`docs/settings.md` is generated from `SETTINGS` (a test compares them).
"""

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from analytics_pipeline.core.errors import InvalidSettings


def _int_at_least(minimum: int) -> Callable[[str], int]:
    def parse(text: str) -> int:
        value = int(text)
        if value < minimum:
            raise ValueError(f"must be at least {minimum}")
        return value

    return parse


def _identifier(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9._-]{1,64}", text):
        raise ValueError("must be 1 to 64 letters, digits, '.', '_' or '-'")
    return text


def _list(text: str) -> tuple[str, ...]:
    return tuple(item.strip() for item in text.split(",") if item.strip())


@dataclass(frozen=True)
class Setting:
    """One environment variable: how it is read and what it means."""

    variable: str
    field: str
    default: str
    meaning: str
    parse: Callable[[str], Any] = str


SETTINGS: tuple[Setting, ...] = (
    Setting("ANALYTICS_HOME", "home", ".analytics", "Folder of all embedded state", Path),
    Setting(
        "ANALYTICS_PLATFORM",
        "platform",
        "demo",
        "Platform (project) this deployment serves",
        _identifier,
    ),
    Setting(
        "ANALYTICS_CATALOGUE_URL",
        "catalogue_url",
        "",
        "SQLAlchemy URL of the catalogue; empty: SQLite in the home folder",
    ),
    Setting(
        "ANALYTICS_IPFS",
        "ipfs",
        "",
        "Kubo RPC URL; empty: the embedded block store in the home folder",
    ),
    Setting(
        "ANALYTICS_IPFS_GATEWAYS", "ipfs_gateways", "", "Trustless gateways, comma-separated", _list
    ),
    Setting(
        "ANALYTICS_CHAIN",
        "chain",
        "",
        "JSON-RPC URL; empty: the embedded EVM in the home folder",
    ),
    Setting(
        "ANALYTICS_REGISTRY",
        "registry",
        "",
        "Registry address; empty: the one deployed on the embedded EVM",
    ),
    Setting(
        "ANALYTICS_PUBLISHER_KEY_FILE",
        "publisher_key_file",
        "",
        "File with the publisher's private key (JSON-RPC only); the embedded EVM has its own",
    ),
    Setting(
        "ANALYTICS_CONFIRMATIONS",
        "confirmations",
        "1",
        "Blocks a record must be deep before it counts as published",
        _int_at_least(1),
    ),
    Setting("ANALYTICS_API_HOST", "api_host", "127.0.0.1", "Address the ingestion API listens on"),
    Setting(
        "ANALYTICS_API_PORT", "api_port", "8080", "Port of the ingestion API", _int_at_least(0)
    ),
    Setting(
        "ANALYTICS_TRUSTED_PROXIES",
        "trusted_proxies",
        "",
        "Addresses whose X-Forwarded-For is believed, comma-separated",
        _list,
    ),
    Setting(
        "ANALYTICS_COUNTRY_DB",
        "country_db",
        "",
        "Country database (mmdb); empty: the one that ships with the project",
    ),
    Setting(
        "ANALYTICS_RATE_LIMIT",
        "rate_limit_per_second",
        "2000",
        "Requests per second and API key before 429",
        _int_at_least(1),
    ),
    Setting(
        "ANALYTICS_QUEUE_MAX_BYTES",
        "queue_max_bytes",
        str(8 * 2**30),
        "Size of the queue file from which the API answers 503 until the sealer catches up",
        _int_at_least(2**20),
    ),
    Setting(
        "ANALYTICS_RAW_RETENTION_DAYS",
        "raw_retention_days",
        "30",
        "Days after which raw events are expired and a day can no longer be recomputed",
        _int_at_least(1),
    ),
    Setting(
        "DAGSTER_POSTGRES_URL", "dagster_postgres_url", "", "Postgres for Dagster; empty: SQLite"
    ),
)


@dataclass(frozen=True)
class Settings:
    """The deployment's configuration; see `SETTINGS` for what each field means."""

    home: Path
    platform: str
    catalogue_url: str
    ipfs: str
    ipfs_gateways: tuple[str, ...]
    chain: str
    registry: str
    publisher_key_file: str
    confirmations: int
    api_host: str
    api_port: int
    trusted_proxies: tuple[str, ...]
    country_db: str
    rate_limit_per_second: int
    queue_max_bytes: int
    raw_retention_days: int
    dagster_postgres_url: str

    @property
    def keys_dir(self) -> Path:
        return self.home / "keys"

    @property
    def api_keys_path(self) -> Path:
        return self.keys_dir / "api_keys.json"

    @property
    def queue_path(self) -> Path:
        return self.home / "queue.sqlite"

    @property
    def salts_dir(self) -> Path:
        return self.home / "salts"

    @property
    def catalogue_location(self) -> str:
        return self.catalogue_url or f"sqlite:///{self.home / 'catalogue.sqlite'}"

    @property
    def ipfs_location(self) -> str:
        return self.ipfs or str(self.home / "ipfs")

    @property
    def chain_location(self) -> str:
        return self.chain or str(self.home / "chain.sqlite")

    @property
    def outbox_path(self) -> Path:
        return self.home / "outbox.sqlite"

    @property
    def raw_dir(self) -> Path:
        return self.home / "raw"

    @property
    def warehouse_path(self) -> Path:
        return self.home / "warehouse.duckdb"


def load_settings(environ: Mapping[str, str] | None = None) -> Settings:
    """Read all settings. Raises InvalidSettings naming the variable."""
    source = os.environ if environ is None else environ
    values: dict[str, Any] = {}
    for setting in SETTINGS:
        text = source.get(setting.variable) or setting.default
        try:
            values[setting.field] = setting.parse(text)
        except ValueError as error:
            raise InvalidSettings(setting.variable, f"{text!r}: {error}") from None
    values["home"] = values["home"].absolute()
    return Settings(**values)


def settings_table() -> str:
    """The table of `docs/settings.md`, in Markdown."""
    rows = [
        f"| `{setting.variable}` | {f'`{setting.default}`' if setting.default else '–'} "
        f"| {setting.meaning} |"
        for setting in SETTINGS
    ]
    return "\n".join(["| Variable | Default | Meaning |", "|---|---|---|", *rows])
