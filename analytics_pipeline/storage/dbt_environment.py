"""The environment dbt runs under: where things are, and its three keys.

Belongs here: the names `dbt_project/profiles.yml`, the models and `storage.dbt_plugin` read. Does
not belong here: starting dbt (the CLI and Dagster do).
"""

from pathlib import Path
from typing import Final

from analytics_pipeline.core.errors import InvalidInput

# dbt blots the values of variables with this prefix out of its logs, and refuses them in models.
WAREHOUSE_KEY: Final = "DBT_ENV_SECRET_WAREHOUSE_KEY"
RAW_KEY: Final = "DBT_ENV_SECRET_RAW_KEY"
SELECTION_KEY: Final = "DBT_ENV_SECRET_SELECTION_KEY"
KEY_BYTES: Final = 32


def dbt_environment(
    *,
    platform: str,
    project_dir: Path,
    warehouse_path: Path,
    raw_dir: Path,
    retention_dir: Path,
    temp_dir: Path,
    target_dir: Path,
    warehouse_key: bytes,
    raw_key: bytes,
    selection_key: bytes,
) -> dict[str, str]:
    """What to add to the environment of a dbt process.

    Args:
        platform: the platform whose days are built.
        project_dir: the folder `dbt_project`.
        warehouse_path: the encrypted DuckDB file.
        raw_dir: the raw layer (`storage.raw_day`), without the platform.
        retention_dir: the keys that days of the raw layer need besides `raw_key`
            (`storage.retention_keys`).
        temp_dir: where DuckDB may spill (encrypted).
        target_dir: dbt's output (compiled SQL, manifest, docs); its logs lie beside it.
        warehouse_key, raw_key, selection_key: 256-bit keys; the last one ranks a viewer's videos
            (spec/kpis.md, "Contributions").
    Raises:
        InvalidInput: a key is not 32 bytes.
    """
    keys = {WAREHOUSE_KEY: warehouse_key, RAW_KEY: raw_key, SELECTION_KEY: selection_key}
    for name, key in keys.items():
        if len(key) != KEY_BYTES:
            raise InvalidInput(name, f"must be {KEY_BYTES} bytes, not {len(key)}")
    return {
        "ANALYTICS_PLATFORM": platform,
        "WAREHOUSE_PATH": str(warehouse_path),
        "WAREHOUSE_TEMP_DIR": str(temp_dir),
        "RAW_DIR": str(raw_dir),
        "RETENTION_DIR": str(retention_dir),
        "DBT_PROJECT_DIR": str(project_dir),
        "DBT_PROFILES_DIR": str(project_dir),
        "DBT_TARGET_PATH": str(target_dir),
        "DBT_LOG_PATH": str(target_dir / "logs"),
        "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
        # Of a selection, run only tests whose models are all in it: the others are not there.
        "DBT_INDIRECT_SELECTION": "cautious",
        **{name: key.hex() for name, key in keys.items()},
    }
