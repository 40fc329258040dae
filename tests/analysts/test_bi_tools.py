"""What Superset does with an exported file, through SQLAlchemy; and our dashboard for it."""

import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
import yaml

from analytics_pipeline.storage.export_files import DayRange, write_duckdb
from analytics_pipeline.storage.keyring import Keyring
from analytics_pipeline.storage.warehouse import open_warehouse
from tests.analysts.conftest import DAYS, Home

ASSETS = Path(__file__).parents[2] / "docs" / "superset" / "viewership"
ANALYSTS = Path(__file__).parents[2] / "docs" / "analysts.md"
#: type in the assets -> how SQLAlchemy names what it reads
TYPES = {
    "VARCHAR": "VARCHAR",
    "DATE": "DATE",
    "BIGINT": "BIGINT",
    "INTEGER": "INTEGER",
    "DOUBLE": "FLOAT",
}


def load(folder: str) -> dict[str, Any]:
    """The assets of a folder by name of their file."""
    return {
        p.stem: yaml.safe_load(p.read_text()) for p in sorted((ASSETS / folder).rglob("*.yaml"))
    }


@pytest.fixture(scope="module")
def engine(home: Home, tmp_path_factory: pytest.TempPathFactory) -> Iterator[sa.Engine]:
    """The exported file, opened with the arguments that the assets name."""
    path = tmp_path_factory.mktemp("bi") / "viewership.duckdb"
    key = Keyring(home.settings.keys_dir).storage_key("warehouse")
    with open_warehouse(home.settings.warehouse_path, key, read_only=True) as warehouse:
        write_duckdb(warehouse, path, "demo", DayRange())
    [database] = load("databases").values()
    uri = database["sqlalchemy_uri"].replace("/srv/viewership/viewership.duckdb", str(path))
    assert str(path) in uri
    arguments = database["extra"]["engine_params"]["connect_args"]
    engine = sa.create_engine(uri, connect_args=arguments, poolclass=sa.pool.NullPool)
    yield engine
    engine.dispose()


@pytest.mark.filterwarnings("ignore:duckdb-engine doesn't yet support reflection on indices")
def test_tables_columns_and_their_meaning_are_found(engine: sa.Engine) -> None:
    """The metadata that Superset asks for when a dataset is made; ours say the same."""
    inspector = sa.inspect(engine)
    datasets = load("datasets")
    assert datasets.keys() <= set(inspector.get_table_names("main"))
    for table, dataset in datasets.items():
        described = inspector.get_table_comment(table, "main")["text"]
        assert " ".join(described.split()) == dataset["description"]
        columns = inspector.get_columns(table, "main")
        assert [
            (c["column_name"], TYPES[c["type"]], c["description"]) for c in dataset["columns"]
        ] == [(c["name"], str(c["type"]), c["comment"]) for c in columns], table
        assert [c["column_name"] for c in dataset["columns"] if c["is_dttm"]] == ["day"]


def test_every_metric_of_every_dataset_runs_over_days(engine: sa.Engine) -> None:
    """In the SQL that Superset 6.1 wrote for a chart with a time range, a grain and a group."""
    with engine.connect() as connection:
        for table, dataset in load("datasets").items():
            metrics = [(m["metric_name"], m["expression"]) for m in dataset["metrics"]]
            selected = ", ".join(f"{expression} AS {name}" for name, expression in metrics)
            query = (
                f"SELECT DATE_TRUNC('week', day) AS day, platform AS platform, {selected} \n"
                f"FROM main.{table} \nWHERE day >= '{DAYS[0]} 00:00:00.000000' "
                f"AND day < '{DAYS[-1]} 00:00:00.000000' "
                "GROUP BY DATE_TRUNC('week', day), platform \nORDER BY day DESC \n LIMIT 100"
            )
            [row] = connection.execute(sa.text(query)).mappings().all()
            assert all(row[name] is not None for name, _ in metrics), (table, row)


def test_the_figures_are_those_of_the_exports(engine: sa.Engine, home: Home) -> None:
    """GROUP BY with a ratio: not the mean of ratios."""
    expression = {
        m["metric_name"]: m["expression"] for m in load("datasets")["export_video_day"]["metrics"]
    }["video_completion_rate"]
    query = f"SELECT video_id, {expression} FROM main.export_video_day GROUP BY video_id"
    with engine.connect() as connection:
        found = dict(connection.execute(sa.text(query)).tuples().all())
    rows = home.sql("SELECT video_id, completions, plays FROM warehouse.exports.export_video_day")
    sums = rows.group_by("video_id").sum()
    assert found == {r["video_id"]: r["completions"] / r["plays"] for r in sums.to_dicts()}
    assert len(found) > 5


def test_nobody_writes_into_the_file(engine: sa.Engine) -> None:
    """SQL Lab is for reading."""
    with engine.connect() as connection, pytest.raises(sa.exc.DBAPIError, match="read-only"):
        connection.execute(sa.text("CREATE TABLE own AS SELECT 1"))


def test_the_assets_refer_to_each_other() -> None:
    """The structure that Superset's importer demands, less what only it can judge."""
    [database] = load("databases").values()
    [dashboard] = load("dashboards").values()
    datasets, charts = load("datasets"), load("charts")
    every = [database, dashboard, *datasets.values(), *charts.values()]
    assert len({str(uuid.UUID(asset["uuid"])) for asset in every}) == len(every)
    assert all(asset["version"] == "1.0.0" for asset in every)
    assert yaml.safe_load((ASSETS / "metadata.yaml").read_text())["type"] == "Dashboard"
    by_uuid = {dataset["uuid"]: dataset for dataset in datasets.values()}
    for dataset in datasets.values():
        assert dataset["database_uuid"] == database["uuid"]
        assert dataset["table_name"].startswith("export_")
        assert dataset["sql"] is None
    for name, chart in charts.items():
        dataset = by_uuid[chart["dataset_uuid"]]
        params = chart["params"]
        assert params["viz_type"] == chart["viz_type"]
        used = params.get("metrics") or [params["metric"]]
        assert set(used) <= {metric["metric_name"] for metric in dataset["metrics"]}, name
        grouped = {*params.get("groupby", ()), params.get("x_axis", "day")}
        assert grouped <= {column["column_name"] for column in dataset["columns"]}, name
    position = dashboard["position"]
    places = {key: at for key, at in position.items() if key.startswith("CHART-")}
    assert {at["meta"]["uuid"] for at in places.values()} == {c["uuid"] for c in charts.values()}
    rows = [at for key, at in position.items() if key.startswith("ROW-")]
    assert {child for row in rows for child in row["children"]} == set(places)
    assert all(sum(places[c]["meta"]["width"] for c in row["children"]) == 12 for row in rows)


def test_the_page_gives_the_same_address_and_arguments() -> None:
    """docs/analysts.md is what people copy from."""
    [database] = load("databases").values()
    page = ANALYSTS.read_text()
    assert database["sqlalchemy_uri"] in page
    assert '{"connect_args": {"read_only": true}}' in page
    assert database["extra"]["engine_params"] == {"connect_args": {"read_only": True}}
