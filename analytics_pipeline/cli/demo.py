"""`demo`: the whole way once, from recorded sessions to verified figures, in its own folder."""

import os
import shutil
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import Progress, TaskID
from rich.table import Table

from analytics_pipeline.cli import children
from analytics_pipeline.cli.api_keys import Privacy
from analytics_pipeline.cli.checks_table import print_verdict, results_table
from analytics_pipeline.cli.console import out, progress
from analytics_pipeline.cli.figures import figures_table
from analytics_pipeline.cli.keys import ensure_keys
from analytics_pipeline.cli.kpis import kpi_table, load_kpis
from analytics_pipeline.cli.simulate import last_full_days, simulator_arguments
from analytics_pipeline.cli.videos import import_videos
from analytics_pipeline.core.checks.proof import ProofTerms
from analytics_pipeline.core.errors import InvalidInput
from analytics_pipeline.published.proof_verifiers import VerifierChoice, open_verifier
from analytics_pipeline.settings import Settings, load_settings

_MARKER = ".made-by-demo"
#: What fits before the bar of a progress line.
_LABEL_WIDTH = 34


def demo(
    events: Annotated[int, typer.Option(help="About how many events.", min=500)] = 20_000,
    days: Annotated[int, typer.Option(help="How many UTC days.", min=1, max=7)] = 3,
    seed: Annotated[int, typer.Option(help="Same seed, same sessions.")] = 7,
    privacy: Annotated[
        Privacy, typer.Option(help="high: devices count for themselves and send daily sums.")
    ] = Privacy.STANDARD,
    home: Annotated[
        Path, typer.Option(help="Folder of the demo; an earlier demo there is replaced.")
    ] = Path(".analytics/demo"),
) -> None:
    """Run the main job once on embedded defaults and verify what it publishes.

    Sessions recorded in a real browser are scaled to an audience, sent to the API over HTTP, sealed
    to IPFS, computed by Dagster and dbt, released with noise, proved, recorded on an embedded chain
    whose contract checks the proof, and verified from chain and IPFS alone. The prover is installed
    from npm when it is first needed (38 MB); proofs are of the development set-up.
    """
    started = time.monotonic()
    _prepare(home)
    environ = {
        **os.environ,
        "ANALYTICS_HOME": str(home.absolute()),
        "ANALYTICS_API_PORT": str(children.free_port()),
        "ANALYTICS_TRUSTED_PROXIES": "127.0.0.1",
    }
    settings = load_settings(environ)
    span = last_full_days(days)
    with progress() as bars:
        _send(settings, environ, bars, events=events, span=span, seed=seed, privacy=privacy)
        _seal(settings, environ, bars)
        _compute(settings, environ, bars, span)
    _show(settings, span)
    _say_what_next(home, settings.platform, span[-1], time.monotonic() - started)


def _say_what_next(home: Path, platform: str, day: date, seconds: float) -> None:
    """Commands that can be copied as they stand: each on one line, with the path of the program."""
    program = Path(sys.executable).with_name("analytics-pipeline")
    here = Path.cwd()
    command = program.relative_to(here) if program.is_relative_to(here) else program
    out.print(f"\nDone in {seconds:.0f} s. Everything is in {home}.")
    for label, arguments in (
        ("Look at the figures in the dashboard (read API)", "serve"),
        ("Look at the pipeline in the Dagster UI", "up"),
        ("Verify a day as a stranger", f"verify {platform} {day}"),
    ):
        out.print(
            f"{label}:\n  [bold]ANALYTICS_HOME={home} {command} {arguments}[/]", soft_wrap=True
        )


def _prepare(home: Path) -> None:
    if home.exists() and any(home.iterdir()):
        if not (home / _MARKER).exists():
            raise InvalidInput("--home", f"{home} is not empty and was not made by `demo`")
        shutil.rmtree(home)
    home.mkdir(parents=True, exist_ok=True)
    (home / _MARKER).touch()


