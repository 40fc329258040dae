"""`/rpc` as a bare ASGI endpoint: POST, CORS for every page, a page for whoever looks.

Belongs here: HTTP. No address is looked at or kept; what protects the process is that calls are
small, run one at a time, and that only so many may wait.
"""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

from analytics_pipeline.chain.embedded import EmbeddedChain
from analytics_pipeline.core.record import DEVELOPMENT_CHAIN_ID
from analytics_pipeline.serve.problems import UNAVAILABLE
from analytics_pipeline.serve.rpc.methods import (
    MAX_BATCH_GAS,
    MAX_CALL_GAS,
    MAX_LOG_BLOCKS,
    MAX_LOGS,
    METHODS,
    Methods,
)
from analytics_pipeline.serve.rpc.protocol import MAX_BATCH, answer
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
from analytics_pipeline.web.problem import INVALID, WRONG_METHOD, Problem

PATH: Final = "/rpc"
MAX_BODY_BYTES: Final = 256 * 1024
MAX_WAITING: Final = 32
_CORS: Final[HeaderList] = [(b"access-control-allow-origin", b"*")]
_PREFLIGHT: Final[HeaderList] = [
    (b"access-control-allow-methods", b"GET, POST, OPTIONS"),
    (b"access-control-allow-headers", b"content-type"),
    (b"access-control-max-age", b"86400"),
]
_PAGE: Final = f"""\
JSON-RPC of a development chain. POST requests here; this page is for people.

Whose word this is: the operator's. An embedded development chain is one file on this server.
Whoever holds the file can write another history, its randomness and its chain id included, and
nobody outside could tell. What you verify against this endpoint hangs together; it convinces nobody
that it is the only history. For that the records must stand on a public chain, and you ask a node
of your own choice.

Chain id   {DEVELOPMENT_CHAIN_ID}
Methods    {", ".join(METHODS)}
Limits     {MAX_BATCH} requests a batch
           {MAX_LOG_BLOCKS} blocks and {MAX_LOGS} events a log query
           {MAX_CALL_GAS} gas a call, of contracts that stand on the chain
           {MAX_BATCH_GAS} gas a batch
Errors     JSON-RPC 2.0 and EIP-1474

There is no method that changes anything.
""".encode()


class RpcRoute:
    """The ASGI application for one path.

    Args:
        chain_file: of an embedded chain; it may come to be later, and is never made here.
    """

    def __init__(self, chain_file: Path) -> None:
        self._chain_file = chain_file
        self._chain: EmbeddedChain | None = None
        self._waiting = 0
        # one thread of its own: a chain answers one question at a time anyway
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="rpc")

    def close(self) -> None:
        """Wait for the question that is being answered, and close the chain."""
        self._thread.shutdown(cancel_futures=True)
        if self._chain is not None:
            self._chain.close()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = list(_CORS)
        try:
            if scope["method"] == "OPTIONS":
                return await send_response(send, 204, headers + _PREFLIGHT, b"")
            if scope["method"] == "POST":
                body = await self._answer(scope, receive)
                kind = b"application/json"
            elif scope["method"] in ("GET", "HEAD"):
                body, kind = _PAGE, b"text/plain; charset=utf-8"
            else:
                raise Problem(WRONG_METHOD, "POST a JSON-RPC request")
        except ClientGone:
            return None
        except Problem as problem:
            headers += problem.headers()
            if scope["http_version"].startswith("1"):  # the body may still be arriving
                headers.append((b"connection", b"close"))
            return await send_response(send, problem.kind.status, headers, problem.body())
        headers += [(b"content-type", kind), (b"cache-control", b"no-store")]
        return await send_response(send, 200 if body else 204, headers, body)

    async def _answer(self, scope: Scope, receive: Receive) -> bytes:
        headers = build_headers(scope["headers"])
        if headers.get(b"content-encoding", b"identity").lower() != b"identity":
            raise Problem(INVALID, "is not supported here", "Content-Encoding")
        body = await read_body(headers, receive, MAX_BODY_BYTES)
        if self._waiting >= MAX_WAITING:
            raise Problem(UNAVAILABLE, f"{MAX_WAITING} requests wait", retry_after_seconds=1)
        self._waiting += 1
        try:
            loop = asyncio.get_running_loop()
            return await loop.run_in_executor(self._thread, self._ask, body)
        finally:
            self._waiting -= 1

    def _ask(self, body: bytes) -> bytes:
        if self._chain is None:
            if not self._chain_file.exists():
                raise Problem(UNAVAILABLE, "there is no chain yet", retry_after_seconds=10)
            self._chain = EmbeddedChain(self._chain_file)
        return answer(body, Methods(self._chain).run)
