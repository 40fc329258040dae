"""A day computed again, in a folder that is gone afterwards.

    <temporary, 0700>/raw/…, retention/…, warehouse.duckdb, dbt/    under keys made up here

The same dbt project that computes every day runs here over one day, tests included, on the events
and videos it is given. What a killed process leaves behind is ciphertext without a key. Belongs
here: the folder and the run. Does not belong here: where events come from, and what follows from
the marts.
"""

import json
import os
import secrets
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory

import polars as pl

from analytics_pipeline.core.audit_errors import ModelsFailed, NotAuditable
from analytics_pipeline.core.audit_grant import GrantedVideo
from analytics_pipeline.defs.dbt_failure import RESULTS, DbtFailed, load_failures
from analytics_pipeline.defs.dbt_manifest import DBT, PROJECT_DIR
from analytics_pipeline.storage.dbt_environment import dbt_environment
from analytics_pipeline.storage.raw_day import raw_day_key, write_raw_day
from analytics_pipeline.storage.retention_keys import RetentionKeys
from analytics_pipeline.storage.warehouse import (
    VIDEOS_SCHEMA,
    load_mart,
    open_warehouse,
    write_videos,
)

_KEY_BYTES = 32
#: What DuckDB says of values that a model cannot take. Anything else it says (no memory, no disk)
#: may be of this machine.
_OF_VALUES = ("Conversion Error", "Out of Range Error", "Constraint Error")


def _is_of_the_events(failure: str) -> bool:
    """Whether a failed test, or a model that failed on a value; see `load_failures`."""
    return failure.startswith("test ") or any(words in failure for words in _OF_VALUES)


@dataclass(frozen=True)
class AuditHome:
    """The folder, whose day it is for, and its keys."""

    folder: Path
    platform: str
    day: date
    selection_key: bytes = field(repr=False)
    raw_key: bytes = field(repr=False)
    warehouse_key: bytes = field(repr=False)

    @property
    def raw_dir(self) -> Path:
        return self.folder / "raw"

    @property
    def retention(self) -> RetentionKeys:
        return RetentionKeys(self.folder / "retention")

    @property
    def warehouse_path(self) -> Path:
        return self.folder / "warehouse.duckdb"

    @property
    def target_dir(self) -> Path:
        return self.folder / "dbt"

    def store_events(self, distinct: pl.DataFrame) -> None:
        """The day's distinct events, as the pipeline would have them."""
        retention_key = self.retention.ensure(self.platform, self.day)
        key = raw_day_key(self.raw_key, retention_key, self.platform, self.day)
        write_raw_day(self.raw_dir, self.platform, self.day, distinct, key)

    def store_videos(self, videos: Sequence[GrantedVideo]) -> None:
        """The videos that count. Titles are in no figure."""
        rows = [
            (self.platform, video.video_id, video.creator_id, None, video.duration_ms)
            for video in videos
        ]
        frame = pl.DataFrame(rows, schema=VIDEOS_SCHEMA, orient="row")
        with open_warehouse(self.warehouse_path, self.warehouse_key) as warehouse:
            write_videos(warehouse, frame)

    def run_models(self, *marts: str) -> None:
        """Build these marts, everything above them, and their tests.

        Raises:
            ModelsFailed: because of the events.
            NotAuditable: they could not run here.
        """
        day = self.day.isoformat()
        variables = json.dumps({"start_day": day, "end_day": day})
        options = ["--exclude-resource-type", "unit_test", "--vars", variables]
        selection = ["--select", *(f"+{mart}" for mart in marts)]
        result = subprocess.run(  # noqa: S603 (fixed command)
            [DBT, "--no-use-colors", "build", *options, *selection],
            cwd=PROJECT_DIR,
            env={**os.environ, **self._environment()},
            capture_output=True,
            text=True,
            check=False,
        )
        if result.returncode != 0:
            failures, log = load_failures(self.target_dir, result.stdout)
            if (self.target_dir / RESULTS).exists() and all(map(_is_of_the_events, failures)):
                # Without dbt's message: it may quote a figure.
                names = ", ".join(failure.partition(":")[0] for failure in failures)
                raise ModelsFailed(f"models that take the events of {self.day}", names)
            raise NotAuditable(f"the models did not run: {DbtFailed(failures, log)}")

    def load_mart(self, mart: str) -> pl.DataFrame:
        """The day of a mart that was built."""
        with open_warehouse(self.warehouse_path, self.warehouse_key, read_only=True) as warehouse:
            return load_mart(warehouse, mart, self.platform, self.day)

    def _environment(self) -> dict[str, str]:
        return dbt_environment(
            platform=self.platform,
            project_dir=PROJECT_DIR,
            warehouse_path=self.warehouse_path,
            raw_dir=self.raw_dir,
            retention_dir=self.retention.folder,
            temp_dir=self.folder / "tmp",
            target_dir=self.target_dir,
            warehouse_key=self.warehouse_key,
            raw_key=self.raw_key,
            selection_key=self.selection_key,
        )


@contextmanager
def open_audit_home(platform: str, day: date, selection_key: bytes) -> Iterator[AuditHome]:
    """An empty home for one day; removed on leaving, whatever happened inside."""
    with TemporaryDirectory(prefix="analytics-audit-") as folder:
        yield AuditHome(
            Path(folder),
            platform,
            day,
            selection_key=selection_key,
            raw_key=secrets.token_bytes(_KEY_BYTES),
            warehouse_key=secrets.token_bytes(_KEY_BYTES),
        )
