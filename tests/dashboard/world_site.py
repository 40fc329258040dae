"""``python -m tests.dashboard.world_site``: API and dashboard over a world in memory, with a
correction, an erased day and a withheld commit, on ANALYTICS_SERVE_PORT."""

import os
import tempfile
from pathlib import Path

import uvloop

from analytics_pipeline.web.server import run_asgi
from tests.dashboard.support import STATIC
from tests.serve.support import WorldSources, serve_world
from tests.support.world import honest_world

if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as home:
        served = serve_world(WorldSources(honest_world()), Path(home), static_dir=STATIC)
        uvloop.run(run_asgi(served.app, "127.0.0.1", int(os.environ["ANALYTICS_SERVE_PORT"])))
