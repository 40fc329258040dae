"""The warehouse: one encrypted DuckDB file, opened for as short as possible.

    catalogue.videos        written by the orchestration before dbt runs
    marts.*                 written by dbt (`dbt_project`): exact figures, no viewer in them
    exports.export_*        the same without rows about few viewers: what anybody but the operator's
                            own pipeline reads
    marts.contributions     a row per viewer and video, the viewer a number of the day; destroyed
                            with the day's raw events

Everything that names a viewer lives in dbt's in-memory database and is gone when dbt ends; what
spills to the temporary folder is encrypted under a key of the process. Trust: whoever has file and
key reads the exact figures of every day, and of days not yet erased what was watched together by
one viewer (nobody's name, and no link to another day); the file alone shows its size. A writer
shuts out every other process, readers too. Belongs here: opening, the tables dbt only reads,
loading marts, destroying a day. Does not belong here: any KPI.
"""

import importlib.util
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Final

import duckdb
import polars as pl

from analytics_pipeline.core.errors import DecryptionFailed, InvalidInput, StoreError
from analytics_pipeline.storage.durable import sync_folder

KEY_BYTES: Final = 32
VIDEOS_SCHEMA: Final[pl.Schema] = pl.Schema(
    {
        "platform": pl.String(),
        "video_id": pl.String(),
        "creator_id": pl.String(),
        "title": pl.String(),
        "duration_ms": pl.Int64(),
    }
)
MARTS: Final = (
    "platform_day",
    "video_day",
    "creator_day",
    "storage_provider_day",
    "region_day",
    "retention_day",
    "concurrency_minute",
    "concurrency_day",
    "tally",
    "contributions",
)
#: Marts whose rows about enough viewers are exported as ``export_<mart>``.
EXPORTED: Final = MARTS[:-2]
#: What a mart's loader gives, if not all columns under their names.
_COLUMNS: Final = {
    "contributions": (
        "viewer_number AS viewer, video_id, country, continent, provider, startup_bin, "
        "rebuffer_bin, first_of_week, first_of_month, at_peak, furthest_bin, seconds"
    )
}
#: What DuckDB says of a file it cannot decrypt, and of one that another process has open.
_WRONG_KEY = ("encryption key", "not encrypted", "decrypt", "is encrypted")
_LOCKED = "lock"


def key_text(key: bytes) -> str:
    """The form in which DuckDB takes a key, here and in dbt's profile: 64 hex digits."""
    if len(key) != KEY_BYTES:
        raise InvalidInput("key", f"must be {KEY_BYTES} bytes, not {len(key)}")
    return key.hex()


def configure_encryption(con: duckdb.DuckDBPyConnection) -> None:
    """Give an instance OpenSSL's AES (extension httpfs) and encrypted spilling.

    DuckDB 1.5 writes encrypted files only with httpfs loaded. It comes from the wheel
    `duckdb-extension-httpfs`; without one for this version, an installed one is loaded.
    """
    bundled = _bundled_httpfs()
    con.execute(f"LOAD {quoted(str(bundled))}" if bundled else "LOAD httpfs")
    con.execute("SET temp_file_encryption = true")


