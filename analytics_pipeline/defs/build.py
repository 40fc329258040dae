"""All definitions, put together.

The two inputs that are not computed here, the public video list and the release policy, are shown
as assets of their own so that lineage begins where the figures do.
"""

import dagster as dg

from analytics_pipeline.defs.assets import collection, publication
from analytics_pipeline.defs.assets.models import build_models
from analytics_pipeline.defs.dbt_manifest import DBT, PROJECT_DIR
from analytics_pipeline.defs.resources import Dbt, StoresResource
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
    return dg.Definitions(
        assets=[
            VIDEOS,
            POLICY,
            collection.segments,
            collection.events,
            build_models(),
            publication.manifest,
            publication.commitment,
            publication.release,
            publication.bundle,
            publication.record,
        ],
        jobs=[daily],
        schedules=[every_night],
        sensors=[new_segments],
        resources={
            "stores": StoresResource(),
            "dbt": Dbt(project_dir=str(PROJECT_DIR), dbt_executable=DBT),
        },
        executor=dg.in_process_executor,
    )
