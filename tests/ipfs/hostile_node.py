"""An HTTP server that speaks the part of Kubo's RPC API and of the trustless gateway protocol the
store uses, and that lies, stalls, truncates and fails on request.

It stands beside the tests against real peers (`test_real_peers.py`): no real node lies on demand.
Faults are queued per endpoint and used up one request at a time: `node.faults["block/get"] =
["500", "truncate"]`; a fault written `"flip!"` stays.
"""

import json
import re
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

from analytics_pipeline.core.cid import DAG_PB, build_block
from analytics_pipeline.core.unixfs import cid_of_bytes, iter_blocks

OTHER_CID = cid_of_bytes(b"something else")


class HostileNode:
    """The node's state, open to the tests."""

    def __init__(self) -> None:
        self.blocks: dict[str, bytes] = {}
        self.pins: set[str] = set()
        self.faults: defaultdict[str, list[str]] = defaultdict(list)
        self.requests: Counter[str] = Counter()
        self.queries: list[tuple[str, dict[str, list[str]]]] = []
        self.stall_seconds = 1.0
        self.in_flight = 0
        self.most_in_flight = 0
        self.delay_seconds = 0.0
        self.url = ""
        self.lock = threading.Lock()

    def next_fault(self, endpoint: str) -> str:
        """The fault this request suffers, if any."""
        with self.lock:
            self.requests[endpoint] += 1
            queue = self.faults[endpoint]
            if not queue:
                return ""
            return queue[0].rstrip("!") if queue[0].endswith("!") else queue.pop(0)


@contextmanager
def hostile_node() -> Iterator[HostileNode]:
    """Serve on a free loopback port until the block ends."""
    node = HostileNode()

    class Handler(_Handler):
        state = node

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    node.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield node
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    state: HostileNode

    def log_message(self, format: str, *args: object) -> None:
        """Stay quiet."""

    def do_GET(self) -> None:
        """`GET /ipfs/<cid>?format=raw`."""
        cid = urlsplit(self.path).path.removeprefix("/ipfs/")
        self._serve_block("gateway", cid, missing_status=404)

    def do_POST(self) -> None:
        """`POST /api/v0/<endpoint>?arg=…`."""
        parts = urlsplit(self.path)
        endpoint, query = parts.path.removeprefix("/api/v0/"), parse_qs(parts.query)
        self.state.queries.append((endpoint, query))
        body = self._read_body()
        cid = query.get("arg", [""])[0]
        if endpoint == "block/get":
            self._serve_block(endpoint, cid, missing_status=500)
            return
        fault = self.state.next_fault(endpoint)
        if fault == "500":
            self._send(502, b"bad gateway")
        elif fault == "403":
            self._send(403, b"forbidden")
        elif fault == "stall":
            time.sleep(self.state.stall_seconds)
            self.close_connection = True
        elif fault == "garbage":
            self._send(200, b"<html>not an IPFS node</html>")
        elif fault == "empty":
            self._send(200, b"{}")
        else:
            self._answer(endpoint, cid, body, fault)

    def _answer(self, endpoint: str, cid: str, body: bytes, fault: str) -> None:
        state = self.state
        if endpoint == "add":
            for block in iter_blocks(_file_of(body)):
                state.blocks[block.cid] = block.data
            if "true" in self.path.lower().split("&pin=")[-1][:4]:
                state.pins.add(block.cid)
            self._json({"Name": "x", "Hash": OTHER_CID if fault == "wrong_cid" else block.cid})
        elif endpoint == "block/put":
            block = build_block(DAG_PB, _file_of(body))
            state.blocks[block.cid] = block.data
            self._json({"Key": OTHER_CID if fault == "wrong_cid" else block.cid, "Size": 1})
        elif endpoint == "block/stat" and cid in state.blocks:
            self._json({"Key": cid, "Size": len(state.blocks[cid])})
        elif endpoint == "pin/add" and cid in state.blocks:
            if fault != "forget":
                state.pins.add(cid)
            self._json({"Pins": [cid]})
        elif endpoint == "pin/rm" and cid in state.pins:
            state.pins.discard(cid)
            self._json({"Pins": [cid]})
        elif endpoint == "pin/ls" and (not cid or cid in state.pins):
            listed = [cid] if cid else sorted(state.pins)
            self._json({"Keys": {name: {"Type": "recursive"} for name in listed}})
        elif endpoint.startswith("pin/"):
            self._error(f"path '/ipfs/{cid}' is not pinned")
        else:
            self._error(f"block was not found locally (offline): ipld: could not find {cid}")

    def _serve_block(self, endpoint: str, cid: str, missing_status: int) -> None:
        state = self.state
        with state.lock:
            state.in_flight += 1
            state.most_in_flight = max(state.most_in_flight, state.in_flight)
        try:
            time.sleep(state.delay_seconds)
            fault, data = state.next_fault(endpoint), state.blocks.get(cid)
            if fault in ("500", "404", "302"):
                self._send(int(fault), b"no")
            elif data is None:
                self._error("ipld: could not find it", missing_status)
            else:
                self._send_faulty(data, fault)
        finally:
            with state.lock:
                state.in_flight -= 1

    def _send_faulty(self, data: bytes, fault: str) -> None:
        if fault == "flip":
            self._send(200, bytes((data[0] ^ 1,)) + data[1:])
        elif fault in ("truncate", "abort", "stall", "drip", "endless"):
            self.send_response(200)
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            self._stream(data, fault)
        else:
            self._send(200, data)

    def _stream(self, data: bytes, fault: str) -> None:
        half = data[: len(data) // 2]
        self._chunk(half)
        if fault == "truncate":  # ends cleanly; only a trailer tells
            self.wfile.write(b"0\r\nX-Stream-Error: unexpected EOF\r\n\r\n")
            return
        self.close_connection = True
        if fault == "stall":
            time.sleep(self.state.stall_seconds)
        try:
            for _ in range(1000 if fault in ("drip", "endless") else 0):
                self._chunk(b"." if fault == "drip" else b"." * 65_536)
                if fault == "drip":
                    time.sleep(0.05)
        except OSError:
            return

    def _chunk(self, data: bytes) -> None:
        self.wfile.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")
        self.wfile.flush()

    def _json(self, answer: object) -> None:
        self._send(200, json.dumps(answer).encode())

    def _error(self, message: str, status: int = 500) -> None:
        self._send(status, json.dumps({"Message": message, "Code": 0, "Type": "error"}).encode())

    def _send(self, status: int, body: bytes) -> None:
        self.send_response(status)
        if status == 302:
            self.send_header("Location", "/ipfs/elsewhere")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _read_body(self) -> bytes:
        if self.headers.get("Transfer-Encoding") != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))
        parts = []
        while size := int(self.rfile.readline(), 16):
            parts.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(parts)


def _file_of(multipart: bytes) -> bytes:
    """The one part's content of a multipart/form-data body."""
    boundary, rest = multipart.split(b"\r\n", 1)
    content = rest.split(b"\r\n\r\n", 1)[1]
    found = re.search(rb"\r\n" + re.escape(boundary), content)
    assert found is not None
    return content[: found.start()]
