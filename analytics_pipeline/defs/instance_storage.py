"""Where Dagster keeps runs, events and ticks: SQLite by default, Postgres by environment.

`dagster.yaml` cannot choose a class by environment variable, so one class chooses. The URL is
read here and nowhere written: an instance reference carries only the base directory.
"""

import fcntl
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dagster import StringSource
from dagster._core.storage.base_storage import DagsterStorage
from dagster._core.storage.event_log import EventLogStorage
from dagster._core.storage.runs import RunStorage
from dagster._core.storage.schedules import ScheduleStorage
from dagster._core.storage.sqlite_storage import DagsterSqliteStorage
from dagster._serdes import ConfigurableClass, ConfigurableClassData

POSTGRES_VARIABLE = "DAGSTER_POSTGRES_URL"
OPENING_FILE = "opening.lock"


def open_storage(base_dir: str, postgres_url: str) -> DagsterStorage:
    """SQLite under ``base_dir``, or Postgres if there is a URL (psycopg2 is named explicitly:
    SQLAlchemy 2.1 would take psycopg 3 for a bare ``postgresql://``)."""
    if not postgres_url:
        return _open_sqlite(Path(base_dir))
    from dagster_postgres import DagsterPostgresStorage

    scheme, separator, rest = postgres_url.partition("://")
    if scheme in ("postgres", "postgresql"):
        scheme = "postgresql+psycopg2"
    return DagsterPostgresStorage(f"{scheme}{separator}{rest}")


def _open_sqlite(base_dir: Path) -> DagsterSqliteStorage:
    """Opening makes the tables where there are none. Dagster looks first and creates then, so two
    processes that open a new home at once would both create: one opens at a time."""
    base_dir.mkdir(parents=True, exist_ok=True)
    with (base_dir / OPENING_FILE).open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        return DagsterSqliteStorage.from_local(str(base_dir))


class EnvSelectedStorage(DagsterStorage, ConfigurableClass):
    """All three Dagster storages, from the backend that ``DAGSTER_POSTGRES_URL`` selects."""

    def __init__(self, base_dir: str, inst_data: ConfigurableClassData | None = None) -> None:
        self._inst_data = inst_data
        self.backend = open_storage(base_dir, os.environ.get(POSTGRES_VARIABLE, ""))
        super().__init__()  # type: ignore[no-untyped-call]

    @property
    def inst_data(self) -> ConfigurableClassData | None:
        return self._inst_data

    @classmethod
    def config_type(cls) -> dict[str, Any]:
        return {"base_dir": StringSource}

    @classmethod
    def from_config_value(
        cls, inst_data: ConfigurableClassData | None, config_value: Mapping[str, Any]
    ) -> "EnvSelectedStorage":
        return cls(base_dir=config_value["base_dir"], inst_data=inst_data)

    def register_instance(self, instance: Any) -> None:
        super().register_instance(instance)
        for storage in (self.run_storage, self.event_log_storage, self.schedule_storage):
            if not storage.has_instance:
                storage.register_instance(instance)

    @property
    def event_log_storage(self) -> EventLogStorage:
        return self.backend.event_log_storage

    @property
    def run_storage(self) -> RunStorage:
        return self.backend.run_storage

    @property
    def schedule_storage(self) -> ScheduleStorage:
        return self.backend.schedule_storage

    # Only read when a reference is built from a live object; none is needed, because an instance
    # made from dagster.yaml carries this class's own reference.
    @property
    def event_storage_data(self) -> ConfigurableClassData | None:
        return None

    @property
    def run_storage_data(self) -> ConfigurableClassData | None:
        return None

    @property
    def schedule_storage_data(self) -> ConfigurableClassData | None:
        return None

    def dispose(self) -> None:
        for storage in (self.run_storage, self.event_log_storage, self.schedule_storage):
            storage.dispose()
