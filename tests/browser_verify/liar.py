"""A server between browser and read API that passes everything on, and lies where it is told to.

Belongs here: the proxy, and lies about what passes through it. A lie is told of every figure, so
that it does not matter which of them a page shows first.
"""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx

from analytics_pipeline.core.canonical import hash_text
from analytics_pipeline.core.report import Report, build_report, parse_report, row_proof

Json = Any
#: Headers that the proxy writes, or whose truth it cannot know.
_OURS = ("cache-control", "connection", "content-length", "date", "etag", "transfer-encoding")
#: What becomes of the answer to a GET: its path and JSON or bytes.
Alter = Callable[["Liar", str, bytes], bytes]
#: What becomes of the answer to a JSON-RPC request.
AlterRpc = Callable[[Json, Json], Json]


@dataclass
class Liar:
    """The proxy's state, open to the tests."""

    upstream: str
    url: str = ""
    alter: Alter | None = None
    alter_rpc: AlterRpc | None = None

    def __post_init__(self) -> None:
        # one for all: making one takes longer than most answers
        self.client = httpx.Client(base_url=self.upstream, timeout=30, verify=False)

    def honest(self) -> None:
        self.alter = self.alter_rpc = None

    def fetch(self, path: str) -> bytes:
        """What the real API says."""
        return self.client.get(path, headers={"Accept-Encoding": "identity"}).content


@contextmanager
def lying(upstream: str) -> Iterator[Liar]:
    """Serve on a free port until the block ends."""
    liar = Liar(upstream)
    handler = type("Handler", (_Handler,), {"liar": liar})
    with liar.client, _serving(handler) as liar.url:
        yield liar


@contextmanager
def _serving(handler: type[BaseHTTPRequestHandler]) -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()


class _Handler(BaseHTTPRequestHandler):
    liar: Liar

    def do_GET(self) -> None:
        self._pass("GET", None)

    def do_OPTIONS(self) -> None:
        self._pass("OPTIONS", None)

    def do_POST(self) -> None:
        self._pass("POST", self.rfile.read(int(self.headers["Content-Length"])))

    def _pass(self, method: str, body: bytes | None) -> None:
        kept = ("accept", "content-type", "origin", "access-control-request-method")
        headers = {name: value for name, value in self.headers.items() if name.lower() in kept}
        headers |= {"Accept-Encoding": "identity"}
        answer = self.liar.client.request(method, self.path, content=body, headers=headers)
        data = answer.content
        if method == "GET" and self.liar.alter:
            data = self.liar.alter(self.liar, self.path, data)
        if method == "POST" and body is not None and self.liar.alter_rpc:
            data = json.dumps(self.liar.alter_rpc(json.loads(body), json.loads(data))).encode()
        self.send_response(answer.status_code)
        for name, value in answer.headers.items():
            if name not in _OURS:
                self.send_header(name, value)
        self.send_header("Cache-Control", "no-store")  # or an earlier truth would be shown again
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: object) -> None:
        """Stay quiet."""


