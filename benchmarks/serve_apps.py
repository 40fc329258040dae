"""``python -m benchmarks.serve_apps KIND PORT FILE``: the servers that `benchmarks.serve` asks.

    api    the read API over the sample day: routes, access, kept answers as in production
    bare   granian giving the bytes of FILE, a pickled dict of path → (headers, body)

Belongs here: starting them. Does not belong here: load and figures.
"""

import pickle
import sys
import tempfile
from pathlib import Path
from typing import Any, Final

import uvloop

from analytics_pipeline.core.bundle import parse_bundle_info
from analytics_pipeline.core.checks.history import find_release
from analytics_pipeline.core.checks.proof import ProofTerms
from analytics_pipeline.core.record import parse_evidence
from analytics_pipeline.published.folder import load_folder
from analytics_pipeline.serve.access import Access
from analytics_pipeline.serve.app import build_app
from analytics_pipeline.serve.service import ReadService
from analytics_pipeline.serve.snapshot import Content, Snapshot
from analytics_pipeline.serve.verifying import verify_published
from analytics_pipeline.web.server import run_asgi

SAMPLE_DAY: Final = Path(__file__).parents[1] / "data" / "sample_day"
UNLIMITED: Final = 1_000_000


def build_service(home: Path) -> ReadService:
    """The read API's state with the sample day in it, verified but for its proof."""
    published = load_folder(SAMPLE_DAY)
    evidence = parse_evidence(published.files["chain.json"])
    info = parse_bundle_info(published.files["bundle/bundle.json"])
    _, record = find_release(evidence, info.day, info.revision, newest=True)
    released = verify_published(published, evidence, record, ProofTerms())
    content = Content(evidence.platform, evidence, {(info.day, info.revision): released})
    access = Access(home / "read_keys.json", "open", UNLIMITED)
    return ReadService(Snapshot(content, record.block_number), access, str(home / "none.sqlite"))


def build_bare(file: Path) -> Any:
    """An application that does nothing but give bytes."""
    answers: dict[bytes, tuple[list[tuple[bytes, bytes]], bytes]] = pickle.loads(file.read_bytes())

    async def app(scope: Any, receive: Any, send: Any) -> None:
        path = scope["path"].encode()
        query = scope["query_string"]
        headers, body = answers[path + b"?" + query if query else path]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    return app


def main() -> None:
    """Serve until SIGTERM."""
    kind, port, file = sys.argv[1:]
    with tempfile.TemporaryDirectory() as home:
        app = build_bare(Path(file)) if kind == "bare" else build_app(build_service(Path(home)))
        uvloop.run(run_asgi(app, "127.0.0.1", int(port)))


if __name__ == "__main__":
    main()
