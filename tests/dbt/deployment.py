"""A small deployment to run the real dbt in: folders, keys, events in, marts out."""

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl

from analytics_pipeline.storage.dbt_environment import dbt_environment
from analytics_pipeline.storage.event_columns import EVENT_COLUMNS
from analytics_pipeline.storage.raw_day import raw_day_key, write_raw_day
from analytics_pipeline.storage.retention_keys import RetentionKeys
from analytics_pipeline.storage.warehouse import (
    VIDEOS_SCHEMA,
    load_mart,
    open_warehouse,
    write_videos,
)

PROJECT_DIR = Path(__file__).parents[2] / "dbt_project"
PLATFORM = "demo"
Row = dict[str, Any]


@dataclass(frozen=True)
class Deployment:
    """State below `home`; three keys that are easy to find again."""

    home: Path
    warehouse_key: bytes = bytes(range(32))
    raw_key: bytes = bytes(range(32, 64))
    selection_key: bytes = bytes(range(64, 96))
    project_dir: Path = PROJECT_DIR
    retention_dir: Path | None = None

    @property
    def retention(self) -> RetentionKeys:
        return RetentionKeys(self.retention_dir or self.home / "retention")

    @property
    def warehouse_path(self) -> Path:
        return self.home / "warehouse.duckdb"

    @property
    def target_dir(self) -> Path:
        return self.home / "target"

    def environment(self) -> dict[str, str]:
        return dbt_environment(
            platform=PLATFORM,
            project_dir=self.project_dir,
            warehouse_path=self.warehouse_path,
            raw_dir=self.home / "raw",
            retention_dir=self.retention.folder,
            temp_dir=self.home / "tmp",
            target_dir=self.target_dir,
            warehouse_key=self.warehouse_key,
            raw_key=self.raw_key,
            selection_key=self.selection_key,
        )

    def write_events(self, day: date, events: Sequence[Mapping[str, Any]]) -> None:
        """Write a day of the raw layer; columns that a row does not name are null."""
        rows = [{name: event.get(name) for name in EVENT_COLUMNS} for event in events]
        frame = pl.DataFrame(rows, schema=EVENT_COLUMNS)
        retention_key = self.retention.ensure(PLATFORM, day)
        key = raw_day_key(self.raw_key, retention_key, PLATFORM, day)
        write_raw_day(self.home / "raw", PLATFORM, day, frame, key)

    def write_videos(self, videos: Sequence[tuple[str, str, str, int]]) -> None:
        """Write the catalogue: (platform, video_id, creator_id, duration_ms)."""
        rows = [(*video[:3], "a title", video[3]) for video in videos]
        with open_warehouse(self.warehouse_path, self.warehouse_key) as con:
            write_videos(con, pl.DataFrame(rows, schema=VIDEOS_SCHEMA, orient="row"))

    def dbt(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run dbt as the CLI does: a process of its own, configured by the environment."""
        return subprocess.run(
            [Path(sys.executable).with_name("dbt"), "--no-use-colors", *arguments],
            cwd=self.project_dir,
            env={**os.environ, **self.environment()},
            capture_output=True,
            text=True,
            timeout=240,
            check=False,
        )

    def build(self, start: date, end: date, *arguments: str) -> subprocess.CompletedProcess[str]:
        """`dbt build` of a range of days."""
        variables = f"{{start_day: {start}, end_day: {end}}}"
        return self.dbt("build", "--vars", variables, *arguments)

    def rows(self, mart: str, day: date) -> list[Row]:
        """A day of a mart, without the columns every mart has."""
        with open_warehouse(self.warehouse_path, self.warehouse_key, read_only=True) as con:
            frame = load_mart(con, mart, PLATFORM, day)
        return frame.drop("platform", "day", strict=False).to_dicts()

    def contributions(self, day: date) -> pl.DataFrame:
        """What a proof of the day is about."""
        with open_warehouse(self.warehouse_path, self.warehouse_key, read_only=True) as con:
            return load_mart(con, "contributions", PLATFORM, day)
