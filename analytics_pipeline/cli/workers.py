"""`ingest`, `seal`, `compute`, `dbt`: the processes of a deployment, one at a time."""

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
    """Compute, release and publish a range of days: one Dagster run, without the UI.

    Days whose inputs did not change are left as they are: nothing is spent or published twice.

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


def _require_deployment() -> None:
    """These work on what is there; in the wrong folder they must not make an empty deployment."""
    settings = load_settings()
    require_home(settings)
    prepare_home(settings)
