"""The application: FastAPI for the small GET routes, bare ASGI for the two POST routes.

The POST routes stand beside FastAPI and not inside it: its middleware and telemetry cost a third of
a request and would see the client's address. Belongs here: wiring paths to handlers. Does not
belong here: the POST routes' behaviour (`ingest.routes`) and documentation (`ingest.openapi`).
"""

import base64
import time
from typing import Any, Final

from fastapi import FastAPI, Request, Response
from fastapi.telemetry import TelemetryConfig
from starlette.exceptions import HTTPException

from analytics_pipeline.core.errors import PipelineError
from analytics_pipeline.ingest.openapi import BATCHES_PATH, PLAIN_PATH, build_openapi
from analytics_pipeline.ingest.routes import PostRoute, batches_route, plain_route
from analytics_pipeline.ingest.service import IngestService
from analytics_pipeline.storage.public_keys import ALGORITHM
from analytics_pipeline.web.addresses import parse_address
from analytics_pipeline.web.http import Receive, Scope, Send
from analytics_pipeline.web.problem import (
    FORBIDDEN,
    INTERNAL,
    INVALID,
    KINDS,
    NOT_FOUND,
    PROBLEM_TYPE_PATH,
    WRONG_METHOD,
    Problem,
)

#: spans and error logs would carry addresses; environment variables must not switch them on
_NO_TELEMETRY: Final[TelemetryConfig] = {
    "tracing": False,
    "metrics": False,
    "logs": False,
    "operation_spans": False,
    "auto_configure": False,
}


class IngestApp:
    """The ASGI application of the process."""

    def __init__(self, service: IngestService, project: str) -> None:
        """`project` is the platform id that `/api/v1/keys` tells the SDK."""
        self._posts: dict[str, PostRoute] = {
            BATCHES_PATH: batches_route(service),
            PLAIN_PATH: plain_route(service),
        }
        self._rest = build_get_routes(service, project)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._posts.get(scope["path"], self._rest)(scope, receive, send)


def build_get_routes(service: IngestService, project: str) -> FastAPI:
    """Health, keys, status, problem types and the OpenAPI document."""
    app = FastAPI(
        title="Viewership ingestion", docs_url=None, redoc_url=None, telemetry=_NO_TELEMETRY
    )
    app.add_exception_handler(Problem, _answer_problem)
    app.add_exception_handler(HTTPException, _answer_http_error)
    app.add_exception_handler(PipelineError, _answer_unexpected)
    app.add_exception_handler(Exception, _answer_unexpected)

    @app.get("/healthz", summary="Whether the process serves")
    async def healthz() -> dict[str, str]:
        return {"status": "ok"}

    @app.get("/api/v1/keys", summary="The public key to seal batches to")
    async def keys(response: Response) -> dict[str, str]:
        key = service.access.active_key(time.monotonic())
        response.headers["access-control-allow-origin"] = "*"
        response.headers["cache-control"] = "public, max-age=300"
        return {
            "project": project,
            "key_id": key.key_id,
            "algorithm": ALGORITHM,
            "public_key": base64.b64encode(key.public_bytes).decode("ascii"),
            "created_at": key.created_at.isoformat().replace("+00:00", "Z"),
        }

    @app.get("/api/v1/status", summary="Counters since start; from this machine only")
    async def status(request: Request) -> dict[str, Any]:
        _require_this_machine(request)
        return {
            "uptime_seconds": round(time.monotonic() - service.started_at, 3),
            "requests": dict(service.counters),
            "waiting_batches": service.writer.waiting,
            "queued_batches": service.queue.depth(),
        }

    @app.get(PROBLEM_TYPE_PATH + "{name}", summary="What a problem type means")
    async def problem_type(name: str) -> dict[str, Any]:
        if name not in KINDS:
            raise Problem(NOT_FOUND, "no such problem type")
        kind = KINDS[name]
        return {"title": kind.title, "status": kind.status, "advice": kind.advice}

    app.openapi = lambda: build_openapi(app)  # type: ignore[method-assign]
    return app


#: What a proxy on this machine adds; a request with one of them came from elsewhere.
_RELAY_HEADERS = ("x-forwarded-for", "forwarded", "x-real-ip", "via")


def _require_this_machine(request: Request) -> None:
    """Exact counts are for the operator: only a direct connection from this machine sees them."""
    peer = parse_address(request.client.host) if request.client else None
    relayed = any(name in request.headers for name in _RELAY_HEADERS)
    if peer is None or not peer.is_loopback or relayed:
        raise Problem(FORBIDDEN, "only for direct connections from the API's own machine")


def _response(problem: Problem) -> Response:
    headers = {name.decode(): value.decode() for name, value in problem.headers()}
    return Response(problem.body(), problem.kind.status, headers)


async def _answer_problem(_: Request, error: Exception) -> Response:
    if not isinstance(error, Problem):
        raise error
    return _response(error)


async def _answer_http_error(_: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 500
    kind = {404: NOT_FOUND, 405: WRONG_METHOD}.get(status, INVALID if status < 500 else INTERNAL)
    return _response(Problem(kind, kind.advice))


async def _answer_unexpected(_: Request, error: Exception) -> Response:
    return _response(Problem(INTERNAL, type(error).__name__))
