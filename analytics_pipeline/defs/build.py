"""All definitions, put together.

The two inputs that are not computed here, the public video list and the release policy, are shown
as assets of their own so that lineage begins where the figures do.
"""

import json

import dagster as dg

from analytics_pipeline.defs.assets import collection, publication
from analytics_pipeline.defs.assets.models import build_models
from analytics_pipeline.defs.backfills import BACKFILLS, finished_backfills
from analytics_pipeline.defs.columns import SCHEMA, column_schemas
from analytics_pipeline.defs.dbt_manifest import DBT, PROJECT_DIR, prepare_manifest
from analytics_pipeline.defs.resources import Dbt, StoresResource
from analytics_pipeline.defs.retention_job import retention, retention_schedule
from analytics_pipeline.defs.schedules import daily, every_night, new_segments

PUBLIC_INPUTS = "public_inputs"
VIDEOS = dg.AssetSpec(
    "videos",
    group_name=PUBLIC_INPUTS,
    owners=["team:operations"],
    kinds={"sqlite"},
    description="The public list of videos and creators (`analytics-pipeline videos`). Reports "
    "have exactly its keys, watched or not.",
)
POLICY = dg.AssetSpec(
    "policy",
    group_name=PUBLIC_INPUTS,
    owners=["team:publication"],
    kinds={"python"},
    description="Bounds on a viewer-day's contribution, noise and budget: "
    "`analytics_pipeline/core/policy.py`. Its hash is in every commitment.",
)


def build_definitions() -> dg.Definitions:
    """The code location. Parses the dbt project if it changed."""
    schemas = column_schemas(json.loads(prepare_manifest().read_bytes()))

    def with_columns(spec: dg.AssetSpec) -> dg.AssetSpec:
        found = schemas.get(spec.key)
        return spec.merge_attributes(metadata={SCHEMA: found}) if found else spec

    return dg.Definitions(
        assets=dg.map_asset_specs(
            with_columns,
            [
                VIDEOS,
                POLICY,
                collection.segments,
                collection.events,
                build_models(),
                publication.manifest,
                publication.commitment,
                publication.release,
                publication.proof,
                publication.bundle,
                publication.record,
                BACKFILLS,
            ],
        ),
        jobs=[daily, retention],
        schedules=[every_night, retention_schedule],
        sensors=[new_segments, finished_backfills],
        resources={
            "stores": StoresResource(),
            "dbt": Dbt(project_dir=str(PROJECT_DIR), dbt_executable=DBT),
        },
        executor=dg.in_process_executor,
    )
