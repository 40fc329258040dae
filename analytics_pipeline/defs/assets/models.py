"""Groups *staging*, *intermediate*, *marts*, *exports*: the dbt project, one asset a model, one
asset check a dbt test.

Staging and intermediate models name viewers, so they live in dbt's memory and are gone when dbt
ends. A selection of models is therefore built together with everything above it; Dagster records
what was selected. Unit tests test SQL, not data, and run in CI instead.
"""

import json
from collections.abc import Iterator
from datetime import date
from typing import Any

import dagster as dg
from dagster_dbt import DbtCliInvocation, dbt_assets
from dagster_dbt.errors import DagsterDbtCliRuntimeError

from analytics_pipeline.defs.assets.common import WAREHOUSE_POOL
from analytics_pipeline.defs.columns import ColumnLineage
from analytics_pipeline.defs.dbt_failure import DbtFailed, load_failures
from analytics_pipeline.defs.dbt_manifest import prepare_manifest
from analytics_pipeline.defs.partitions import DAYS, RANGE_RUNS, days_of
from analytics_pipeline.defs.resources import Dbt, StoresResource
from analytics_pipeline.defs.steps.videos import store_videos
from analytics_pipeline.defs.translator import Translator

TRANSLATOR = Translator()
DbtEvent = dg.MaterializeResult[None] | dg.AssetCheckResult | dg.AssetObservation


def build_models() -> dg.AssetsDefinition:
    """The dbt assets of the project as it is now (parsed if it changed)."""
    manifest = prepare_manifest()

    @dbt_assets(
        manifest=manifest,
        name="dbt_models",
        partitions_def=DAYS,
        backfill_policy=RANGE_RUNS,
        dagster_dbt_translator=TRANSLATOR,
        pool=WAREHOUSE_POOL,
    )
    def dbt_models(
        context: dg.AssetExecutionContext, dbt: Dbt, stores: StoresResource
    ) -> Iterator[DbtEvent]:
        store_videos(stores.opened)
        arguments = build_arguments(context, days_of(context))
        invocation = dbt.run_models(arguments, manifest, TRANSLATOR, stores.opened.settings)
        lineage = ColumnLineage(manifest, invocation.target_path, TRANSLATOR)
        try:
            yield from selected_events(context, invocation, lineage)
            lineage.keep()
        except DagsterDbtCliRuntimeError as error:
            raise DbtFailed(*load_failures(invocation.target_path, str(error))) from None

    return dbt_models


def build_arguments(context: dg.AssetExecutionContext, days: list[date]) -> list[str]:
    """`dbt build` over a range of days: the whole project, or a selection and all above it."""
    variables = {"start_day": days[0].isoformat(), "end_day": days[-1].isoformat()}
    arguments = ["build", "--exclude-resource-type", "unit_test", "--vars", json.dumps(variables)]
    if context.is_subset:
        wanted = set(context.selected_asset_keys)
        wanted |= {check.asset_key for check in context.selected_asset_check_keys}
        arguments += ["--select", *sorted(f"+{key.path[-1]}" for key in wanted)]
    return arguments


def selected_events(
    context: dg.AssetExecutionContext, invocation: DbtCliInvocation, lineage: ColumnLineage
) -> Iterator[DbtEvent]:
    """dbt's events as results of the selected assets and checks; what dbt built besides is not
    recorded."""
    for event in invocation.stream():
        if isinstance(event, dg.AssetMaterialization):
            if event.asset_key in context.selected_asset_keys:
                metadata = {**event.metadata, **lineage.metadata(event.asset_key.path[-1])}
                yield dg.MaterializeResult(asset_key=event.asset_key, metadata=metadata)
        elif (
            isinstance(event, dg.AssetCheckEvaluation)
            and event.asset_check_key in context.selected_asset_check_keys
        ):
            yield _check_result(event)


def _check_result(event: Any) -> dg.AssetCheckResult:
    return dg.AssetCheckResult(
        asset_key=event.asset_key,
        check_name=event.check_name,
        passed=event.passed,
        severity=event.severity,
        metadata=event.metadata,
    )
