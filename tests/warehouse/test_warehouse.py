"""The encrypted warehouse: opening, the tables dbt reads, no plaintext in any of its files."""

import os
import subprocess
import sys
from datetime import date
from pathlib import Path

import duckdb
import polars as pl
import pytest

from analytics_pipeline.core.errors import DecryptionFailed, InvalidInput, StoreError
from analytics_pipeline.proving.day_rows import SCHEMA
from analytics_pipeline.storage.warehouse import (
    VIDEOS_SCHEMA,
    destroy_contributions,
    list_contribution_days,
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


def test_a_day_of_contributions_is_destroyed(tmp_path: Path) -> None:
    """Its rows are gone, also from the file's unused pages; other days, platforms and marts stay.
    Doing it again, or before anything was built, is fine."""
    path, first, second = tmp_path / "w.duckdb", date(2026, 1, 5), date(2026, 1, 6)
    assert destroy_contributions(path, KEY, "demo", first) == 0
    with open_warehouse(path, KEY) as con:
        write_videos(con, videos())
    assert destroy_contributions(path, KEY, "demo", first) == 0
    with open_warehouse(path, KEY) as con:
        con.execute("CREATE SCHEMA marts")
        con.execute(
            "CREATE TABLE marts.contributions AS SELECT p AS platform, d AS day, "
            "i AS viewer_number, 'lecture-' || hash(i) AS video_id, 'DE' AS country, "
            "'eu' AS continent, 'ipfs' AS provider, 0::bigint AS startup_bin, "
            "0::bigint AS rebuffer_bin, true AS first_of_week, true AS first_of_month, "
            "false AS at_peak, 0::bigint AS furthest_bin, 1::bigint AS seconds "
            "FROM range(100000) AS t(i), "
            "(VALUES ('demo'), ('other')) AS x(p), (VALUES ($1::date), ($2::date)) AS y(d)",
            [first, second],
        )
    held = path.open("rb")  # so that the new file cannot have the old one's number
    assert destroy_contributions(path, KEY, "demo", first) == 100_000
    assert path.stat().st_ino != os.fstat(held.fileno()).st_ino
    held.close()
    assert destroy_contributions(path, KEY, "demo", first) == 0
    assert path.stat().st_mode & 0o777 == 0o600
    assert [file.name for file in tmp_path.iterdir() if file.is_file()] == ["w.duckdb"]
    with open_warehouse(path, KEY, read_only=True) as con:
        assert con.sql("from catalogue.videos").pl().equals(videos())
        unused = "SELECT free_blocks FROM pragma_database_size() WHERE database_name = 'warehouse'"
        assert con.sql(unused).fetchall() == [(0,)]
        left = {
            (platform, day): load_mart(con, "contributions", platform, day).height
            for platform in ("demo", "other")
            for day in (first, second)
        }
        columns = load_mart(con, "contributions", "demo", second).schema
    assert left.pop(("demo", first)) == 0
    assert set(left.values()) == {100_000}
    assert set(columns.items()) == set(SCHEMA.items())


def test_why_the_file_is_written_anew(tmp_path: Path) -> None:
    """Without encryption one can see it: deleted rows stay in DuckDB's file, also after a
    checkpoint; in a copy of the database they are not."""
    plain, copy = tmp_path / "plain.duckdb", tmp_path / "copy.duckdb"
    readable = {"force_compression": "uncompressed"}
    with duckdb.connect(str(plain), config=readable) as con:
        con.execute(
            "CREATE TABLE t AS SELECT i, md5(i::varchar) || 'nobody-' || "
            "CASE WHEN i < 2500 THEN 'deleted' ELSE 'kept' END AS v FROM range(5000) AS r(i)"
        )
        con.execute("CHECKPOINT")
    with duckdb.connect(str(plain), config=readable) as con:
        con.execute("DELETE FROM t WHERE i < 2500")
        con.execute("FORCE CHECKPOINT")
    assert plain.read_bytes().count(b"nobody-deleted") > 100
    with duckdb.connect(config=readable) as con:
        con.execute(f"ATTACH '{plain}' AS one")
        con.execute(f"ATTACH '{copy}' AS two")
        con.execute("COPY FROM DATABASE one TO two")
    assert copy.read_bytes().count(b"nobody-kept") > 100
    assert b"nobody-deleted" not in copy.read_bytes()


def test_the_old_file_is_overwritten(tmp_path: Path) -> None:
    """Whoever still has it open, or a name for it, reads zeros; and one that a killed process left
    goes the next time."""
    path, day = tmp_path / "w.duckdb", date(2026, 1, 5)
    with open_warehouse(path, KEY) as con:
        con.execute("CREATE SCHEMA marts")
        con.execute(
            "CREATE TABLE marts.contributions AS SELECT 'demo' AS platform, $1::date AS day, "
            "i AS viewer_number FROM range(1000) AS t(i)",
            [day],
        )
    assert list_contribution_days(path, KEY, "demo") == {day}
    assert list_contribution_days(path, KEY, "other") == set()
    link, left = tmp_path / "link", tmp_path / ".w.duckdb.old"
    os.link(path, link)
    left.write_bytes(b"of a run that was cut short")
    assert destroy_contributions(path, KEY, "demo", day) == 1000
    assert set(link.read_bytes()) == {0}
    assert not left.exists()
    assert list_contribution_days(path, KEY, "demo") == set()
    assert list_contribution_days(tmp_path / "none", KEY, "demo") == set()


def test_a_cut_between_two_names_leaves_the_warehouse(tmp_path: Path) -> None:
    """Killed when the file had both its names: the next call must not take it for the old one."""
    path, day = tmp_path / "w.duckdb", date(2026, 1, 5)
    with open_warehouse(path, KEY) as con:
        con.execute("CREATE SCHEMA marts")
        con.execute(
            "CREATE TABLE marts.contributions AS SELECT 'demo' AS platform, $1::date AS day", [day]
        )
        con.execute("CREATE TABLE marts.kept AS SELECT 42 AS figure")
    os.link(path, tmp_path / ".w.duckdb.old")
    assert destroy_contributions(path, KEY, "demo", day) == 1
    with open_warehouse(path, KEY, read_only=True) as con:
        assert con.execute("SELECT figure FROM warehouse.marts.kept").fetchall() == [(42,)]
    assert [each.name for each in tmp_path.iterdir()] == [path.name]
