"""Running an ASGI application: granian inside this process's event loop, stopped by a signal.

Belongs here: the socket and the loop. Does not belong here: what a process does besides serving.
"""

import asyncio
import logging
import signal
import socket
from typing import Any, Final

from granian.constants import HTTPModes, Interfaces
from granian.server.embed import Server

from analytics_pipeline.core.errors import InvalidSettings

_BACKLOG: Final = 1024

_log = logging.getLogger(__name__)


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


def claim_port(host: str, port: int, variable: str) -> int:
    """Check that `host`:`port` is free; 0 stands for any free port. Returns the port.

    Checked here because granian shares ports (SO_REUSEPORT): a second API on the same one would
    take half of the requests into another queue.

    Args:
        variable: the setting that names the port, for the error.
    Raises:
        InvalidSettings: the address or port cannot be had.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            problem = f"cannot listen on {host}:{port}: {error.strerror}"
            raise InvalidSettings(variable, problem) from None
        claimed: int = probe.getsockname()[1]
    return claimed
