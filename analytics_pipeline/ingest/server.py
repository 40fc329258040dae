"""Running the API: granian inside this process's event loop, stopped by SIGTERM or SIGINT.

Belongs here: the life of the process. One process, one worker: the write-ahead log has one writer
anyway, and a deployment that needs more runs more hosts behind one address.
"""

import asyncio
import logging
import signal
import socket
from typing import Any, Final

from granian.constants import HTTPModes, Interfaces
from granian.server.embed import Server

from analytics_pipeline.core.errors import InvalidSettings
from analytics_pipeline.ingest.app import IngestApp
from analytics_pipeline.ingest.service import IngestService
from analytics_pipeline.settings import Settings

HOUSEKEEPING_SECONDS: Final = 60.0
DRAIN_SECONDS: Final = 5.0
_BACKLOG: Final = 1024

_log = logging.getLogger(__name__)


async def serve(settings: Settings) -> None:
    """Serve until a signal asks to stop; every batch taken in by then is stored before return."""
    port = claim_port(settings.api_host, settings.api_port)
    service = IngestService(settings)
    app = IngestApp(service, settings.platform)
    chores = asyncio.create_task(_keep_house(service))
    try:
        await run_asgi(app, settings.api_host, port)
        await _drain(service)
    finally:
        chores.cancel()
        await service.close()
    _log.info("stopped; everything accepted is in the queue")


async def run_asgi(app: Any, host: str, port: int) -> None:
    """Serve an ASGI application until SIGTERM or SIGINT. No access log: it would hold addresses."""
    server = Server(
        app,
        address=host,
        port=port,
        interface=Interfaces.ASGINL,
        http=HTTPModes.auto,
        websockets=False,
        backlog=_BACKLOG,
        log_enabled=False,
        log_access=False,
    )
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, server.stop)
    _log.info("listening on http://%s:%d", host, port)
    await server.serve()


async def _keep_house(service: IngestService) -> None:
    while True:
        await asyncio.sleep(HOUSEKEEPING_SECONDS)
        try:
            await asyncio.to_thread(service.keep_house)
        except Exception as error:  # try again in a minute
            _log.error("housekeeping: %s", type(error).__name__)


async def _drain(service: IngestService) -> None:
    """Let requests that are already being stored get their answer."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + DRAIN_SECONDS
    while service.writer.waiting and loop.time() < deadline:
        await asyncio.sleep(0.01)


def claim_port(host: str, port: int) -> int:
    """Check that `host`:`port` is free; 0 stands for any free port. Returns the port.

    Checked here because granian shares ports (SO_REUSEPORT): a second API on the same one would
    take half of the requests into another queue.

    Raises:
        InvalidSettings: the address or port cannot be had.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise InvalidSettings(
                "ANALYTICS_API_PORT", f"cannot listen on {host}:{port}: {error.strerror}"
            ) from None
        claimed: int = probe.getsockname()[1]
    return claimed
