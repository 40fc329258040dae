"""`python -m tests.browser_verify.site HOME PORT`: a world on a real chain, and the read API.

Three days on an embedded chain, the second corrected; bundles in an embedded block store; the API
over both, with the dashboard's files and `/rpc`. Only the proofs are stand-ins: a browser does not
look at them, and the API is told to believe them.
"""

import asyncio
import sys
from contextlib import closing
from pathlib import Path

from analytics_pipeline.chain.client import open_publisher
from analytics_pipeline.published.sources import open_sources
from analytics_pipeline.serve.app import build_app
from analytics_pipeline.serve.refresh import Refresher
from analytics_pipeline.serve.server import open_service
from analytics_pipeline.settings import Settings, load_settings
from analytics_pipeline.storage.ipfs import open_store
from analytics_pipeline.web.server import run_asgi
from tests.support.chain_world import ChainWorld
from tests.support.world import DAYS


def publish(settings: Settings) -> ChainWorld:
    """Publish the days; the bundles are in the store."""
    chain, outbox = settings.chain_location, settings.outbox_path
    with closing(open_publisher(chain, settings.platform, outbox)) as publisher:
        world = ChainWorld(publisher=publisher)
        for day, revision in ((DAYS[0], 1), (DAYS[1], 1), (DAYS[2], 1), (DAYS[1], 2)):
            world.publish(day, revision)
    with open_store(settings.ipfs_location) as store:
        for bundle in world.bundles.values():
            store.add_directory(bundle)
    return world


def main() -> None:
    home, port = sys.argv[1:]
    settings = load_settings({"ANALYTICS_HOME": home, "ANALYTICS_SERVE_RATE_LIMIT": "100000"})
    Path(home).mkdir(parents=True, exist_ok=True)
    world = publish(settings)
    service = open_service(settings)
    sources = lambda: open_sources(settings)  # noqa: E731
    refresher = Refresher(settings.platform, sources, world.terms, service.replace_snapshot)
    service.replace_snapshot(refresher.refresh(service.snapshot))
    asyncio.run(run_asgi(build_app(service), "127.0.0.1", int(port)))


if __name__ == "__main__":
    main()
