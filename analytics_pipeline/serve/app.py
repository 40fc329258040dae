"""The application: one list of routers, the dashboard's files, and the front before both.

Belongs here: wiring, and which problem an error becomes. Does not belong here: routes
(`serve.routes`), keeping answers (`serve.front`).
"""

import time
from collections.abc import Awaitable, Callable
from typing import Any, Final

from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.telemetry import TelemetryConfig
from starlette.exceptions import HTTPException

from analytics_pipeline.core.errors import PipelineError
from analytics_pipeline.serve.answers import json_answer
from analytics_pipeline.serve.front import Front
from analytics_pipeline.serve.openapi import build_openapi
from analytics_pipeline.serve.problems import INTERNAL
from analytics_pipeline.serve.routes import (
    alerts,
    creators,
    days,
    figures,
    ledger,
    operations,
    places,
    platform,
    service_routes,
    videos,
)
from analytics_pipeline.serve.rpc import PATH as RPC_PATH
from analytics_pipeline.serve.rpc import RpcRoute
from analytics_pipeline.serve.service import ReadService
from analytics_pipeline.serve.static_files import StaticFiles
from analytics_pipeline.web.http import Receive, Scope, Send
from analytics_pipeline.web.problem import INVALID, NOT_FOUND, WRONG_METHOD, Problem

AsgiApp = Callable[[Scope, Receive, Send], Awaitable[None]]

_DESCRIPTION: Final = (
    "Figures of a platform as it released them: noised, proved, recorded on chain; each with its "
    "error, its privacy budget and an inclusion proof. Do not trust this server: verify. How to "
    "use it: docs/api.md."
)
#: spans and error logs would carry addresses; environment variables must not switch them on
_NO_TELEMETRY: Final[TelemetryConfig] = {
    "tracing": False,
    "metrics": False,
    "logs": False,
    "operation_spans": False,
    "auto_configure": False,
}


def build_routers(service: ReadService) -> list[APIRouter]:
    """Every router of the API, in the order of `/openapi.json`."""
    return [
        platform.router(service),
        days.router(service),
        figures.router(service),
        videos.router(service),
        creators.router(service),
        places.router(service),
        ledger.router(service),
        operations.router(service),
        alerts.router(service),
        service_routes.router(service),
    ]


def build_plain_apps(service: ReadService) -> dict[str, AsgiApp]:
    """Bare ASGI applications by path: what needs neither access rules nor keeping."""
    if service.chain_file is None:
        return {}
    return {RPC_PATH: RpcRoute(service.chain_file)}


def build_app(service: ReadService, clock: Callable[[], float] = time.monotonic) -> AsgiApp:
    """The ASGI application of the process; `clock` counts seconds, monotonic."""
    return Front(
        service,
        build_api(service),
        StaticFiles(service.static_dir),
        build_plain_apps(service),
        clock,
    )


def build_api(service: ReadService) -> FastAPI:
    """The routers, and how errors become problems."""
    app = FastAPI(
        title="Released viewership figures",
        description=_DESCRIPTION,
        generate_unique_id_function=lambda route: route.name,
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        redirect_slashes=False,
        telemetry=_NO_TELEMETRY,
    )
    app.add_exception_handler(Problem, _answer_problem)
    app.add_exception_handler(RequestValidationError, _answer_invalid)
    app.add_exception_handler(HTTPException, _answer_http_error)
    app.add_exception_handler(PipelineError, _answer_unexpected)
    app.add_exception_handler(Exception, _answer_unexpected)
    for router in build_routers(service):
        app.include_router(router)
    document: dict[str, Any] = {}

    @app.get("/openapi.json", include_in_schema=False)
    def openapi() -> Response:
        return json_answer(document)

    document.update(build_openapi(app, service.access.mode))
    return app


def _response(problem: Problem) -> Response:
    headers = {name.decode(): value.decode() for name, value in problem.headers()}
    return Response(problem.body(), problem.kind.status, headers)


def _answer_problem(_: Request, error: Exception) -> Response:
    if not isinstance(error, Problem):
        raise error
    return _response(error)


def _answer_invalid(_: Request, error: Exception) -> Response:
    """The first parameter that breaks a rule, by its name."""
    if not isinstance(error, RequestValidationError):
        raise error
    first = error.errors()[0]
    place, *path = first["loc"]
    field = ".".join(map(str, path)) or str(place)
    problem = first["msg"].removeprefix("Value error, ")
    if first["type"] == "extra_forbidden":
        problem = "there is no such parameter here"
    return _response(Problem(INVALID, problem, field))


def _answer_http_error(_: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 500
    kind = {404: NOT_FOUND, 405: WRONG_METHOD}.get(status, INVALID if status < 500 else INTERNAL)
    return _response(Problem(kind, kind.advice))


def _answer_unexpected(_: Request, error: Exception) -> Response:
    return _response(Problem(INTERNAL, type(error).__name__))
