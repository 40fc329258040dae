"""The two POST routes as bare ASGI endpoints: CORS, receipts, problems.

Belongs here: HTTP semantics. Does not belong here: decisions, which are made in
`ingest.service`.
"""

import logging
import time
from collections.abc import Awaitable, Callable
from typing import Final

import msgspec

from analytics_pipeline.core.batch import MAX_FRAME_BYTES
from analytics_pipeline.core.errors import InvalidInput
from analytics_pipeline.ingest.plain import MAX_PLAIN_BYTES
from analytics_pipeline.ingest.service import IngestService, Receipt, Upload
from analytics_pipeline.web.http import (
    ClientGone,
    HeaderList,
    Receive,
    Scope,
    Send,
    build_headers,
    read_body,
    send_response,
)
from analytics_pipeline.web.problem import (
    INTERNAL,
    INVALID,
    TOO_LARGE,
    TOO_SLOW,
    UNSUPPORTED,
    WRONG_METHOD,
    Problem,
)

_log = logging.getLogger(__name__)

_PREFLIGHT: Final[HeaderList] = [
    (b"access-control-allow-methods", b"POST, OPTIONS"),
    (b"access-control-allow-headers", b"authorization, content-type, x-api-key"),
    (b"access-control-max-age", b"86400"),
]
#: answered while the body may still be arriving: the connection cannot be used again
_BODY_UNREAD: Final = (TOO_LARGE, TOO_SLOW, UNSUPPORTED, WRONG_METHOD)
_JSON_TYPES: Final = (b"application/json", b"text/plain")


class PostRoute:
    """An ASGI application for one path: reads the body under a limit, hands it on, answers."""

    def __init__(
        self,
        service: IngestService,
        accept: Callable[[Upload], Awaitable[Receipt]],
        max_body_bytes: int,
        media_types: tuple[bytes, ...] | None,
    ) -> None:
        """`media_types`: those accepted, None for any (beacons choose their own)."""
        self._service = service
        self._accept = accept
        self._max_body_bytes = max_body_bytes
        self._media_types = media_types

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = build_headers(scope["headers"])
        answer: HeaderList = self._cors(headers)
        try:
            if scope["method"] == "OPTIONS":
                return await send_response(send, 204, answer + _PREFLIGHT, b"")
            receipt = await self._handle(scope, headers, receive)
        except ClientGone:
            return None
        except Problem as problem:
            self._service.counters[f"refused_{problem.kind.name}"] += 1
            answer += problem.headers()
            if problem.kind in _BODY_UNREAD and scope["http_version"].startswith("1"):
                answer.append((b"connection", b"close"))
            return await send_response(send, problem.kind.status, answer, problem.body())
        answer.append((b"content-type", b"application/json"))
        body = msgspec.json.encode(
            {"batch_id": receipt.batch_id, "accepted": True, "duplicate": receipt.duplicate}
        )
        return await send_response(send, 202, answer, body)

    async def _handle(self, scope: Scope, headers: dict[bytes, bytes], receive: Receive) -> Receipt:
        """One POST. Whatever goes wrong leaves as a Problem."""
        try:
            if scope["method"] != "POST":
                raise Problem(WRONG_METHOD, "POST here")
            self._check_media_type(headers)
            body = await read_body(headers, receive, self._max_body_bytes)  # 1
            return await self._accept(Upload(headers, scope["client"][0], body))
        except InvalidInput as error:
            raise Problem(INVALID, error.problem, error.field) from None
        except (Problem, ClientGone):
            raise
        except Exception as error:  # its message could quote the request
            _log.error("unexpected %s while handling a request", type(error).__name__)
            raise Problem(INTERNAL, "an unexpected error; the operator's log names it") from None

    def _check_media_type(self, headers: dict[bytes, bytes]) -> None:
        if headers.get(b"content-encoding", b"identity").lower() != b"identity":
            raise Problem(UNSUPPORTED, "Content-Encoding is not supported", "Content-Encoding")
        media_type = headers.get(b"content-type", b"").partition(b";")[0].strip().lower()
        if self._media_types and media_type and media_type not in self._media_types:
            raise Problem(UNSUPPORTED, "send application/json", "Content-Type")

    def _cors(self, headers: dict[bytes, bytes]) -> HeaderList:
        origin = headers.get(b"origin")
        if origin is None:
            return []
        answer: HeaderList = [(b"vary", b"Origin")]
        if self._service.access.knows_origin(origin.decode("latin-1"), time.monotonic()):
            answer.append((b"access-control-allow-origin", origin))
            answer.append((b"access-control-expose-headers", b"Retry-After"))
        return answer


def batches_route(service: IngestService) -> PostRoute:
    """``POST /api/v1/batches``."""
    return PostRoute(service, service.accept_frame, MAX_FRAME_BYTES, None)


def plain_route(service: IngestService) -> PostRoute:
    """``POST /api/ingest``."""
    return PostRoute(service, service.accept_plain, MAX_PLAIN_BYTES, _JSON_TYPES)