@contextmanager
def pages(html: str, policy: str) -> Iterator[str]:
    """A site of somebody else: one page, with a Content-Security-Policy."""

    class Page(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.send_header("Content-Security-Policy", policy)
            self.end_headers()
            self.wfile.write(html.encode())

        def log_message(self, format: str, *args: object) -> None:
            """Stay quiet."""

    with _serving(Page) as url:
        yield url


# ---- lies of the API -----------------------------------------------------------------------------


def each_figure(change: Callable[[Liar, Json], None]) -> Alter:
    """Change every shown figure of every JSON answer, wherever it stands."""

    def walk(liar: Liar, value: Json) -> None:
        if isinstance(value, list):
            for item in value:
                walk(liar, item)
        elif isinstance(value, dict):
            if "metric" in value and value.get("value") is not None and "proof" in value:
                change(liar, value)
            for item in value.values():
                walk(liar, item)

    def alter(liar: Liar, path: str, data: bytes) -> bytes:
        if not path.startswith("/api/") or "/bundle/" in path:
            return data
        document = json.loads(data)
        walk(liar, document)
        return json.dumps(document).encode()

    return alter


def larger(_: Liar, figure: Json) -> None:
    figure["value"] += 1000


def other_sibling(_: Liar, figure: Json) -> None:
    figure["proof"]["siblings"][-1] = "0x" + "22" * 32


def less_private(_: Liar, figure: Json) -> None:
    figure["epsilon"] = 0.01


def other_registry(_: Liar, path: str, data: bytes) -> bytes:
    """The server names a registry of its own."""
    if path != "/api/v1/platform":
        return data
    return json.dumps(json.loads(data) | {"registry": "0x" + "12" * 20}).encode()


def report_altered(_: Liar, path: str, data: bytes) -> bytes:
    return data.replace(b'"value":', b'"value":1', 1) if path.endswith("/report.json") else data


def policy_altered(_: Liar, path: str, data: bytes) -> bytes:
    return (
        data.replace(b'"rho_nano":', b'"rho_nano":9', 1) if path.endswith("policy.json") else data
    )


def withheld(_: Liar, path: str, data: bytes) -> bytes:
    """Something that is no file of the bundle, in place of the report."""
    return b"" if path.endswith("/report.json") else data


def without_newest_day(_: Liar, path: str, data: bytes) -> bytes:
    """The server keeps the newest day back, and says that the one before is the newest."""
    if not path.startswith("/api/"):
        return data
    document = json.loads(data)
    if path == "/api/v1/platform":
        document["last_day"] = "2026-03-02"
    elif path.startswith("/api/v1/figures"):
        document["data"] = [figure for figure in document["data"] if figure["day"] < "2026-03-03"]
    else:
        return data
    return json.dumps(document).encode()


def newest_day_twice(_: Liar, path: str, data: bytes) -> bytes:
    """The newest day stands in the place of the one before."""
    if not path.startswith("/api/v1/figures"):
        return data
    document = json.loads(data)
    figures = document["data"]
    document["data"] = [*figures[:-2], figures[-1], figures[-1]]
    return json.dumps(document).encode()


def two_days_swapped(_: Liar, path: str, data: bytes) -> bytes:
    """The figures of two days, each with its proof, stand in each other's place."""
    if not path.startswith("/api/v1/platform/figures"):
        return data
    document = json.loads(data)
    first, *_rest, last = document["days"]
    first["figures"], last["figures"] = last["figures"], first["figures"]
    return json.dumps(document).encode()


@cache
def _forged(report: bytes) -> Report:
    """A report with every shown figure larger, and a tree of its own."""
    honest = parse_report(report)
    rows = [
        row if row.value is None else replace(row, value=row.value + 1000) for row in honest.rows
    ]
    return parse_report(build_report(honest.header, rows))


def _forged_like(liar: Liar, day: str, revision: int) -> Report:
    return _forged(liar.fetch(f"/api/v1/days/{day}/revisions/{revision}/bundle/report.json"))


def forge(liar: Liar, figure: Json) -> None:
    """Value, path and root of the forged report."""
    report = _forged_like(liar, figure["day"], figure["revision"])
    proof = row_proof(report, figure["scope"], figure["key"], figure["metric"])
    figure["value"] += 1000
    figure["proof"] |= {
        "report_root": hash_text(proof.root),
        "siblings": [hash_text(sibling) for sibling in proof.siblings],
    }


def consistently(liar: Liar, path: str, data: bytes) -> bytes:
    """Figures, proofs and reports agree with each other, and with nothing on chain."""
    if path.endswith("/report.json"):
        report = _forged(data)
        return build_report(report.header, report.rows)
    return each_figure(forge)(liar, path, data)


# ---- lies of the node ----------------------------------------------------------------------------


def result_of(method: str, change: Callable[[Json], Json]) -> AlterRpc:
    """Another result to one method."""

    def alter(asked: Json, answer: Json) -> Json:
        if asked["method"] != method or "result" not in answer:
            return answer
        return answer | {"result": change(answer["result"])}

    return alter


def other_head(asked: Json, answer: Json) -> Json:
    """The answer to headOf, and to nothing else."""
    if asked["method"] != "eth_call" or len(asked["params"][0]["data"]) != 2 + 8 + 64:
        return answer
    return answer | {"result": "0x" + "44" * 32}


def roots_altered(logs: Json) -> Json:
    """A word of each release is another one."""
    return [log | {"data": log["data"][:-64] + "33" * 32} for log in logs]


def refused(asked: Json, answer: Json) -> Json:
    """The node answers nothing but its chain."""
    if asked["method"] == "eth_chainId":
        return answer
    error = {"code": -32000, "message": "not today"}
    return {"jsonrpc": "2.0", "id": answer["id"], "error": error}
