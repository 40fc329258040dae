"""What all assets share: their decorator, and the shape of their metadata.

Metadata is shown in the UI and kept in Dagster's database: counts, sizes, seconds, public roots and
CIDs. Never a session, a viewer, an address or a key.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import dagster as dg

from analytics_pipeline.defs.partitions import DAYS, RANGE_RUNS

# Dagster reads an asset's return annotation at run time and knows the bare class only.
if TYPE_CHECKING:
    Result = dg.MaterializeResult[None]
else:
    Result = dg.MaterializeResult

#: One process at a time has the warehouse file open, readers included.
WAREHOUSE_POOL = "duckdb_writer"


def daily_asset(
    *,
    group: str,
    owner: str,
    kinds: set[str],
    checks: Mapping[str, str],
    deps: Sequence[str] = (),
    tags: Mapping[str, str] | None = None,
    pool: str | None = None,
) -> Callable[[Callable[..., Any]], dg.AssetsDefinition]:
    """An asset with daily partitions that takes a range in one run and ends in blocking checks.

    Args:
        checks: check name -> what it asserts. A failed one stops everything downstream.
    """

    def decorate(body: Callable[..., Any]) -> dg.AssetsDefinition:
        name = body.__name__
        specs = [
            dg.AssetCheckSpec(check, asset=name, description=text, blocking=True)
            for check, text in checks.items()
        ]
        return dg.asset(
            group_name=group,
            owners=[f"team:{owner}"],
            kinds=kinds,
            tags=tags,
            deps=list(deps),
            partitions_def=DAYS,
            backfill_policy=RANGE_RUNS,
            check_specs=specs,
            pool=pool,
        )(body)

    return decorate


def check_result(
    name: str, problems: Sequence[str], metadata: Mapping[str, Any] | None = None
) -> dg.AssetCheckResult:
    """Passed if there are no problems; otherwise the first ten are shown."""
    shown = dict(metadata or {})
    if problems:
        shown["problems"] = dg.MetadataValue.md("\n".join(f"- {p}" for p in problems[:10]))
    return dg.AssetCheckResult(check_name=name, passed=not problems, metadata=shown)


class Timer:
    """Seconds since it was made, for metadata."""

    def __init__(self) -> None:
        self._started = time.monotonic()

    @property
    def seconds(self) -> float:
        return round(time.monotonic() - self._started, 3)
