"""A receiver of webhooks: a real HTTP server on the loopback interface that keeps what it gets and
checks signatures by itself, from the specification alone."""

import base64
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey


@dataclass(frozen=True)
class Received:
    """One call."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def event_id(self) -> str:
        return self.headers["webhook-id"]

    @property
    def document(self) -> dict[str, Any]:
        parsed: dict[str, Any] = json.loads(self.body)
        return parsed

    def is_signed_by(self, public_key: str) -> bool:
        """Whether any of the signatures is of this key (``whpk_…``)."""
        key = Ed25519PublicKey.from_public_bytes(base64.b64decode(public_key.split("_")[1]))
        signed = b".".join(
            (self.event_id.encode(), self.headers["webhook-timestamp"].encode(), self.body)
        )
        for signature in self.headers["webhook-signature"].split(" "):
            version, encoded = signature.split(",")
            try:
                assert version == "v1a"
                key.verify(base64.b64decode(encoded), signed)
            except InvalidSignature:
                continue
            return True
        return False


@dataclass
class Receiver:
    """What it got; `answer` says how it answers the n-th call (from 1): status and headers."""

    url: str = ""
    calls: list[Received] = field(default_factory=list)
    answer: Callable[[int], tuple[int, dict[str, str]]] = lambda _: (204, {})


@contextmanager
def receiving() -> Iterator[Receiver]:
    """Serve while the block runs."""
    receiver = Receiver()
    lock = threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            headers = {name.lower(): value for name, value in self.headers.items()}
            with lock:
                receiver.calls.append(Received(self.path, headers, body))
                status, more = receiver.answer(len(receiver.calls))
            self.send_response(status)
            for name, value in more.items():
                self.send_header(name, value)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Silence."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    receiver.url = f"http://127.0.0.1:{server.server_address[1]}/hook"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield receiver
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
