"""``python -m analytics_pipeline.serve.rpc``: the endpoint by itself, over the chain of
`ANALYTICS_HOME`, until SIGTERM."""

import argparse
import asyncio
import logging
import sys
from contextlib import closing
from pathlib import Path

from analytics_pipeline.core.errors import EXPECTED, InvalidSettings, describe_error
from analytics_pipeline.serve.rpc import PATH, RpcRoute
from analytics_pipeline.settings import Settings, load_settings
from analytics_pipeline.web.http import Receive, Scope, Send, send_response
from analytics_pipeline.web.problem import NOT_FOUND, Problem
from analytics_pipeline.web.server import claim_port, run_asgi


class _App:
    """The endpoint under its path, a problem elsewhere."""

    def __init__(self, route: RpcRoute) -> None:
        self._route = route

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"] == PATH:
            return await self._route(scope, receive, send)
        problem = Problem(NOT_FOUND, f"the endpoint is {PATH}")
        return await send_response(send, 404, problem.headers(), problem.body())


def main() -> int:
    """Run it; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m analytics_pipeline.serve.rpc")
    parser.description = "Serve the embedded development chain read-only over JSON-RPC."
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on")
    parser.add_argument("--port", type=_port, default=8091, help="0: any free one")
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    try:
        port = claim_port(options.host, options.port, "--port")
        with closing(RpcRoute(_chain_file(load_settings()))) as route:
            asyncio.run(run_asgi(_App(route), options.host, port))
    except EXPECTED as error:
        print(describe_error(error), file=sys.stderr)
        return 1
    return 0


def _port(text: str) -> int:
    value = int(text)
    if not 0 <= value <= 65535:
        raise ValueError
    return value


def _chain_file(settings: Settings) -> Path:
    if settings.chain:
        raise InvalidSettings("ANALYTICS_CHAIN", "names a chain that has JSON-RPC of its own")
    path = Path(settings.chain_location)
    if not path.exists():
        raise InvalidSettings("ANALYTICS_HOME", f"no embedded chain: {path} does not exist")
    return path


if __name__ == "__main__":
    sys.exit(main())
