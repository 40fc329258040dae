"""The graph as Dagster loads it."""

import itertools
import json

import dagster as dg
import pytest
from dagster._core.definitions.assets.graph.asset_graph import AssetGraph

from analytics_pipeline.defs.assets.common import WAREHOUSE_POOL
from analytics_pipeline.defs.dbt_manifest import prepare_manifest
from analytics_pipeline.defs.partitions import DAYS, RANGE_RUNS

ORDER = [
    "segments",
    "events",
    "stg_events",
    "int_views",
    "tally",
    "manifest",
    "commitment",
    "release",
    "proof",
    "bundle",
    "record",
]


@pytest.fixture(scope="module")
def defs() -> dg.Definitions:
    from analytics_pipeline.definitions import defs

    return defs


@pytest.fixture(scope="module")
def graph(defs: dg.Definitions) -> AssetGraph:
    return defs.resolve_asset_graph()


def test_the_release_depends_on_every_step_before_it_in_order(graph: AssetGraph) -> None:
    """Each step of the way from sealed segments to the record is upstream of the next."""
    for before, after in itertools.pairwise(ORDER):
        ancestors = graph.get_ancestor_asset_keys(dg.AssetKey(after))
        assert dg.AssetKey(before) in ancestors, (before, after)


def test_every_asset_takes_a_range_of_days_in_one_run(graph: AssetGraph) -> None:
    """One asset with another policy would make Dagster fall back to a run a day."""
    for key in graph.materializable_asset_keys:
        node = graph.get(key)
        assert node.partitions_def == DAYS, key
        assert node.backfill_policy == RANGE_RUNS, key


def test_every_asset_tells_what_it_is_and_whose(graph: AssetGraph) -> None:
    """Description, group, owner and kinds are what an analyst sees first."""
    for key in graph.get_all_asset_keys():
        node = graph.get(key)
        assert len(node.description or "") > 20, key
        assert node.group_name not in (None, "default"), key
        assert node.owners, key
        assert node.kinds, key


def test_every_column_is_described(graph: AssetGraph) -> None:
    """Of models, events and documents; four assets are no table."""
    without = set()
    for key in graph.get_all_asset_keys():
        schema = graph.get(key).metadata.get("dagster/column_schema")
        if schema is None:
            without.add(key.path[-1])
            continue
        for column in schema.columns:
            assert column.type not in (None, "", "?"), (key, column.name)
            assert len(column.description or "") >= 5, (key, column.name)
    assert without == {"policy", "proof", "bundle", "backfills"}


def test_the_warehouse_has_one_process_at_a_time(defs: dg.Definitions) -> None:
    """Everything that opens the DuckDB file waits in the same pool, readers included."""
    touching = {"dbt_models", "manifest", "commitment", "release", "proof"}
    pools = {
        op.name: op.pool
        for definition in defs.resolve_asset_graph().assets_defs
        if definition.is_executable
        for op in [definition.op]
    }
    assert {name for name, pool in pools.items() if pool == WAREHOUSE_POOL} == touching


@pytest.mark.parametrize(
    ("asset", "checks"),
    [
        ("segments", {"segments_intact"}),
        ("events", {"events_accounted"}),
        ("manifest", {"tally_within_bounds", "contributions_provable", "budget_left"}),
        ("commitment", {"commitments_on_chain"}),
        ("release", {"report_matches_commitment"}),
        ("proof", {"proof_verifies"}),
        ("bundle", {"bundle_pinned"}),
        ("record", {"verified"}),
    ],
)
def test_each_step_ends_in_checks_that_block_the_next(
    graph: AssetGraph, asset: str, checks: set[str]
) -> None:
    """A failed check stops everything downstream of its asset."""
    keys = graph.get_check_keys_for_assets([dg.AssetKey(asset)])
    specs = [graph.get_check_spec(key) for key in keys]
    assert {spec.name for spec in specs} == checks
    assert all(spec.blocking for spec in specs)


def test_every_mart_has_its_dbt_tests_as_checks(graph: AssetGraph) -> None:
    """dbt's tests stand beside the models they test."""
    for mart in ("platform_day", "video_day", "tally", "contributions"):
        assert len(graph.get_check_keys_for_assets([dg.AssetKey(mart)])) >= 2, mart


def test_every_check_says_what_it_asserts(graph: AssetGraph) -> None:
    """A short name of its own and a sentence; dbt would make a name out of all arguments."""
    names = [key.name for key in graph.asset_check_keys]
    assert len(set(names)) == len(names) >= 55
    for key in graph.asset_check_keys:
        description = graph.get_check_spec(key).description or ""
        assert len(key.name) <= 45, key
        assert description[:1].isupper(), key
        assert "." in description, key


def test_tests_of_sources_are_named_too(defs: dg.Definitions) -> None:
    """They are no checks in Dagster, but dbt's log and documentation show them."""
    manifest = json.loads(prepare_manifest().read_text())
    tests = [node for node in manifest["nodes"].values() if node["resource_type"] == "test"]
    assert all(test["description"] and len(test["name"]) <= 45 for test in tests)


def test_the_daily_job_runs_all_of_it_in_this_process(defs: dg.Definitions) -> None:
    """One process a run: a process a step would import and parse everything again."""
    job = defs.resolve_job_def("daily")
    assert job.executor_def is dg.in_process_executor
    assert job.partitions_def == DAYS
    assert set(job.asset_layer.executable_asset_keys) == set(
        defs.resolve_asset_graph().materializable_asset_keys
    )
    assert defs.get_schedule_def("every_night").cron_schedule == "0 2 * * *"
    assert defs.get_sensor_def("new_segments").job_name == "daily"
