"""The life of the ingestion API: serving, housekeeping, draining.

One process, one worker: the write-ahead log has one writer
anyway, and a deployment that needs more runs more hosts behind one address.
"""

import asyncio
import logging
from typing import Final

from analytics_pipeline.ingest.app import IngestApp
from analytics_pipeline.ingest.service import IngestService
from analytics_pipeline.settings import Settings
from analytics_pipeline.web.server import claim_port, run_asgi

HOUSEKEEPING_SECONDS: Final = 60.0
DRAIN_SECONDS: Final = 5.0

_log = logging.getLogger(__name__)


async def serve(settings: Settings) -> None:
    """Serve until a signal asks to stop; every batch taken in by then is stored before return."""
    port = claim_port(settings.api_host, settings.api_port, "ANALYTICS_API_PORT")
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
