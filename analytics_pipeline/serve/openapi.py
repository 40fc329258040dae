"""`/openapi.json`: FastAPI's description of parameters, with our documents, problems and examples.

Schemas are generated from `serve.documents`; examples are real answers about `data/sample_day`,
and a test makes them again. Belongs here: how that document is put together. Does not belong here:
behaviour.
"""

import inspect
from functools import cache
from importlib import resources
from typing import Any, Final

import msgspec
from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from analytics_pipeline.serve.access import AccessMode
from analytics_pipeline.serve.exports import PARQUET_TYPE
from analytics_pipeline.serve.problems import (
    INTERNAL,
    NOT_GRANTED,
    RATE_LIMITED,
    UNKNOWN_READ_KEY,
)
from analytics_pipeline.web.problem import (
    INVALID,
    MEDIA_TYPE,
    PROBLEM_TYPE_PATH,
    Kind,
)

_REFERENCE: Final = "#/components/schemas/{name}"
_EXAMPLES_FILE: Final = "examples.json"
#: problems of every route below /api/
_OF_EVERY_ROUTE: Final = (INVALID, UNKNOWN_READ_KEY, NOT_GRANTED, RATE_LIMITED, INTERNAL)
_HEADERS: Final = {
    "ETag": {"description": "Send it back as If-None-Match.", "schema": {"type": "string"}},
}
#: routes that need a key on every platform
_KEY_ONLY: Final = ("/api/v1/operations", "/api/v1/alerts", "/api/v1/alerts/{rule_id}")
#: parameters of the examples, all of the sample day
_PARAMETERS: Final[dict[str, Any]] = {
    "day": "2026-11-21",
    "revision": 1,
    "file": "report.json",
    "scope": "video",
    "key": "video-0000",
    "metric": "viewers",
    "video_id": "video-0000",
    "creator_id": "creator-000",
    "provider": "ipfs",
    "from": "2026-11-01",
    "to": "2026-11-30",
    "name": "rate-limited",
}
#: documents whose schemas the description has; routes add theirs
_DOCUMENTS: Final[dict[Any, None]] = {}

Responses = dict[int | str, dict[str, Any]]


def answers(document: Any, *problems: Kind, exports: bool = False) -> Responses:
    """What a route answers, for FastAPI's `responses`.

    Args:
        document: a type of `serve.documents`.
        problems: kinds beside those of every route.
        exports: whether it can be had as CSV and Parquet.
    """
    _DOCUMENTS[document] = None
    (schema,), _ = msgspec.json.schema_components([document], ref_template=_REFERENCE)
    content: dict[str, Any] = {"application/json": {"schema": schema}}
    if exports:
        content["text/csv"] = {"schema": {"type": "string"}}
        content[PARQUET_TYPE] = {"schema": {"type": "string", "format": "binary"}}
    return _responses(content, problems)


def file_answers(*problems: Kind) -> Responses:
    """What the route of bundle files answers."""
    return _responses({"application/json": {"schema": {"type": "object"}}}, problems)


def _responses(content: dict[str, Any], problems: tuple[Kind, ...]) -> Responses:
    found: Responses = {200: {"description": "OK", "headers": _HEADERS, "content": content}}
    return found | {kind.status: _problem_response(kind) for kind in problems}


def build_openapi(app: FastAPI, mode: AccessMode) -> dict[str, Any]:
    """The document; `mode` says whether keys are needed."""
    document: dict[str, Any] = get_openapi(
        title=app.title, version="1", routes=app.routes, description=app.description
    )
    _, schemas = msgspec.json.schema_components(list(_DOCUMENTS), ref_template=_REFERENCE)
    for schema in schemas.values():
        schema["description"] = _prose(schema.get("description", ""))
    components = document.setdefault("components", {})
    for name in ("HTTPValidationError", "ValidationError"):  # ours is Problem
        components["schemas"].pop(name, None)
    components["schemas"] |= {**schemas, "Problem": _problem_schema()}
    components["securitySchemes"] = {
        "bearer": {"type": "http", "scheme": "bearer"},
        "apiKey": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
    }
    for path, operations in document["paths"].items():
        for operation in operations.values():
            _complete(path, operation, mode)
    return document


def _complete(path: str, operation: dict[str, Any], mode: AccessMode) -> None:
    """Add what FastAPI cannot know: problems, keys, the example."""
    operation["summary"] = _prose(operation.pop("description", operation["summary"]))
    responses = operation["responses"]
    responses.pop("422", None)
    if path.startswith("/api/"):
        without_key = mode == "open" and path not in _KEY_ONLY
        operation["security"] = [*([{}] if without_key else []), {"bearer": []}, {"apiKey": []}]
        for kind in _OF_EVERY_ROUTE:
            responses.setdefault(str(kind.status), _problem_response(kind))
    for parameter in operation.get("parameters", ()):
        parameter["schema"] = _without_null(parameter["schema"])
        if parameter["name"] in _PARAMETERS:
            parameter["example"] = _PARAMETERS[parameter["name"]]
    example = load_examples().get(path)
    for media_type, content in responses.get("200", {}).get("content", {}).items():
        if example is not None and media_type in example:
            content["example"] = example[media_type]


def _without_null(schema: dict[str, Any]) -> dict[str, Any]:
    """A parameter that need not be sent is never null: there is no null in a query."""
    kept = [each for each in schema.pop("anyOf", ()) if each.get("type") != "null"]
    return {**schema, **kept[0]} if kept else schema


@cache
def load_examples() -> dict[str, dict[str, Any]]:
    """path → media type → a real answer."""
    examples: dict[str, dict[str, Any]] = msgspec.json.decode(
        resources.files("analytics_pipeline.serve").joinpath(_EXAMPLES_FILE).read_bytes()
    )
    return examples


def _prose(text: str) -> str:
    """A docstring for readers of Markdown."""
    return " ".join(inspect.cleandoc(text).split()).replace("``", "`")


def _problem_response(kind: Kind) -> dict[str, Any]:
    example = {
        "type": PROBLEM_TYPE_PATH + kind.name,
        "title": kind.title,
        "status": kind.status,
        "detail": kind.advice,
    }
    schema = {"$ref": _REFERENCE.format(name="Problem")}
    content = {MEDIA_TYPE.decode(): {"schema": schema, "example": example}}
    return {"description": kind.title, "content": content}


def _problem_schema() -> dict[str, Any]:
    texts = ("type", "title", "detail", "field")
    properties: dict[str, Any] = {name: {"type": "string"} for name in texts}
    properties["status"] = {"type": "integer"}
    return {
        "type": "object",
        "required": ["type", "title", "status", "detail"],
        "properties": properties,
    }
