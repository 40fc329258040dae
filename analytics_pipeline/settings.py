"""Every setting, read from the environment once, in this one place.

Belongs here: names, defaults, validation, the home folder. Does not belong here: opening a store.
The table in `docs/settings.md` is generated from `SETTINGS` (a test compares them).
"""

import difflib
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

from analytics_pipeline.core.errors import InvalidSettings

PREFIX: Final = "ANALYTICS_"
#: Variables of this prefix that are no settings: `simulate` takes the API key from it.
OTHER_VARIABLES: Final = ("ANALYTICS_API_KEY",)


def _int_at_least(minimum: int) -> Callable[[str], int]:
    def parse(text: str) -> int:
        value = int(text)
        if value < minimum:
            raise ValueError(f"must be at least {minimum}")
        return value

    return parse


def _port(text: str) -> int:
    value = int(text)
    if not 0 <= value <= 65535:
        raise ValueError("must be 0 to 65535")
    return value


def _catalogue_url(text: str) -> str:
    if text and not re.match(r"sqlite:///|postgresql(\+\w+)?://", text):
        raise ValueError("must begin with sqlite:/// or postgresql://")
    return text


def parse_address(text: str) -> str:
    """The address of a contract. Raises ValueError."""
    if not re.fullmatch(r"0x[0-9a-fA-F]{40}", text):
        raise ValueError("an address is 0x and 40 hex digits")
    return text


def _registry(text: str) -> str:
    return parse_address(text) if text else text


def _sha256(text: str) -> str:
    if text and not re.fullmatch(r"[0-9a-f]{64}", text):
        raise ValueError("a SHA-256 is 64 lower-case hex digits")
    return text


def _web_address(text: str) -> str:
    if text and not re.match(r"https?://[^/]", text):
        raise ValueError("must begin with http:// or https://")
    return text.rstrip("/")


def _folder(text: str) -> Path:
    return Path(text).expanduser()


def _identifier(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9._-]{1,64}", text):
        raise ValueError("must be 1 to 64 letters, digits, '.', '_' or '-'")
    return text


