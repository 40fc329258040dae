"""What every request meets first, as bare ASGI: access, rates, kept answers, files.

An answer that was given once is given again until the snapshot it came from is replaced; a figure
then costs no more than looking it up. How long an answer is true stands in its Cache-Control
(`serve.answers`). Belongs here: HTTP before and after the routes. Does not belong here: what an
answer says, and how it is kept (`serve.kept`).
"""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any, Final
from urllib.parse import parse_qs

from starlette.routing import BaseRoute, Match

from analytics_pipeline.serve.access import ANYBODY, Grant
from analytics_pipeline.serve.answers import MOMENTARY, UNKEPT
from analytics_pipeline.serve.kept import Answer, KeptAnswers, Key, gzip_etag, matches
from analytics_pipeline.serve.problems import INTERNAL, UNAVAILABLE
from analytics_pipeline.serve.service import ReadService
from analytics_pipeline.serve.snapshot import Snapshot
from analytics_pipeline.serve.static_files import StaticFile, StaticFiles
from analytics_pipeline.web.http import (
    HeaderList,
    Receive,
    Scope,
    Send,
    build_headers,
    send_response,
)
from analytics_pipeline.web.problem import NOT_FOUND, WRONG_METHOD, Problem

AsgiApp = Callable[[Scope, Receive, Send], Awaitable[None]]

#: Answers made at once; more would only make all of them, and the kept ones, wait.
MOST_AT_ONCE: Final = 4
#: Of these, exports: one takes as long as a hundred other answers, which must not wait for it.
EXPORTS_AT_ONCE: Final = 2
#: Exports that may wait for their turn.
EXPORTS_WAITING: Final = 16
_EXPORT_RETRY_SECONDS: Final = 5
_API: Final = "/api/"
_OF_THE_API: Final = ("/healthz", "/openapi.json", "/problems/")
_READS: Final = ("GET", "HEAD")
_METHODS: Final = ("GET", "HEAD", "POST", "DELETE", "OPTIONS")
_VARY: Final = (b"vary", b"Accept, Accept-Encoding, Authorization, X-API-Key")
_NO_SNIFFING: Final = (b"x-content-type-options", b"nosniff")
_OPEN: Final[HeaderList] = [
    (b"access-control-allow-origin", b"*"),
    (b"access-control-expose-headers", b"ETag, Link, Retry-After"),
    (b"cross-origin-resource-policy", b"cross-origin"),
]
_PREFLIGHT: Final[HeaderList] = [
    (b"access-control-allow-headers", b"authorization, content-type, if-none-match, x-api-key"),
    (b"access-control-max-age", b"86400"),
]

_log = logging.getLogger(__name__)


