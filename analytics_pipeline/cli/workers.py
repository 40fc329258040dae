"""`ingest`, `seal`, `compute`, `dbt`, `mf`, `serve`: the processes of a deployment, one at a
time."""

from typing import Annotated

import typer

from analytics_pipeline.cli import children
from analytics_pipeline.settings import load_settings, prepare_home, require_home


def ingest() -> None:
    """Run the ingestion API in the foreground.

    It answers 202 only once a batch is on disk, and holds no key that could open one.

        ANALYTICS_API_PORT=8080 analytics-pipeline ingest
    """
    prepare_home(load_settings())
    children.replace_process("ingest")


def seal(
    once: Annotated[bool, typer.Option("--once", help="Empty the queue, then stop.")] = False,
) -> None:
    """Run the sealer: open queued batches, write encrypted segments, pin them.

    analytics-pipeline seal --once
    """
    _require_deployment()
    children.replace_process("sealer", *(["--once"] if once else []))


def compute(
    first_day: Annotated[str, typer.Argument(metavar="FROM", help="First UTC day, YYYY-MM-DD.")],
    last_day: Annotated[
        str | None, typer.Argument(metavar="[TO]", help="Last UTC day; default: the first.")
    ] = None,
    verbose: Annotated[bool, typer.Option("--verbose", help="Show dbt's log as it runs.")] = False,
) -> None:
    """Compute, release and publish a range of days in Dagster runs, without the UI.

    Days whose inputs did not change are left as they are: nothing is spent or published twice. Says
    of each day what became of it; a failed run of a long range does not stop the others.

        analytics-pipeline compute 2026-11-01 2026-11-30
    """
    _require_deployment()
    more = ["--verbose"] if verbose else []
    children.replace_process(
        "defs", "run", "--from", first_day, "--to", last_day or first_day, *more
    )


def dbt(context: typer.Context) -> None:
    """Run dbt with this deployment's warehouse and keys.

    analytics-pipeline dbt build --vars '{start_day: 2026-11-01, end_day: 2026-11-01}'
    analytics-pipeline dbt docs generate --static
    """
    children.replace_process("defs", "dbt", *context.args)


def mf(context: typer.Context) -> None:
    """Ask the semantic layer for metrics: MetricFlow over the exports of this deployment.

    analytics-pipeline mf list metrics
    analytics-pipeline mf query --metrics plays,completion_rate --group-by metric_time

    Metrics read exported rows only, and none of those is about fewer than k viewers, so sums may
    lack something (docs/analysts.md). Needs the package dbt-metricflow.
    """
    require_home(load_settings())
    children.replace_process("defs", "mf", *context.args)


def serve() -> None:
    """Run the read API and the dashboard in the foreground.

    They show what is published, verified from chain and IPFS, and hold no key that opens anything:
    with ANALYTICS_CHAIN, ANALYTICS_REGISTRY and ANALYTICS_IPFS they serve from anywhere.

        ANALYTICS_SERVE_PORT=8090 analytics-pipeline serve
    """
    settings = load_settings()
    if not settings.chain:
        require_home(settings)
    children.replace_process("serve")


def _require_deployment() -> None:
    """These work on what is there; in the wrong folder they must not make an empty deployment."""
    settings = load_settings()
    require_home(settings)
    prepare_home(settings)
