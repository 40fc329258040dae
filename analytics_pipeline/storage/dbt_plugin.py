"""dbt-duckdb's plugin: what dbt's connection needs and dbt itself must not know.

It gives the connection encryption, the days of the raw layer (`raw.events`), the policy's constants
(`policy.bounds`, `policy.metrics`, …) and each cursor the secret that ranks a viewer's videos. All
are tables in memory; keys are in no compiled SQL, log or manifest. Belongs here: configuring
connections. Does not belong here: any computation.

The raw layer is read by Polars, which wrote it: DuckDB 1.5 fails on standard encrypted Parquet as
soon as a filter is pushed down or a column has several pages (duckdb issue 18524).

The ranking is HMAC-SHA-256 (RFC 2104). DuckDB has SHA-256 but no HMAC, so cursors get the key's two
pads, and the macro `selection_hash` writes H(outer ‖ H(inner ‖ message)) in SQL.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import date, timedelta
from pathlib import Path
from typing import Any, Final

import duckdb
import polars as pl
from dbt.adapters.duckdb.plugins import BasePlugin

from analytics_pipeline.core.day import parse_day
from analytics_pipeline.core.errors import InvalidInput, InvalidSettings
from analytics_pipeline.core.histograms import (
    REBUFFER_EDGES_PERMILLE,
    RETENTION_BINS,
    STARTUP_EDGES_MS,
    STARTUP_NOT_REPORTED,
)
from analytics_pipeline.core.policy import DEFAULT_POLICY, Policy
from analytics_pipeline.core.regions import continent_of
from analytics_pipeline.storage.event_columns import EVENT_COLUMNS
from analytics_pipeline.storage.raw_day import load_raw_day, raw_day_key, require_raw_day
from analytics_pipeline.storage.retention_keys import RetentionKeys
from analytics_pipeline.storage.warehouse import configure_encryption

_HMAC_BLOCK_BYTES: Final = 64
_MAX_DAYS: Final = 3660


class Plugin(BasePlugin):
    """Loaded by `profiles.yml`; its configuration has `platform`, `raw_dir`, `raw_key`,
    `retention_dir`, `selection_key` and `temp_dir`."""

    def initialize(self, plugin_config: dict[str, Any]) -> None:
        """Take places and keys (64 hex digits). Raises InvalidSettings naming the variable."""
        self._raw_key = _parse_key("DBT_ENV_SECRET_RAW_KEY", plugin_config["raw_key"])
        self._pads = hmac_pads(
            _parse_key("DBT_ENV_SECRET_SELECTION_KEY", plugin_config["selection_key"])
        )
        self._platform = str(plugin_config["platform"])
        self._raw_dir = Path(plugin_config["raw_dir"])
        self._retention = RetentionKeys(Path(plugin_config["retention_dir"]))
        self._temp_dir = str(plugin_config["temp_dir"])

    def update_connection_config(self, creds: Any, config: dict[str, Any]) -> None:
        """Say where DuckDB may spill, before it opens."""
        if self._temp_dir:
            Path(self._temp_dir).mkdir(parents=True, exist_ok=True, mode=0o700)
            config["temp_directory"] = self._temp_dir

    def configure_connection(self, conn: duckdb.DuckDBPyConnection) -> None:
        """Once per process, before the warehouse is attached."""
        configure_encryption(conn)
        conn.execute("CREATE SCHEMA IF NOT EXISTS memory.policy")
        for name, frame in policy_tables().items():
            conn.register("policy_frame", frame)
            conn.execute(f"CREATE OR REPLACE TABLE memory.policy.{name} AS FROM policy_frame")
            conn.unregister("policy_frame")

    def configure_cursor(self, cursor: duckdb.DuckDBPyConnection) -> None:
        """Once per model: variables belong to a cursor."""
        for name, pad in zip(("selection_inner", "selection_outer"), self._pads, strict=True):
            cursor.execute(f"SET VARIABLE {name} = unhex('{pad.hex()}')")

    def load(self, source_config: Any) -> pl.DataFrame:
        """The events of the days that `models/sources.yml` names, each with its file's day.

        Raises:
            ContentUnavailable: a day is missing; that is never a day without events.
        """
        return load_raw_days(
            self._raw_dir, self._platform, source_config.meta, self._raw_key, self._retention
        )


def load_raw_days(
    directory: Path,
    platform: str,
    bounds: Mapping[str, Any],
    secret: bytes,
    retention: RetentionKeys,
) -> pl.DataFrame:
    """Columns of `EVENT_COLUMNS` and `raw_day`; no row if `bounds` names no day (`dbt docs`, …).

    Args:
        bounds: `start_day` and `end_day`, YYYY-MM-DD, both included.
        secret, retention: what the days' keys follow from (`storage.raw_day`).
    Raises:
        InvalidInput: they are no range of days.
        ContentUnavailable: the raw layer lacks one of them.
        KeyUnavailable: one of them was erased.
        DecryptionFailed: wrong key, or a file was altered.
    """
    frames = [pl.DataFrame(schema={**EVENT_COLUMNS, "raw_day": pl.Date()})]
    for day in _parse_days(str(bounds["start_day"]), str(bounds["end_day"])):
        require_raw_day(directory, platform, day)  # a day that never was has no key either
        key = raw_day_key(secret, retention.load(platform, day), platform, day)
        events = load_raw_day(directory, platform, day, key)
        frames.append(events.with_columns(raw_day=pl.lit(day, pl.Date())))
    return pl.concat(frames)


def policy_tables(policy: Policy = DEFAULT_POLICY) -> dict[str, pl.DataFrame]:
    """What SQL needs of a policy: its bounds (one row), the fixed keys, edges and metrics."""
    bounds = asdict(policy.bounds) | {
        "retention_bins": RETENTION_BINS,
        "startup_not_reported": STARTUP_NOT_REPORTED,
    }
    continents = [continent_of(region) for region in policy.regions]
    scopes, metrics = zip(*policy.by_row, strict=True)
    return {
        "bounds": pl.DataFrame({name: [value] for name, value in bounds.items()}),
        "metrics": pl.DataFrame({"scope": scopes, "metric": metrics}),
        "providers": pl.DataFrame({"provider": policy.providers}),
        "rebuffer_bins": _bins("from_permille", REBUFFER_EDGES_PERMILLE, 1),
        "regions": pl.DataFrame({"country": policy.regions, "continent": continents}),
        "startup_bins": _bins("from_ms", STARTUP_EDGES_MS, 0),
    }


def hmac_pads(key: bytes) -> tuple[bytes, bytes]:
    """The inner and outer block of HMAC-SHA-256 for a key of at most 64 bytes (RFC 2104)."""
    block = key.ljust(_HMAC_BLOCK_BYTES, b"\0")
    return bytes(byte ^ 0x36 for byte in block), bytes(byte ^ 0x5C for byte in block)


def _bins(column: str, edges: Sequence[int], first: int) -> pl.DataFrame:
    """A bin that begins at 0, numbered `first`, and one at each edge."""
    return pl.DataFrame({column: (0, *edges)}).with_row_index("bin", first)


def _parse_days(start: str, end: str) -> list[date]:
    if not start:
        return []
    first, last = parse_day(start), parse_day(end)
    count = (last - first).days + 1
    if not 1 <= count <= _MAX_DAYS:
        raise InvalidInput("end_day", f"{end} must lie 0 to {_MAX_DAYS - 1} days after {start}")
    return [first + timedelta(days=offset) for offset in range(count)]


def _parse_key(variable: str, text: str) -> bytes:
    try:
        key = bytes.fromhex(text)
    except ValueError:
        key = b""
    if len(key) != 32:
        raise InvalidSettings(variable, "must be 64 hex digits")
    return key
