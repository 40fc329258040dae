"""The life of the read API: serving, and reading what is new.

One process. Reading and verifying block, in a thread of their own; requests go on being answered
from the snapshot before. Belongs here: opening what settings name. Does not belong here: requests.
"""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from pathlib import Path

from analytics_pipeline.core.checks.proof import ProofTerms
from analytics_pipeline.published.proof_verifiers import VerifierChoice, open_verifier
from analytics_pipeline.published.sources import PublicSources, open_sources
from analytics_pipeline.serve.access import Access
from analytics_pipeline.serve.app import build_app
from analytics_pipeline.serve.refresh import NothingPublished, Refresher
from analytics_pipeline.serve.service import ReadService
from analytics_pipeline.serve.snapshot import Content, Snapshot
from analytics_pipeline.settings import Settings
from analytics_pipeline.web.server import claim_port, run_asgi


def open_service(settings: Settings) -> ReadService:
    """The service that settings describe, with nothing read yet."""
    access = Access(
        settings.read_keys_path,
        settings.serve_access,
        settings.serve_rate_limit,
        settings.trusted_proxies,
    )
    return ReadService(
        Snapshot(Content(settings.platform)),
        access,
        settings.catalogue_location,
        rpc_urls=settings.serve_rpc_urls or (() if settings.chain else ("/rpc",)),
        gateways=settings.serve_gateways,
        chain_file=None if settings.chain else Path(settings.chain_location),
        alerts_path=settings.alerts_path,
        keys_dir=settings.keys_dir,
    )


def open_refresher(settings: Settings, service: ReadService) -> Refresher:
    """What reads chain and IPFS for a service."""
    return Refresher(
        settings.platform,
        lambda: _open_published(settings),
        ProofTerms(verifier=open_verifier(VerifierChoice.AUTO)),
        service.replace_snapshot,
    )


def _open_published(settings: Settings) -> AbstractContextManager[PublicSources]:
    if not settings.chain and not Path(settings.chain_location).exists():
        raise NothingPublished("no chain yet")
    return open_sources(settings)


async def serve(settings: Settings) -> None:
    """Serve until a signal asks to stop."""
    port = claim_port(settings.serve_host, settings.serve_port, "ANALYTICS_SERVE_PORT")
    service = open_service(settings)
    refresher = open_refresher(settings, service)
    reader = ThreadPoolExecutor(max_workers=1, thread_name_prefix="refresh")
    chores = asyncio.create_task(
        _keep_reading(service, refresher, reader, settings.serve_refresh_seconds)
    )
    try:
        await run_asgi(build_app(service), settings.serve_host, port)
    finally:
        chores.cancel()
        refresher.stop()
        reader.shutdown(wait=True, cancel_futures=True)
        refresher.close()


async def _keep_reading(
    service: ReadService, refresher: Refresher, reader: ThreadPoolExecutor, pause_seconds: int
) -> None:
    loop = asyncio.get_running_loop()
    while True:
        snapshot = await loop.run_in_executor(reader, refresher.refresh, service.snapshot)
        service.replace_snapshot(snapshot)
        await asyncio.sleep(pause_seconds)
