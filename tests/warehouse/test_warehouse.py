"""The encrypted warehouse: opening, the tables dbt reads, no plaintext in any of its files."""

import subprocess
import sys
from datetime import date
from pathlib import Path

import polars as pl
import pytest

from analytics_pipeline.core.errors import DecryptionFailed, InvalidInput, StoreError
from analytics_pipeline.storage.warehouse import (
    VIDEOS_SCHEMA,
    load_mart,
    open_warehouse,
    write_videos,
)

KEY = bytes(range(32))
WORD = "a-word-that-must-not-show"


def videos(**changes: object) -> pl.DataFrame:
    row: dict[str, object] = {
        "platform": "demo",
        "video_id": "lecture",
        "creator_id": "ada",
        "title": WORD,
        "duration_ms": 60_000,
    }
    return pl.DataFrame([row | changes], schema=VIDEOS_SCHEMA)


def test_videos_survive_closing(tmp_path: Path) -> None:
    """What was written is there when the file is opened again, read-only too."""
    path = tmp_path / "warehouse.duckdb"
    for duration_ms in (1, 60_000):
        with open_warehouse(path, KEY) as con:
            write_videos(con, videos(duration_ms=duration_ms))
    with open_warehouse(path, KEY, read_only=True) as con:
        assert con.sql("from catalogue.videos").pl().equals(videos())
    assert path.stat().st_mode & 0o777 == 0o600


def test_wrong_key(tmp_path: Path) -> None:
    """Another key opens nothing, and the error does not repeat it."""
    path = tmp_path / "warehouse.duckdb"
    with open_warehouse(path, KEY) as con:
        write_videos(con, videos())
    wrong = bytes(31) + b"\1"
    with pytest.raises(DecryptionFailed) as caught, open_warehouse(path, wrong):
        pass
    assert wrong.hex() not in str(caught.value)


def test_no_file_to_read(tmp_path: Path) -> None:
    """Reading does not create a warehouse."""
    path = tmp_path / "warehouse.duckdb"
    with (
        pytest.raises(StoreError, match="build a day first"),
        open_warehouse(path, KEY, read_only=True),
    ):
        pass
    assert not path.exists()


def test_open_elsewhere(tmp_path: Path) -> None:
    """A file that another process writes is refused with words, not with DuckDB's."""
    path = tmp_path / "warehouse.duckdb"
    hold = (
        "import sys; from pathlib import Path\n"
        "from analytics_pipeline.storage.warehouse import open_warehouse\n"
        f"with open_warehouse(Path({str(path)!r}), bytes(range(32))):\n"
        "    print('open', flush=True); sys.stdin.read()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", hold], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "open\n"
        with pytest.raises(StoreError, match="another process"), open_warehouse(path, KEY):
            pass
        holder.communicate("")


def test_no_plaintext_in_file_log_or_spill(tmp_path: Path) -> None:
    """File, write-ahead log and temporary files are ciphertext while they are in use."""
    path = tmp_path / "warehouse.duckdb"
    with open_warehouse(path, KEY) as con:
        con.execute("SET wal_autocheckpoint = '1TB'")
        write_videos(con, videos())
        log = Path(f"{path}.wal")
        assert log.stat().st_size > 0
        con.execute("SET memory_limit = '100MB'")
        con.execute(
            f"CREATE TABLE memory.main.big AS SELECT '{WORD}' || sha256(i::varchar) AS text "
            "FROM range(2000000) AS t(i)"
        )
        spilled = [file for file in path.with_name(f"{path.name}.tmp").iterdir() if file.is_file()]
        assert sum(file.stat().st_size for file in spilled) > 1_000_000
        for file in (path, log, *spilled):
            assert WORD.encode() not in file.read_bytes()
            assert KEY not in file.read_bytes()
    assert WORD.encode() not in path.read_bytes()


@pytest.mark.parametrize(
    ("frame", "field"),
    [
        (videos(duration_ms=0), "videos.duration_ms"),
        (videos(creator_id=None), "videos"),
        (videos().drop("title"), "videos"),
        (pl.concat([videos(), videos(title="again")]), "videos.video_id"),
    ],
)
def test_wrong_videos_are_refused(tmp_path: Path, frame: pl.DataFrame, field: str) -> None:
    """A catalogue that would break a KPI does not reach dbt."""
    with open_warehouse(tmp_path / "w.duckdb", KEY) as con:
        with pytest.raises(InvalidInput) as caught:
            write_videos(con, frame)
        assert caught.value.field == field


def test_marts_before_they_are_built(tmp_path: Path) -> None:
    """An unknown mart and one that nobody built yet are told apart."""
    with open_warehouse(tmp_path / "w.duckdb", KEY) as con:
        with pytest.raises(InvalidInput, match="mart"):
            load_mart(con, "viewers; drop table x", "demo", date(2026, 1, 5))
        with pytest.raises(StoreError, match="run dbt first"):
            load_mart(con, "tally", "demo", date(2026, 1, 5))