def _access(text: str) -> str:
    if text not in ("open", "keys"):
        raise ValueError("must be open or keys")
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
        _catalogue_url,
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
        _registry,
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
    Setting(
        "ANALYTICS_RETENTION_DAYS",
        "retention_days",
        "30",
        "Days after its record that a day's raw data is destroyed; 0: never by itself",
        _int_at_least(0),
    ),
    Setting(
        "ANALYTICS_SETUP",
        "setup",
        "development",
        "Set-up of proofs: `development` (convinces nobody), or path or URL of Ignition's points",
    ),
    Setting(
        "ANALYTICS_SETUP_SHA256",
        "setup_sha256",
        "",
        "SHA-256 of the file that `ANALYTICS_SETUP` names",
        _sha256,
    ),
    Setting(
        "ANALYTICS_BB",
        "bb",
        "",
        "A prover (`bb` 5.0.0) that is there already; empty: installed from npm at first use",
    ),
    Setting(
        "ANALYTICS_CACHE",
        "cache",
        "~/.cache/analytics-pipeline",
        "Folder for what can be made again: the prover, points of the set-up, circuits",
        _folder,
    ),
    Setting("ANALYTICS_API_HOST", "api_host", "127.0.0.1", "Address the ingestion API listens on"),
    Setting("ANALYTICS_API_PORT", "api_port", "8080", "Port of the ingestion API", _port),
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
        "ANALYTICS_RATE_LIMIT_PER_VIEWER",
        "rate_limit_per_viewer",
        "20",
        "Requests per second and viewer before 429, for keys that web pages may use",
        _int_at_least(1),
    ),
    Setting(
        "ANALYTICS_QUEUE_MAX_BYTES",
        "queue_max_bytes",
        str(8 * 2**30),
        "Size of the queue file from which the API answers 503 until the sealer catches up",
        _int_at_least(2**20),
    ),
    Setting("ANALYTICS_SERVE_HOST", "serve_host", "127.0.0.1", "Address the read API listens on"),
    Setting(
        "ANALYTICS_SERVE_PORT", "serve_port", "8090", "Port of the read API and dashboard", _port
    ),
    Setting(
        "ANALYTICS_SERVE_ACCESS",
        "serve_access",
        "open",
        "Who may read figures: `open` to everybody, or `keys` for read keys only",
        _access,
    ),
    Setting(
        "ANALYTICS_SERVE_RATE_LIMIT",
        "serve_rate_limit",
        "100",
        "Requests per second and address before 429; a read key may ask ten times as often",
        _int_at_least(1),
    ),
    Setting(
        "ANALYTICS_SERVE_REFRESH_SECONDS",
        "serve_refresh_seconds",
        "15",
        "Seconds between looks for new records",
        _int_at_least(1),
    ),
    Setting(
        "ANALYTICS_SERVE_RPC_URLS",
        "serve_rpc_urls",
        "",
        "JSON-RPC URLs offered to visitors who verify, comma-separated; empty: on the embedded "
        "chain the read API's own, else none",
        _list,
    ),
    Setting(
        "ANALYTICS_SERVE_GATEWAYS",
        "serve_gateways",
        "",
        "Trustless gateways offered to visitors who verify, comma-separated",
        _list,
    ),
    Setting(
        "ANALYTICS_DASHBOARD_URL",
        "dashboard_url",
        "",
        "Where people reach the dashboard; Dagster links to it. Empty: where the read API listens",
        _web_address,
    ),
    Setting(
        "ANALYTICS_EXPLORER_URL",
        "explorer_url",
        "",
        "Block explorer of the chain, e.g. `https://sepolia.etherscan.io`; Dagster links to it",
        _web_address,
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
    retention_days: int
    setup: str
    setup_sha256: str
    bb: str
    cache: Path
    api_host: str
    api_port: int
    trusted_proxies: tuple[str, ...]
    country_db: str
    rate_limit_per_second: int
    rate_limit_per_viewer: int
    queue_max_bytes: int
    serve_host: str
    serve_port: int
    serve_access: Literal["open", "keys"]
    serve_rate_limit: int
    serve_refresh_seconds: int
    serve_rpc_urls: tuple[str, ...]
    serve_gateways: tuple[str, ...]
    dashboard_url: str
    explorer_url: str
    dagster_postgres_url: str

    @property
    def dashboard_location(self) -> str:
        return self.dashboard_url or f"http://{self.serve_host}:{self.serve_port}"

    @property
    def keys_dir(self) -> Path:
        return self.home / "keys"

    @property
    def api_keys_path(self) -> Path:
        return self.keys_dir / "api_keys.json"

    @property
    def read_keys_path(self) -> Path:
        return self.keys_dir / "read_keys.json"

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
    def proofs_dir(self) -> Path:
        return self.home / "proofs"

    @property
    def alerts_path(self) -> Path:
        return self.home / "alerts.sqlite"

    @property
    def raw_dir(self) -> Path:
        return self.home / "raw"

    @property
    def warehouse_path(self) -> Path:
        return self.home / "warehouse.duckdb"


def load_settings(environ: Mapping[str, str] | None = None) -> Settings:
    """Read all settings. Raises InvalidSettings naming the variable."""
    source = os.environ if environ is None else environ
    _refuse_unknown(source)
    values: dict[str, Any] = {}
    for setting in SETTINGS:
        text = source.get(setting.variable) or setting.default
        try:
            values[setting.field] = setting.parse(text)
        except ValueError as error:
            shown = "" if "://" in text else f"{text!r}: "  # a URL may hold a password
            raise InvalidSettings(setting.variable, f"{shown}{error}") from None
    values["home"] = values["home"].absolute()
    values["cache"] = values["cache"].absolute()
    if values["setup"] != "development" and not values["setup_sha256"]:
        raise InvalidSettings(
            "ANALYTICS_SETUP_SHA256", "must be that of the file in ANALYTICS_SETUP"
        )
    return Settings(**values)


def _refuse_unknown(environ: Mapping[str, str]) -> None:
    """A misspelt setting would be silently without effect."""
    known = [*(setting.variable for setting in SETTINGS), *OTHER_VARIABLES]
    for variable in sorted(environ):
        if variable.startswith(PREFIX) and variable not in known:
            names = {name.removeprefix(PREFIX): name for name in known}
            close = difflib.get_close_matches(variable.removeprefix(PREFIX), names, n=1)
            hint = (
                f"did you mean {names[close[0]]}?" if close else "docs/settings.md lists them all"
            )
            raise InvalidSettings(variable, f"there is no such setting; {hint}")


def prepare_home(settings: Settings) -> None:
    """Make the home folder if it is missing, for its owner alone (mode 0700).

    Raises:
        InvalidSettings: it cannot be made or written to.
    """
    home = settings.home
    try:
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        problem = f"cannot make the folder {home}: {error.strerror}"
        raise InvalidSettings("ANALYTICS_HOME", problem) from None
    if not os.access(home, os.R_OK | os.W_OK | os.X_OK):
        raise InvalidSettings("ANALYTICS_HOME", f"{home} cannot be written to by this user")


def require_home(settings: Settings) -> None:
    """For commands that only look. Raises InvalidSettings if there is no deployment."""
    if not settings.home.is_dir():
        raise InvalidSettings(
            "ANALYTICS_HOME",
            f"no deployment in {settings.home}; `analytics-pipeline up` makes one, "
            "ANALYTICS_HOME names another folder",
        )


def settings_table() -> str:
    """The table of `docs/settings.md`, in Markdown."""
    rows = [
        f"| `{setting.variable}` | {f'`{setting.default}`' if setting.default else '–'} "
        f"| {setting.meaning} |"
        for setting in SETTINGS
    ]
    return "\n".join(["| Variable | Default | Meaning |", "|---|---|---|", *rows])
