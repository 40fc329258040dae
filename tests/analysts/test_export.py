"""`analytics-pipeline export`: what the files hold, and what they never hold."""

import re
from datetime import date
from pathlib import Path

import duckdb
import polars as pl
import pytest

from analytics_pipeline.core.errors import InvalidInput, StoreError
from analytics_pipeline.storage.export_files import DayRange, write_duckdb, write_parquet
from analytics_pipeline.storage.keyring import Keyring
from analytics_pipeline.storage.warehouse import EXPORTED, MARTS, open_warehouse
from tests.analysts.conftest import DAYS, Home

K = 10


@pytest.fixture(scope="module")
def exported(home: Home, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with `viewership.duckdb` and `parquet/`."""
    folder = tmp_path_factory.mktemp("exported")
    arguments = (
        "--duckdb",
        str(folder / "viewership.duckdb"),
        "--parquet",
        str(folder / "parquet"),
    )
    result = home.run("export", *arguments)
    assert result.returncode == 0, result.stderr
    assert "export_video_day" in result.stdout
    return folder


def test_files_hold_the_exports_row_for_row_and_nothing_else(home: Home, exported: Path) -> None:
    """Every table is an export; of marts, contributions and events there is nothing."""
    with duckdb.connect(str(exported / "viewership.duckdb"), read_only=True) as con:
        tables = con.sql("SELECT schema_name, table_name FROM duckdb_tables()").fetchall()
        assert {table for _, table in tables} == {f"export_{mart}" for mart in EXPORTED}
        assert {schema for schema, _ in tables} == {"main"}
        assert con.sql("SELECT count(*) FROM duckdb_views() WHERE NOT internal").fetchall() == [
            (0,)
        ]
        assert {path.stem for path in (exported / "parquet").iterdir()} == {t for _, t in tables}
        for _, table in tables:
            expected = home.sql(f"SELECT * FROM warehouse.exports.{table} ORDER BY ALL")
            assert con.sql(f"SELECT * FROM {table} ORDER BY ALL").pl().equals(expected)
            assert pl.read_parquet(exported / "parquet" / f"{table}.parquet").equals(expected)
            assert expected.height > 0
    assert set(MARTS) - set(EXPORTED) == {"tally", "contributions"}


def test_no_row_is_about_few_viewers(home: Home, exported: Path) -> None:
    """The rule holds in the file, and days of few viewers are not in it; the mart has them."""
    with duckdb.connect(str(exported / "viewership.duckdb"), read_only=True) as con:
        for mart in EXPORTED:
            viewers = "daily_active_viewers" if mart == "platform_day" else "viewers"
            query = f"SELECT min({viewers}), max(day) FROM export_{mart}"
            [(fewest, last)] = con.sql(query).fetchall()
            assert fewest >= K, mart
            assert last < DAYS[-1], mart
    built = home.sql(
        "SELECT max(day) AS last, min(viewers) AS fewest FROM warehouse.marts.video_day"
    )
    assert built.row(0) == (DAYS[-1], built["fewest"][0])
    assert built["fewest"][0] < K


def test_the_file_says_what_its_columns_mean(exported: Path) -> None:
    """Each table and column has the description that dbt's documentation shows."""
    with duckdb.connect(str(exported / "viewership.duckdb"), read_only=True) as con:
        columns = con.sql(
            "SELECT table_name, column_name, comment FROM duckdb_columns() WHERE NOT internal"
        ).fetchall()
        assert len(columns) > 60
        assert [row for row in columns if not row[2]] == []
        assert con.sql("SELECT count(*) FROM duckdb_tables() WHERE comment IS NULL").fetchall() == [
            (0,)
        ]
        [words] = [text for *name, text in columns if name == ["export_video_day", "viewers"]]
    assert words == "Pseudonyms with a played view of it."


def test_days_can_be_chosen_and_an_export_is_replaced(home: Home, tmp_path: Path) -> None:
    """A program that has the older file open goes on reading it."""
    path = tmp_path / "v.duckdb"
    key = Keyring(home.settings.keys_dir).storage_key("warehouse")
    with open_warehouse(home.settings.warehouse_path, key, read_only=True) as warehouse:
        write_duckdb(warehouse, path, "demo", DayRange())
        with duckdb.connect(str(path), read_only=True) as reader:
            written = write_duckdb(warehouse, path, "demo", DayRange(DAYS[0], DAYS[0]))
            assert reader.sql("SELECT count(*) FROM export_platform_day").fetchall() == [(2,)]
        assert {(t.first_day, t.last_day) for t in written} == {(DAYS[0], DAYS[0])}
        assert [t.rows for t in written if t.name == "export_platform_day"] == [1]
        empty = write_parquet(
            warehouse, tmp_path, "demo", DayRange(date(2020, 1, 1), date(2020, 1, 2))
        )
        assert {(t.rows, t.first_day) for t in empty} == {(0, None)}
    assert not [p.name for p in tmp_path.iterdir() if p.name.startswith(".")]


@pytest.mark.parametrize("kind", ["text", "other", "warehouse"])
def test_nothing_but_an_export_is_replaced(home: Home, tmp_path: Path, kind: str) -> None:
    """A wrong path costs nobody a file."""
    path = tmp_path / "mine.duckdb"
    if kind == "text":
        path.write_text("notes")
    elif kind == "other":
        with duckdb.connect(str(path)) as con:
            con.sql("CREATE TABLE export_video_day AS SELECT 1 AS a; CREATE TABLE own AS SELECT 1")
    else:
        path = home.settings.warehouse_path
    before = path.read_bytes()
    key = Keyring(home.settings.keys_dir).storage_key("warehouse")
    with (
        open_warehouse(home.settings.warehouse_path, key, read_only=True) as warehouse,
        pytest.raises(InvalidInput, match="is no earlier export"),
    ):
        write_duckdb(warehouse, path, "demo", DayRange())
    assert path.read_bytes() == before


def test_a_warehouse_without_exports_says_so(tmp_path: Path) -> None:
    """Nothing is left behind."""
    with (
        open_warehouse(tmp_path / "w.duckdb", bytes(32)) as warehouse,
        pytest.raises(StoreError, match="export_platform_day has not been built yet"),
    ):
        write_duckdb(warehouse, tmp_path / "out" / "v.duckdb", "demo", DayRange())
    assert list((tmp_path / "out").iterdir()) == []


def test_the_command_asks_where_to_write(home: Home) -> None:
    """No file appears where nobody expects it."""
    result = home.run("export")
    assert result.returncode == 1
    assert "InvalidInput: --duckdb: say where to write" in result.stderr


def test_the_page_shows_how_to_open_the_warehouse_itself(
    home: Home, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The code on docs/analysts.md, run as it stands there."""
    page = (Path(__file__).parents[2] / "docs" / "analysts.md").read_text()
    [code] = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    monkeypatch.setenv("ANALYTICS_HOME", str(home.settings.home))
    exec(code, {})
    assert DAYS[0].isoformat() in capsys.readouterr().out
