"""The raw layer: one encrypted Parquet file a day, replaced whole, readable without a lock.

    <dir>/<platform>/<YYYY-MM-DD>.parquet     0600; written to a hidden file, synced, renamed

Parquet modular encryption (AES-256-GCM, encrypted footer): names, statistics and every column are
ciphertext; Polars, DuckDB and pyarrow read it with the key. Every day has its own, `raw_day_key`,
so a backup of the folder is worth nothing once the day's retention key is destroyed. Trust: whoever
reads the folder learns on which days there were events and roughly how many; with the root secret
and the retention keys, every event of the days kept.
Belongs here: the file's schema, place and life. Does not belong here: where the events come from
(`storage.segments`) and what is computed from them (`dbt_project`).
"""

import os
import re
from datetime import date
from pathlib import Path
from typing import Final

import polars as pl
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from analytics_pipeline.core.day import MS_PER_DAY, day_start_ms
from analytics_pipeline.core.errors import ContentUnavailable, DecryptionFailed, InvalidInput
from analytics_pipeline.storage.durable import sync_folder
from analytics_pipeline.storage.event_columns import (
    EVENT_COLUMNS,
    NULLABLE_COLUMNS,
    add_missing_columns,
)

KEY_BYTES: Final = 32
_PLATFORM = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,127}")


def raw_day_key(secret: bytes, retention_key: bytes, platform: str, day: date) -> bytes:
    """The day's key: HKDF-SHA256 with the retention key as salt (as RFC 8446 joins two secrets), so
    that neither of them gives it without the other.

    Args:
        secret: the raw layer's lasting key.
    """
    info = f"analytics-pipeline/raw-day/1\n{platform}\n{day.isoformat()}".encode("ascii")
    return HKDF(SHA256(), KEY_BYTES, retention_key, info).derive(_parse_key(secret))


def raw_day_path(directory: Path, platform: str, day: date) -> Path:
    """Where the events of `day` lie. Raises InvalidInput if `platform` cannot name a folder."""
    if not _PLATFORM.fullmatch(platform):
        raise InvalidInput("platform", f"{platform!r} is not a platform id")
    return Path(directory) / platform / f"{day.isoformat()}.parquet"


def write_raw_day(
    directory: Path, platform: str, day: date, frame: pl.DataFrame, key: bytes
) -> Path:
    """Replace the day's events, whole or not at all, also through a power cut.

    Args:
        frame: exactly the columns of `EVENT_COLUMNS`, in any order; no row is a valid day.
        key: 256-bit AES key.
    Returns:
        The path of the file.
    Raises:
        InvalidInput: a column is missing, foreign, of another type or null; or an event's `at_ms`
            lies outside `day`.
    """
    path = raw_day_path(directory, platform, day)
    ordered = _parse_frame(frame, day)
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.new")
    temporary.unlink(missing_ok=True)
    descriptor = os.open(temporary, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w+b") as file:
            encryption = pl.ParquetEncryptionProperties(footer_key=_parse_key(key))
            ordered.write_parquet(file, compression="zstd", encryption=encryption)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
    sync_folder(path.parent)
    return path


def require_raw_day(directory: Path, platform: str, day: date) -> Path:
    """The day's file. Raises ContentUnavailable if the raw layer has no such day."""
    path = raw_day_path(directory, platform, day)
    if not path.exists():
        raise ContentUnavailable(
            f"the raw layer has no events of {platform} on {day}; materialise `events` first"
        )
    return path


def load_raw_day(directory: Path, platform: str, day: date, key: bytes) -> pl.DataFrame:
    """Read the day's events, columns as in `EVENT_COLUMNS`.

    Raises:
        ContentUnavailable: the raw layer has no such day.
        DecryptionFailed: wrong key, or the file was altered.
    """
    path = require_raw_day(directory, platform, day)
    decryption = pl.ParquetDecryptionProperties(footer_key=_parse_key(key))
    try:
        return add_missing_columns(pl.read_parquet(path, decryption=decryption, glob=False))
    except pl.exceptions.ComputeError:
        raise DecryptionFailed(
            f"raw events of {platform} on {day}: wrong key, or the file was altered"
        ) from None


def expire_raw_day(directory: Path, platform: str, day: date) -> bool:
    """Remove the day's events. Returns whether there were any."""
    path = raw_day_path(directory, platform, day)
    existed = path.exists()
    path.unlink(missing_ok=True)
    return existed


def _parse_key(key: bytes) -> bytes:
    if len(key) != KEY_BYTES:
        raise InvalidInput("key", f"must be {KEY_BYTES} bytes, not {len(key)}")
    return key


def _parse_frame(frame: pl.DataFrame, day: date) -> pl.DataFrame:
    """The frame in schema order, if it holds what it should."""
    foreign = sorted(set(frame.columns) - set(EVENT_COLUMNS))
    if foreign:
        raise InvalidInput(f"frame.{foreign[0]}", "is not a column of the raw layer")
    for name, dtype in EVENT_COLUMNS.items():
        if name not in frame.columns:
            raise InvalidInput(f"frame.{name}", "is missing")
        if frame.schema[name] != dtype:
            raise InvalidInput(f"frame.{name}", f"must be {dtype}, not {frame.schema[name]}")
        if name not in NULLABLE_COLUMNS and frame[name].null_count():
            raise InvalidInput(f"frame.{name}", "has nulls")
    start = day_start_ms(day)
    outside = frame.select(~pl.col("at_ms").is_between(start, start + MS_PER_DAY, closed="left"))
    if outside["at_ms"].any():
        raise InvalidInput("frame.at_ms", f"lies outside {day}")
    return frame.select(EVENT_COLUMNS.names())