class Front:
    """The ASGI application of the process.

    Args:
        api: the routes; ``scope["state"]["grant"]`` tells them what the caller may see.
        files: the dashboard.
        plain: applications by path that get their requests as they are.
        clock: monotonic seconds.
    """

    def __init__(
        self,
        service: ReadService,
        api: Any,
        files: StaticFiles,
        plain: Mapping[str, AsgiApp],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._service = service
        self._api = api
        self._files = files
        self._plain = plain
        self._clock = clock
        self._kept = KeptAnswers()
        self._kept_of: object = None
        self._pending: dict[object, asyncio.Task[Answer]] = {}
        self._making = asyncio.Semaphore(MOST_AT_ONCE)
        self._exporting = asyncio.Semaphore(EXPORTS_AT_ONCE)
        self._exports = 0
        self._cors = _OPEN if service.access.mode == "open" else []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        path: str = scope["path"]
        if path in self._plain:
            await self._plain[path](scope, receive, send)
            return
        headers = build_headers(scope["headers"])
        try:
            await self._handle(scope, receive, send, headers)
        except Problem as problem:
            answer = [*problem.headers(), _NO_SNIFFING, *self._cors]
            if problem.kind is WRONG_METHOD:
                answer.append((b"allow", self._allowed(scope)))
            head = scope["method"] == "HEAD"
            await _send_body(send, problem.kind.status, answer, problem.body(), head=head)

    async def _handle(
        self, scope: Scope, receive: Receive, send: Send, headers: dict[bytes, bytes]
    ) -> None:
        path, method = scope["path"], scope["method"]
        if not path.startswith((_API, *_OF_THE_API)) and method in _READS:
            found = self._files.find(path, page=b"text/html" in headers.get(b"accept", b""))
            if found is not None:
                await _send_file(send, found, headers, head=method == "HEAD")
                return
        if method == "OPTIONS":
            await self._answer_options(scope, send)
            return
        grant, keyed = ANYBODY, False
        if path.startswith(_API):
            peer = scope["client"][0] if scope.get("client") else ""
            grant = self._service.access.caller(headers, peer, self._clock())
            keyed = grant.key_id is not None
        inner = {**scope, "state": {"grant": grant}}
        if method not in _READS:
            await self._pass(inner, receive, send)
            return
        answer = await self._answer(inner, headers, grant)
        private = keyed or not self._cors
        await self._send(send, answer, headers, private=private, head=method == "HEAD")

    async def _answer(self, scope: Scope, headers: dict[bytes, bytes], grant: Grant) -> Answer:
        """The answer to a GET: kept, on its way for somebody else, or made now."""
        snapshot = self._service.snapshot
        if self._kept_of is not snapshot.content:
            self._kept.clear()
            self._kept_of = snapshot.content
        accept = headers.get(b"accept", b"").lower()  # as the routes read it
        exports = accept if b"csv" in accept or b"parquet" in accept else b""
        key = (scope["path"], scope["query_string"], exports, grant.creator_id)
        kept = self._kept.get(key)
        if kept is not None and kept.made_from in (snapshot, snapshot.content):
            return kept
        same = (*key, grant)  # what is not kept may differ from key to key
        waiting = self._pending.get(same)
        if waiting is None:
            waiting = asyncio.create_task(self._make_and_keep(scope, key, snapshot))
            self._pending[same] = waiting
            waiting.add_done_callback(lambda _: self._pending.pop(same, None))
        return await asyncio.shield(waiting)

    async def _make_and_keep(self, scope: Scope, key: Key, snapshot: Snapshot) -> Answer:
        """An answer made from `snapshot` or a newer one: as the older, it is not kept too long."""
        async with self._turn(scope):
            answer = await self._make(scope)
        caching = answer.header(b"cache-control").decode()
        if answer.status == 200 and caching != UNKEPT:
            answer.made_from = snapshot if caching == MOMENTARY else snapshot.content
            self._kept.put(key, answer)
        return answer

    @asynccontextmanager
    async def _turn(self, scope: Scope) -> AsyncIterator[None]:
        """One of the places for answers being made; whether the process lives needs none.

        Raises:
            Problem: 503, too many exports wait.
        """
        if not scope["path"].startswith(_API):
            yield
            return
        if not _is_export(scope):
            async with self._making:
                yield
            return
        if self._exports >= EXPORTS_AT_ONCE + EXPORTS_WAITING:
            detail = f"{EXPORTS_WAITING} exports wait"
            raise Problem(UNAVAILABLE, detail, None, _EXPORT_RETRY_SECONDS)
        self._exports += 1
        try:
            async with self._exporting, self._making:
                yield
        finally:
            self._exports -= 1

    async def _make(self, scope: Scope) -> Answer:
        """Let the routes answer."""
        head: dict[str, Any] = {}
        body: list[bytes] = []

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": b"", "more_body": False}

        async def capture(message: Any) -> None:
            if message["type"] == "http.response.start":
                head.update(message)
            else:
                body.append(message.get("body", b""))

        try:
            await self._api({**scope, "method": "GET"}, receive, capture)
        except Exception as error:  # its message could quote the request
            _log.error("unexpected %s while handling a request", type(error).__name__)
            if not head:
                problem = Problem(INTERNAL, type(error).__name__)
                return Answer(problem.kind.status, problem.headers(), problem.body())
        headers = [(k, v) for k, v in head["headers"] if k != b"content-length"]
        return Answer(head["status"], headers, b"".join(body))

    async def _send(
        self,
        send: Send,
        answer: Answer,
        headers: dict[bytes, bytes],
        *,
        private: bool,
        head: bool,
    ) -> None:
        sent = [each for each in answer.headers if each[0] != b"cache-control"]
        sent += [_VARY, _NO_SNIFFING, *self._cors]
        caching = answer.header(b"cache-control")
        if answer.status != 200 or caching == UNKEPT.encode():
            sent.append((b"cache-control", caching or UNKEPT.encode()))
            await _send_body(send, answer.status, sent, answer.body, head=head)
            return
        sent.append((b"cache-control", (b"private, " if private else b"public, ") + caching))
        body, etag = answer.body, answer.etag
        if answer.worth_gzip and b"gzip" in headers.get(b"accept-encoding", b""):
            if not answer.is_gzipped:
                await asyncio.to_thread(answer.gzip)
            body, etag = answer.gzip(), gzip_etag(etag)
            sent.append((b"content-encoding", b"gzip"))
        sent.append((b"etag", etag))
        known = headers.get(b"if-none-match")
        if known is not None and matches(known, etag):
            await _send_not_modified(send, sent)
        else:
            await _send_body(send, 200, sent, body, head=head)

    async def _pass(self, scope: Scope, receive: Receive, send: Send) -> None:
        """A request that changes something, or one whose method is wrong."""

        async def with_headers(message: Any) -> None:
            if message["type"] == "http.response.start":
                more = [_NO_SNIFFING, *self._cors]
                if message["status"] == WRONG_METHOD.status:
                    more.append((b"allow", self._allowed(scope)))
                message = {**message, "headers": [*message["headers"], *more]}
            await send(message)

        await self._api(scope, receive, with_headers)

    async def _answer_options(self, scope: Scope, send: Send) -> None:
        allowed = self._allowed(scope)
        if allowed == b"OPTIONS":
            raise Problem(NOT_FOUND, NOT_FOUND.advice)
        headers: HeaderList = [(b"allow", allowed), _VARY]
        if self._cors:
            headers += [*self._cors, *_PREFLIGHT, (b"access-control-allow-methods", allowed)]
        await send_response(send, 204, headers, b"")

    def _allowed(self, scope: Scope) -> bytes:
        """The methods of a path."""
        routes: list[BaseRoute] = self._api.routes
        allowed = {
            method
            for method in _METHODS
            for route in routes
            if route.matches({**scope, "method": method})[0] is Match.FULL
        }
        if "GET" in allowed:
            allowed.add("HEAD")
        return ", ".join(m for m in _METHODS if m in allowed or m == "OPTIONS").encode()


def _is_export(scope: Scope) -> bool:
    """Whether a request may be answered in CSV or Parquet, which have many times as many rows."""
    accept = build_headers(scope["headers"]).get(b"accept", b"").lower()
    formats = parse_qs(scope["query_string"].decode("latin-1")).get("format", ())
    return b"csv" in accept or b"parquet" in accept or any(each != "json" for each in formats)


async def _send_file(
    send: Send, file: StaticFile, headers: dict[bytes, bytes], *, head: bool
) -> None:
    body, etag, sent = file.choose(headers.get(b"accept-encoding", b""))
    sent.append((b"etag", etag))
    known = headers.get(b"if-none-match")
    if known is not None and matches(known, etag):
        await _send_not_modified(send, sent)
    else:
        await _send_body(send, 200, sent, body, head=head)


async def _send_not_modified(send: Send, headers: HeaderList) -> None:
    """304: what the client has is still true; only what may have changed is said again."""
    kept = [each for each in headers if each[0] not in (b"content-type", b"content-encoding")]
    await send({"type": "http.response.start", "status": 304, "headers": kept})
    await send({"type": "http.response.body", "body": b""})


async def _send_body(
    send: Send, status: int, headers: HeaderList, body: bytes, *, head: bool
) -> None:
    """As `send_response`; HEAD gets the length and no body."""
    if not head:
        await send_response(send, status, headers, body)
        return
    length = (b"content-length", str(len(body)).encode())
    await send({"type": "http.response.start", "status": status, "headers": [*headers, length]})
    await send({"type": "http.response.body", "body": b""})