@contextmanager
def _api(settings: Settings, environ: dict[str, str]) -> Iterator[str]:
    log = settings.home / "logs" / "ingest.log"
    child = children.start("ingest", environ=environ, log=log)
    endpoint = f"http://{settings.api_host}:{settings.api_port}"
    try:
        children.wait_for_http(f"{endpoint}/healthz", child, log)
        yield endpoint
    finally:
        children.stop(child)


def _updates(bars: Progress, bar: TaskID) -> Callable[[str, int, int], None]:
    return lambda _, done, total: bars.update(bar, completed=done, total=total)


def _stages(bars: Progress, bar: TaskID, label: str) -> Callable[[str, int, int], None]:
    """Updates that also say what is being done, e.g. which day is being proved."""

    def update(stage: str, done: int, total: int) -> None:
        shown = label if done == total else textwrap.shorten(stage, _LABEL_WIDTH, placeholder=" …")
        bars.update(bar, completed=done, total=total, description=shown)

    return update


def _send(
    settings: Settings,
    environ: dict[str, str],
    bars: Progress,
    *,
    events: int,
    span: list[date],
    seed: int,
    privacy: Privacy,
) -> None:
    from analytics_pipeline.storage.api_keys import create_api_key

    ensure_keys(settings)
    now = datetime.now(UTC)
    secret = create_api_key(
        settings.api_keys_path, settings.platform, "demo", [], now, privacy.value
    )
    list_file = settings.home / "videos.csv"
    bar = bars.add_task("Events accepted over HTTP", total=events)
    with _api(settings, environ) as endpoint:
        children.run(
            "simulator",
            *simulator_arguments(
                events=events,
                days=len(span),
                first_day=span[0],
                videos=40,
                creators=8,
                seed=seed,
                endpoint=endpoint,
                list_file=list_file,
                privacy=privacy,
            ),
            environ={**environ, "ANALYTICS_API_KEY": secret},
            log=settings.home / "logs" / "simulator.log",
            on_progress=_updates(bars, bar),
        )
    import_videos(settings, list_file)


def _seal(settings: Settings, environ: dict[str, str], bars: Progress) -> None:
    bar = bars.add_task("Sealed to IPFS", total=None)
    children.run("sealer", "--once", environ=environ, log=settings.home / "logs" / "sealer.log")
    from analytics_pipeline.storage.catalogue import list_segments, open_catalogue

    with closing(open_catalogue(settings.catalogue_location)) as catalogue:
        segments = len(list_segments(catalogue, settings.platform))
    bars.update(
        bar, completed=segments, total=segments, description="Segments sealed, pinned to IPFS"
    )


def _compute(settings: Settings, environ: dict[str, str], bars: Progress, span: list[date]) -> None:
    label = "Computed, proved, published"
    bar = bars.add_task(label, total=None)
    children.run(
        "defs",
        *("run", "--from", span[0].isoformat(), "--to", span[-1].isoformat(), "--json"),
        environ=environ,
        log=settings.home / "logs" / "dagster.log",
        on_progress=_stages(bars, bar, label),
    )


def _show(settings: Settings, span: list[date]) -> None:
    from analytics_pipeline.core.verify import verify_bundle
    from analytics_pipeline.published.sources import open_sources

    terms = ProofTerms(verifier=open_verifier(VerifierChoice.AUTO), require_proof=True)
    verified = Table("day", "seen", "result", title="Verified from chain and IPFS alone")
    reports = []
    results = []
    with open_sources(settings) as sources:
        for day in span:
            published = sources.load_day(settings.platform, day)
            results = verify_bundle(
                published.files,
                platform=settings.platform,
                day=day,
                registry_head=published.registry_head,
                registry=published.registry,
                terms=terms,
            )
            reports.append(published.report)
            checks = f"{len(results)} checks, {results[5].detail}"
            verified.add_row(day.isoformat(), checks, "[bold green]verified[/]")
    out.print(kpi_table(load_kpis(settings, span)))
    out.print(figures_table(reports))
    out.print()
    out.print(verified)
    out.print(f"\n[bold]What was checked for {span[-1]}[/]")
    out.print(results_table(results))
    print_verdict(results)
