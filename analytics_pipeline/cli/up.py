"""`up`: a whole deployment on one machine, in one terminal."""

import os
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from analytics_pipeline.cli import children
from analytics_pipeline.cli.console import err, explain, out
from analytics_pipeline.settings import load_settings

_UI_HOST = "127.0.0.1"
_START_SECONDS = 120


@dataclass(frozen=True)
class _Part:
    """One process: what to run, what to tell about it, and how it is known to be up."""

    title: str
    module: str
    arguments: tuple[str, ...]
    where: str
    log: Path
    ready_url: str | None = None


def up(
    ui_port: Annotated[int, typer.Option(help="Port of the Dagster UI.", min=1, max=65535)] = 3000,
) -> None:
    """Run both APIs, the dashboard, the sealer, alerts and the Dagster UI until Ctrl-C.

    Everything is embedded unless the environment says otherwise (docs/settings.md). Keys are made
    on the first start. Logs go to ANALYTICS_HOME/logs, those of the start before to *.log.1.

        analytics-pipeline up
    """
    from analytics_pipeline.cli.keys import ensure_keys

    settings = load_settings()
    api_port = settings.api_port or children.free_port()
    children.require_free_port(settings.api_host, api_port, "ANALYTICS_API_PORT")
    serve_port = settings.serve_port or children.free_port()
    children.require_free_port(settings.serve_host, serve_port, "ANALYTICS_SERVE_PORT")
    children.require_free_port(_UI_HOST, ui_port, "--ui-port")
    ensure_keys(settings)
    environ = {
        **os.environ,
        "ANALYTICS_API_PORT": str(api_port),
        "ANALYTICS_SERVE_PORT": str(serve_port),
        "VIRTUAL_ENV": sys.prefix,  # else `dg` warns of an environment it does not run in
    }
    logs = settings.home / "logs"
    api, ui = _url(settings.api_host, api_port), _url(_UI_HOST, ui_port)
    served = _url(settings.serve_host, serve_port)
    ui_arguments = ("ui", "--host", _UI_HOST, "--port", str(ui_port))
    parts = (
        _Part(
            *("Ingestion API", "ingest", (), f"{api}/api/v1/batches", logs / "ingest.log"),
            ready_url=f"{api}/healthz",
        ),
        _Part("Sealer", "sealer", (), "every 30 seconds", logs / "sealer.log"),
        _Part("Alerts", "alerts", (), "every minute", logs / "alerts.log"),
        _Part(
            *("Dashboard", "serve", (), served, logs / "serve.log"),
            ready_url=f"{served}/healthz",
        ),
        _Part(
            *("Dagster UI", "defs", ui_arguments, ui, logs / "dagster-ui.log"),
            ready_url=f"{ui}/server_info",
        ),
    )
    _run(parts, environ)


def _url(host: str, port: int) -> str:
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _run(parts: tuple[_Part, ...], environ: dict[str, str]) -> None:
    running: dict[_Part, subprocess.Popen[bytes]] = {}
    try:
        for part in parts:
            running[part] = children.start(
                part.module, *part.arguments, environ=environ, log=part.log
            )
        with err.status("Starting APIs, sealer, alerts and Dagster UI …"):
            for part, child in running.items():
                if part.ready_url:
                    children.wait_for_http(
                        part.ready_url, child, part.log, timeout_seconds=_START_SECONDS
                    )
        _require_all(running)
        out.print("[bold green]Up.[/] Ctrl-C stops everything.")
        for part in parts:
            out.print(f"  {part.title:<14} {part.where:<38} [dim]{part.log}[/]", soft_wrap=True)
        while True:
            _require_all(running)
            time.sleep(0.5)
    except KeyboardInterrupt:
        pass
    except children.ChildFailed as error:
        explain(error)  # before the others are stopped, which takes a while
        raise typer.Exit(1) from None
    finally:
        with suppress(OSError):  # the terminal may be gone
            err.print("Stopping … (Ctrl-C again: at once)")
        children.stop(*running.values())
        with suppress(OSError):
            err.print("Stopped.")


def _require_all(running: dict[_Part, subprocess.Popen[bytes]]) -> None:
    for part, child in running.items():
        children.require_alive(part.title, child, part.log)