@contextmanager
def open_warehouse(
    path: Path, key: bytes, *, read_only: bool = False, temp_dir: Path | None = None
) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open the warehouse, and close it on leaving. Keep the body short: it locks the file.

    Args:
        path: the file; created (0600) unless `read_only`.
        key: 256-bit key (AES-GCM).
        temp_dir: where DuckDB may spill, encrypted. By default beside the file.
    Raises:
        DecryptionFailed: wrong key.
        StoreError: there is no such file to read, or another process has it open.
    """
    path = Path(path)
    secret = key_text(key)
    if read_only and not path.exists():
        raise StoreError(f"there is no warehouse at {path.name} yet; build a day first")
    if not read_only:
        path.parent.mkdir(parents=True, exist_ok=True)
    spill = str(temp_dir or path.with_name(f"{path.name}.tmp"))
    con = duckdb.connect(":memory:", config={"temp_directory": spill})
    try:
        configure_encryption(con)
        options = f"ENCRYPTION_KEY '{secret}'" + (", READ_ONLY" if read_only else "")
        try:
            con.execute(f"ATTACH {quoted(str(path))} AS warehouse ({options})")
        except duckdb.Error as error:
            raise _explain(error, path) from None
        if not read_only:
            os.chmod(path, 0o600)
        con.execute("USE warehouse")
        yield con
    finally:
        con.close()


def write_videos(con: duckdb.DuckDBPyConnection, videos: pl.DataFrame) -> None:
    """Replace the catalogue's videos that dbt reads.

    Args:
        con: an open warehouse.
        videos: exactly the columns of `VIDEOS_SCHEMA`, in order; one row per (platform, video_id);
            `duration_ms` positive.
    Raises:
        InvalidInput: the frame breaks one of these rules.
    """
    if videos.schema != VIDEOS_SCHEMA:
        raise InvalidInput("videos", f"columns must be {VIDEOS_SCHEMA}, not {videos.schema}")
    if videos.select(pl.exclude("title").has_nulls().any()).row(0) != (False,) * 4:
        raise InvalidInput("videos", "only title may be null")
    if (videos["duration_ms"] <= 0).any():
        raise InvalidInput("videos.duration_ms", "must be positive")
    if videos.select("platform", "video_id").is_duplicated().any():
        raise InvalidInput("videos.video_id", "occurs more than once")
    con.register("new_videos", videos)
    try:
        con.execute("CREATE SCHEMA IF NOT EXISTS warehouse.catalogue")
        con.execute("CREATE OR REPLACE TABLE warehouse.catalogue.videos AS FROM new_videos")
    finally:
        con.unregister("new_videos")


def load_mart(con: duckdb.DuckDBPyConnection, mart: str, platform: str, day: date) -> pl.DataFrame:
    """One day of a mart (see `spec/kpis.md`), rows in the order of their key.

    Of ``contributions`` the columns a proof takes: viewer (the day's number), video_id,
    furthest_bin, seconds, and those of the viewer-day.

    Raises:
        InvalidInput: no such mart.
        StoreError: it has not been built yet.
    """
    if mart not in MARTS:
        raise InvalidInput("mart", f"{mart!r} is not one of {', '.join(MARTS)}")
    return _load(con, f"marts.{mart}", _COLUMNS.get(mart, "*"), platform, day)


def load_export(
    con: duckdb.DuckDBPyConnection, mart: str, platform: str, day: date
) -> pl.DataFrame:
    """One day of a mart for other eyes than the operator's: no row is about fewer than k viewers,
    nor one that could be had as the difference of others (docs/models.md).

    Raises:
        InvalidInput: no such mart is exported.
        StoreError: it has not been built yet.
    """
    if mart not in EXPORTED:
        raise InvalidInput("mart", f"{mart!r} is not one of {', '.join(EXPORTED)}")
    return _load(con, f"exports.export_{mart}", "*", platform, day)


def _load(
    con: duckdb.DuckDBPyConnection, table: str, columns: str, platform: str, day: date
) -> pl.DataFrame:
    query = (
        f"SELECT {columns} FROM warehouse.{table} "  # noqa: S608 (names from this file)
        "WHERE platform = $1 AND day = $2 ORDER BY ALL"
    )
    try:
        return con.sql(query, params=[platform, day]).pl()
    except duckdb.CatalogException:
        name = table.partition(".")[2]
        raise StoreError(f"{name} has not been built yet; run dbt first") from None


def list_contribution_days(path: Path, key: bytes, platform: str) -> set[date]:
    """The days that have per-viewer rows. Raises DecryptionFailed, StoreError."""
    if not Path(path).exists():
        return set()
    query = "SELECT DISTINCT day FROM warehouse.marts.contributions WHERE platform = $1"
    with open_warehouse(path, key, read_only=True) as con:
        try:
            return {day for (day,) in con.execute(query, [platform]).fetchall()}
        except duckdb.CatalogException:  # nobody built a day yet
            return set()


def destroy_contributions(path: Path, key: bytes, platform: str, day: date) -> int:
    """Destroy a day's per-viewer rows; its other marts stay. To be called when the day is erased;
    safe to repeat.

    A deleted row stays in DuckDB's file until its page is used again, and CHECKPOINT only marks the
    page as free. So the warehouse is copied without the rows, the copy takes the file's place while
    nobody else can open either, and the old file is overwritten.

    Returns:
        How many rows there were.
    Raises:
        DecryptionFailed, StoreError: see `open_warehouse`; nothing was changed.
    """
    path = Path(path)
    if not path.exists():
        return 0
    fresh, old = path.with_name(f".{path.name}.new"), path.with_name(f".{path.name}.old")
    if old.exists() and old.samefile(path):
        old.unlink()  # cut short between the two names: this is the warehouse itself
    _overwrite(old)  # of a run that was cut short later
    fresh.unlink(missing_ok=True)
    with open_warehouse(path, key) as con:
        try:
            rows = con.execute(
                "DELETE FROM warehouse.marts.contributions WHERE platform = $1 AND day = $2",
                [platform, day],
            ).fetchall()[0][0]
        except duckdb.CatalogException:  # nobody built a day yet
            return 0
        con.execute("FORCE CHECKPOINT warehouse")  # so that no log of the old file is left over
        con.execute(f"ATTACH {quoted(str(fresh))} AS fresh (ENCRYPTION_KEY '{key_text(key)}')")
        con.execute("COPY FROM DATABASE warehouse TO fresh")
        con.execute("DETACH fresh")
        os.chmod(fresh, 0o600)
        with fresh.open("rb") as file:
            os.fsync(file.fileno())
        os.link(path, old)
        fresh.replace(path)
        sync_folder(path.parent)  # or a power cut brings the name back, over zeros
    _overwrite(old)
    return int(rows)


def _overwrite(path: Path) -> None:
    """Fill a file with zeros, sync and unlink it, if it is there."""
    if not path.exists():
        return
    with path.open("r+b", buffering=0) as file:
        left = os.fstat(file.fileno()).st_size
        while left > 0:
            left -= file.write(bytes(min(left, 2**20)))
        os.fsync(file.fileno())
    path.unlink()


def _bundled_httpfs() -> Path | None:
    spec = importlib.util.find_spec("duckdb_extension_httpfs")
    folders = (spec.submodule_search_locations or []) if spec else []
    name = Path("extensions", f"v{duckdb.__version__}", "httpfs.duckdb_extension")
    return next((Path(folder, name) for folder in folders if Path(folder, name).exists()), None)


def quoted(text: str) -> str:
    """A string literal in SQL."""
    return "'" + text.replace("'", "''") + "'"


def _explain(error: duckdb.Error, path: Path) -> StoreError:
    """Our error for what DuckDB said, without its words (they may quote the statement)."""
    words = str(error).lower()
    if any(hint in words for hint in _WRONG_KEY):
        return DecryptionFailed(f"warehouse {path.name}: wrong key, or the file was altered")
    if _LOCKED in words:
        return StoreError(f"warehouse {path.name} is open in another process; try again after it")
    return StoreError(f"warehouse {path.name} cannot be opened ({type(error).__name__})")
