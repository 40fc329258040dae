"""`up`: a whole deployment on one machine, in one terminal."""

import os
import time
from typing import Annotated

import typer

from analytics_pipeline.cli import children
from analytics_pipeline.cli.console import out
from analytics_pipeline.settings import load_settings


def up(
    ui_port: Annotated[int, typer.Option(help="Port of the Dagster UI.")] = 3000,
) -> None:
    """Run API, sealer and Dagster UI together until Ctrl-C.

    Everything is embedded unless the environment says otherwise (docs/settings.md). Keys are made
    on the first start. Logs go to ANALYTICS_HOME/logs.

        analytics-pipeline up
    """
    from analytics_pipeline.cli.keys import ensure_keys

    settings = load_settings()
    ensure_keys(settings)
    environ = dict(os.environ)
    logs = settings.home / "logs"
    api = f"http://{settings.api_host}:{settings.api_port}"
    parts = {
        "ingest": ((), f"{api}/api/v1/batches"),
        "sealer": ((), "every few seconds"),
        "defs": (("ui", "--port", str(ui_port)), f"http://127.0.0.1:{ui_port}"),
    }
    running = {
        name: children.start(name, *arguments, environ=environ, log=logs / f"{name}.log")
        for name, (arguments, _) in parts.items()
    }
    titles = {"ingest": "Ingestion API", "sealer": "Sealer", "defs": "Dagster UI"}
    try:
        children.wait_for_http(f"{api}/healthz", running["ingest"], logs / "ingest.log")
        out.print("[bold green]Up.[/] Ctrl-C stops everything.")
        for name, (_, where) in parts.items():
            out.print(f"  {titles[name]:<14} {where:<34} [dim]{logs / name}.log[/]")
        while all(child.poll() is None for child in running.values()):
            time.sleep(0.5)
        ended = [name for name, child in running.items() if child.poll() is not None]
        raise children.ChildFailed(f"{', '.join(ended)} ended; see the logs in {logs}")
    except KeyboardInterrupt:
        out.print("Stopping …")
    finally:
        for child in running.values():
            children.stop(child)
