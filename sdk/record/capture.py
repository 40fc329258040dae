"""The recorder's end of the wire: takes sealed batches, opens them, gives the events back.

Belongs here: what `record.mjs` needs of an ingestion API, with a private key of its own that lives
as long as the process. Does not belong here: storing, counting, anything a real API does.

Prints one JSON line {port, key_id, public_key} when it listens. `GET /events` answers with the
events by video id, in the order they happened.
"""

import base64
import json
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import msgspec
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from analytics_pipeline.core.batch import HPKE_SUITE, hpke_info, parse_frame, parse_payload
from analytics_pipeline.core.event import Event, parse_event

KEY_ID = "recording"


class Capture:
    """Events of all batches so far, each batch once."""

    def __init__(self) -> None:
        self.private_key = X25519PrivateKey.generate()
        self.batch_ids: set[str] = set()
        self.events: dict[str, list[Event]] = {}

    def public_key(self) -> str:
        raw = self.private_key.public_key().public_bytes(
            serialization.Encoding.Raw, serialization.PublicFormat.Raw
        )
        return base64.urlsafe_b64encode(raw).decode().rstrip("=")

    def accept(self, body: bytes) -> None:
        frame = parse_frame(body)
        header = frame.header
        if header.batch_id in self.batch_ids:
            return
        info = hpke_info(header.project, header.key_id, header.batch_id)
        payload = HPKE_SUITE.decrypt(frame.sealed, self.private_key, info)
        for position, raw in enumerate(parse_payload(payload)):
            event = parse_event(raw, position=position)
            self.events.setdefault(event.video_id, []).append(event)
        self.batch_ids.add(header.batch_id)

    def as_json(self) -> bytes:
        ordered = {
            video: sorted(events, key=lambda event: event.seq)
            for video, events in self.events.items()
        }
        return msgspec.json.encode(ordered)


CAPTURE = Capture()


class Handler(BaseHTTPRequestHandler):
    """One request: a batch in, or all events out."""

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        try:
            CAPTURE.accept(body)
        except Exception as error:  # a bad batch is a bug of the SDK: show it, keep recording
            print(f"capture: {type(error).__name__}: {error}", file=sys.stderr)
            self._answer(400, b"{}")
        else:
            self._answer(202, b"{}")

    def do_GET(self) -> None:
        self._answer(200, CAPTURE.as_json())

    def _answer(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Access-Control-Allow-Origin", "*")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Requests are not worth a line each."""


def main() -> None:
    """Serve on a free port of this machine until killed."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    hello = {"port": server.server_port, "key_id": KEY_ID, "public_key": CAPTURE.public_key()}
    print(json.dumps(hello), flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
