"""The OpenAPI description of the two POST routes, which bypass FastAPI's own request models.

Belongs here: words and examples for `/openapi.json`; field limits are generated from the parsers'
types. Does not belong here: behaviour. `spec/ingest.md` is the normative text.
"""

from collections.abc import Sequence
from typing import Any, Final

import msgspec
from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from analytics_pipeline.core.batch import MAX_FRAME_BYTES, BatchHeader
from analytics_pipeline.ingest.plain import MAX_PLAIN_BYTES, PlainEvent
from analytics_pipeline.web.problem import (
    FORBIDDEN,
    INVALID,
    PROBLEM_TYPE_PATH,
    RATE_LIMITED,
    TOO_LARGE,
    TOO_SLOW,
    UNAVAILABLE,
    UNKNOWN_API_KEY,
    UNSUPPORTED,
    Kind,
)

BATCHES_PATH: Final = "/api/v1/batches"
PLAIN_PATH: Final = "/api/ingest"
PLAIN_EXAMPLES: Final[dict[str, dict[str, Any]]] = {
    "play": {
        "sessionId": "s-7f3a90c2b1",
        "videoId": "big-buck-bunny",
        "eventType": "play",
        "timestamp": 1767225600000,
        "payload": {"currentTime": 0, "duration": 634.6, "startupTime": 0.412},
    },
    "complete": {
        "sessionId": "s-7f3a90c2b1",
        "videoId": "big-buck-bunny",
        "eventType": "complete",
        "timestamp": "2026-01-01T00:10:34.600Z",
        "payload": {"currentTime": 634.6},
    },
    "error": {
        "sessionId": "s-7f3a90c2b1",
        "videoId": "big-buck-bunny",
        "eventType": "error",
        "timestamp": 1767226000000,
        "payload": {"currentTime": 12.5, "provider": "ipfs", "errorCode": "MEDIA_ERR_NETWORK"},
    },
}
_RECEIPT: Final = {"batch_id": "kB1Qx0m3m0y2Xn5o5k1dYw", "accepted": True, "duplicate": False}
_POST_KINDS: Final = (
    INVALID,
    UNKNOWN_API_KEY,
    FORBIDDEN,
    TOO_SLOW,
    TOO_LARGE,
    UNSUPPORTED,
    RATE_LIMITED,
    UNAVAILABLE,
)


def build_openapi(app: FastAPI) -> dict[str, Any]:
    """FastAPI's description of the GET routes, with the POST routes added."""
    document: dict[str, Any] = get_openapi(title=app.title, version="1", routes=app.routes)
    _, schemas = msgspec.json.schema_components(
        [PlainEvent, BatchHeader], ref_template="#/components/schemas/{name}"
    )
    components = document.setdefault("components", {})
    components.setdefault("schemas", {}).update({**schemas, "Problem": _problem_schema()})
    components["securitySchemes"] = {
        "bearer": {"type": "http", "scheme": "bearer"},
        "apiKey": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
    }
    document["paths"][BATCHES_PATH] = {"post": _batches_operation()}
    document["paths"][PLAIN_PATH] = {"post": _plain_operation()}
    return document


def _batches_operation() -> dict[str, Any]:
    media_type = {
        "schema": {"type": "string", "format": "binary", "maxLength": MAX_FRAME_BYTES},
    }
    return {
        "summary": "Queue one sealed batch",
        "description": (
            "Body: header length (uint16, big-endian), header (JSON, `BatchHeader`), then the HPKE "
            "encapsulated key and ciphertext. The API key stands in the header, so that a beacon "
            "can carry it, or in an HTTP header. A batch id is taken once per project; sending it "
            "again is safe and answers `duplicate: true`. Under an API key of the viewer model "
            "`high` nothing is worked out of address or User-Agent, and the sealed events must be "
            "summaries (spec/ingest.md 6, 23)."
        ),
        "security": [{"bearer": []}, {"apiKey": []}, {}],
        "requestBody": {
            "required": True,
            "content": {"application/octet-stream": media_type, "text/plain": media_type},
        },
        "responses": _responses(_POST_KINDS),
    }


def _plain_operation() -> dict[str, Any]:
    examples = {name: {"value": value} for name, value in PLAIN_EXAMPLES.items()}
    return {
        "summary": "Queue one plain event",
        "description": (
            f"At most {MAX_PLAIN_BYTES} bytes. The event is sealed to the platform's public key "
            "before it is written anywhere. Idempotent on (sessionId, videoId, eventType, "
            "timestamp), and `complete` on (sessionId, videoId). Not with an API key of the viewer "
            "model `high` (403)."
        ),
        "security": [{"bearer": []}, {"apiKey": []}],
        "requestBody": {
            "required": True,
            "content": {
                "application/json": {
                    "schema": {"$ref": "#/components/schemas/PlainEvent"},
                    "examples": examples,
                }
            },
        },
        "responses": _responses(_POST_KINDS),
    }


def _responses(kinds: Sequence[Kind]) -> dict[str, Any]:
    receipt_schema = {
        "type": "object",
        "required": ["batch_id", "accepted", "duplicate"],
        "properties": {
            "batch_id": {"type": "string"},
            "accepted": {"const": True},
            "duplicate": {"type": "boolean"},
        },
    }
    accepted = {
        "description": "On disk, fsynced; or a replay of what already is",
        "content": {"application/json": {"schema": receipt_schema, "example": _RECEIPT}},
    }
    return {"202": accepted, **{str(kind.status): _problem_response(kind) for kind in kinds}}


def _problem_response(kind: Kind) -> dict[str, Any]:
    example = {
        "type": PROBLEM_TYPE_PATH + kind.name,
        "title": kind.title,
        "status": kind.status,
        "detail": kind.advice,
    }
    return {
        "description": kind.title,
        "content": {
            "application/problem+json": {
                "schema": {"$ref": "#/components/schemas/Problem"},
                "example": example,
            }
        },
    }


def _problem_schema() -> dict[str, Any]:
    texts = ("type", "title", "detail", "field")
    properties: dict[str, Any] = {name: {"type": "string"} for name in texts}
    properties["status"] = {"type": "integer"}
    return {
        "type": "object",
        "required": ["type", "title", "status", "detail"],
        "properties": properties,
    }
