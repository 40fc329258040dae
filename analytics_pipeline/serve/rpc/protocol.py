"""JSON-RPC 2.0: one request or a batch, answered in order.

Belongs here: what a request looks like, and the limits of a batch. Does not belong here: HTTP
(`route`), or what the methods do (`methods`).
"""

import logging
from collections.abc import Callable
from typing import Any, Final

import msgspec

from analytics_pipeline.core.canonical import check_depth
from analytics_pipeline.core.errors import InvalidInput
from analytics_pipeline.serve.rpc.errors import (
    InternalError,
    InvalidParams,
    InvalidRequest,
    LimitExceeded,
    ParseError,
    RpcError,
)

MAX_BATCH: Final = 100
#: Answers of a batch beyond this are errors.
MAX_ANSWER_BYTES: Final = 8 * 2**20

#: The result of a method with its parameters, or RpcError.
Run = Callable[[str, list[Any]], Any]

_log = logging.getLogger(__name__)


def answer(body: bytes, run: Run) -> bytes:
    """The answer to a body; empty if it held notifications only."""
    try:
        check_depth(body, "body")  # chain libraries raise Python's own limit beyond the stack's
        request = msgspec.json.decode(body)
    except (InvalidInput, msgspec.DecodeError, UnicodeDecodeError):
        return _encode(_failure(None, ParseError("the body is not JSON in UTF-8")))
    if not isinstance(request, list):
        return _answer_one(request, run)
    if not request:
        return _encode(_failure(None, InvalidRequest("an empty batch")))
    if len(request) > MAX_BATCH:
        return _encode(_failure(None, LimitExceeded(f"at most {MAX_BATCH} requests in a batch")))
    answers: list[bytes] = []
    left = MAX_ANSWER_BYTES
    for one in request:
        given = _answer_one(one, run) if left > 0 else _too_much(one)
        if given:
            answers.append(given)
            left -= len(given)
    return b"[" + b",".join(answers) + b"]" if answers else b""


def _answer_one(request: Any, run: Run) -> bytes:
    identity = _id_of(request)
    try:
        method, params = _parse(request)
        if "id" not in request:
            return b""  # a notification: every method reads, so there is nothing to do
        return _encode({"jsonrpc": "2.0", "id": identity, "result": run(method, params)})
    except RpcError as error:
        return _encode(_failure(identity, error))
    except Exception as error:  # its message could quote the request
        _log.error("unexpected %s while answering a JSON-RPC request", type(error).__name__)
        return _encode(_failure(identity, InternalError("an unexpected error")))


def _too_much(request: Any) -> bytes:
    if isinstance(request, dict) and "id" not in request:
        return b""
    error = LimitExceeded("the answers of this batch are too long; ask for less at once")
    return _encode(_failure(_id_of(request), error))


def _parse(request: Any) -> tuple[str, list[Any]]:
    if not isinstance(request, dict):
        raise InvalidRequest("a request must be an object")
    if request.get("jsonrpc") != "2.0":
        raise InvalidRequest('jsonrpc: must be "2.0"')
    method = request.get("method")
    if not isinstance(method, str):
        raise InvalidRequest("method: must be a string")
    if "id" in request and not _is_id(request["id"]):
        raise InvalidRequest("id: must be a string, a number or null")
    params = request.get("params", [])
    if not isinstance(params, list):
        raise InvalidParams("params: must be a list, by position")
    return method, params


def _is_id(value: Any) -> bool:
    return value is None or (isinstance(value, str | int | float) and not isinstance(value, bool))


def _id_of(request: Any) -> Any:
    value = request.get("id") if isinstance(request, dict) else None
    return value if _is_id(value) else None


def _failure(identity: Any, error: RpcError) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": identity, "error": error.to_json()}


def _encode(value: Any) -> bytes:
    return msgspec.json.encode(value)
