"""How dbt's nodes look in Dagster: keys, groups, owners, partitions.

A model's folder is its group, its name is its key. A source is the asset that produces it, so that
lineage runs from the events through the models to the record.
"""

from collections.abc import Mapping
from typing import Any

import dagster as dg
from dagster_dbt import DagsterDbtTranslator, DagsterDbtTranslatorSettings, DbtProject

from analytics_pipeline.defs.partitions import DAYS

OWNERS = ["team:analytics"]
#: dbt source -> the asset behind its tables, if that is not named like the table
SOURCE_ASSETS: Mapping[str, str] = {"policy": "policy"}
#: folder of models -> group, if that is not named like the folder
GROUPS: Mapping[str, str] = {"semantic": "exports"}


class Translator(DagsterDbtTranslator):
    """One asset a model, one asset check a dbt test."""

    def __init__(self) -> None:
        super().__init__(
            DagsterDbtTranslatorSettings(
                enable_asset_checks=True, enable_duplicate_source_asset_keys=True
            )
        )

    def get_asset_key(self, dbt_resource_props: Mapping[str, Any]) -> dg.AssetKey:
        name = dbt_resource_props["name"]
        if dbt_resource_props["resource_type"] == "source":
            name = SOURCE_ASSETS.get(dbt_resource_props["source_name"], name)
        return dg.AssetKey(name)

    def get_group_name(self, dbt_resource_props: Mapping[str, Any]) -> str:
        """The model's folder. (A source is an asset that has its group already.)"""
        folder = str(dbt_resource_props["fqn"][1])
        return GROUPS.get(folder, folder)

    def get_owners(self, dbt_resource_props: Mapping[str, Any]) -> list[str]:
        return OWNERS

    def get_description(self, dbt_resource_props: Mapping[str, Any]) -> str:
        """The model's own words; its SQL is one click away, behind "dbt" in the UI."""
        return str(dbt_resource_props.get("description", "")).strip()

    def get_asset_check_spec(
        self,
        asset_spec: dg.AssetSpec,
        manifest: Mapping[str, Any],
        unique_id: str,
        project: DbtProject | None,
    ) -> dg.AssetCheckSpec | None:
        """A dbt test as a check that says what it asserts."""
        spec = super().get_asset_check_spec(asset_spec, manifest, unique_id, project)
        if spec is None or spec.description:
            return spec
        return spec._replace(description=describe_test(manifest["nodes"][unique_id]))

    def get_partitions_def(self, dbt_resource_props: Mapping[str, Any]) -> Any:
        return None if dbt_resource_props["resource_type"] == "source" else DAYS


def describe_test(test: Mapping[str, Any]) -> str:
    """What a dbt test asserts, in the words of its `.yml`, and as SQL where it is one condition."""
    condition = ((test.get("test_metadata") or {}).get("kwargs") or {}).get("condition")
    words = str(test.get("description", "")).strip()
    return f"{words} (`{condition}`)" if condition else words
