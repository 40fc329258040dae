"""`python -m analytics_pipeline.defs mf ARGS …`: MetricFlow on this deployment's exports.

Metrics stand beside the exported models (`dbt_project/models/exports/*.yml`) and name nothing else,
so whatever is asked for, no row that is summed is about fewer than k viewers. The warehouse is
attached read-only: a query changes nothing, and several may run side by side.
"""

import importlib.util
import os
import sys
from collections.abc import Sequence
from types import ModuleType
from typing import Any

from analytics_pipeline.core.errors import PipelineError
from analytics_pipeline.defs.dbt_manifest import dbt_environ, prepare_manifest
from analytics_pipeline.settings import load_settings, require_home
from analytics_pipeline.storage.keyring import Keyring
from analytics_pipeline.storage.warehouse import open_warehouse

PACKAGE = "dbt-metricflow[dbt-duckdb]"


class MetricFlowMissing(PipelineError):
    """The semantic layer needs a package that an operator's installation does not have."""


def run_metricflow(arguments: Sequence[str]) -> None:
    """Become `mf`: ends the process with its exit code.

    Raises:
        MetricFlowMissing: it is not installed.
        StoreError: there is no warehouse yet, or another process writes to it.
        DbtProjectRejected: the project does not parse.
    """
    settings = load_settings()
    require_home(settings)
    if importlib.util.find_spec("dbt_metricflow") is None:
        raise MetricFlowMissing(
            f"MetricFlow is not installed here; `pip install '{PACKAGE}'` into this environment "
            f"brings it ({sys.prefix})"
        )
    key = Keyring(settings.keys_dir).storage_key("warehouse")
    with open_warehouse(settings.warehouse_path, key, read_only=True):
        pass  # or MetricFlow would say in 40 lines that another process writes to it
    prepare_manifest()
    logs = settings.home / "logs"
    logs.mkdir(mode=0o700, exist_ok=True)
    os.environ.update(dbt_environ(settings))
    os.environ.update({"WAREHOUSE_READ_ONLY": "True", "DBT_LOG_PATH": str(logs)})
    sys.modules["update_checker"] = _no_update_checker()
    from dbt_metricflow.cli.main import cli

    cli(args=[*arguments], prog_name="analytics-pipeline mf")


def _no_update_checker() -> ModuleType:
    """In place of the package `update_checker`: at every start it would ask a server on the
    internet for newer versions, and unpickle a file of the shared temporary folder."""

    class UpdateChecker:
        def check(self, *_: Any) -> None:
            return None

    module = ModuleType("update_checker")
    module.UpdateChecker = UpdateChecker  # type: ignore[attr-defined]
    return module
