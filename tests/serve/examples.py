"""``python -m tests.serve.examples``: makes the examples of `/openapi.json` again, from the sample
day. A test compares them with what the API answers."""

import json
import tempfile
from contextlib import closing
from datetime import date
from pathlib import Path
from typing import Any, Final

from analytics_pipeline.serve import openapi
from analytics_pipeline.storage.catalogue import open_catalogue
from tests.catalogue.support import new_segment, seal
from tests.serve.support import Served, WorldSources, serve_sample, serve_world
from tests.support.world import honest_world

FILE: Final = Path(openapi.__file__).with_name("examples.json")
DAY: Final = "2026-11-21"
#: path in the description → the request that its example answers
REQUESTS: Final[dict[str, str]] = {
    "/healthz": "/healthz",
    "/problems/{name}": "/problems/rate-limited",
    "/api/v1/platform": "/api/v1/platform",
    "/api/v1/platform/figures": f"/api/v1/platform/figures?from={DAY}&proofs=link",
    "/api/v1/days": f"/api/v1/days?from={DAY}",
    "/api/v1/days/{day}": f"/api/v1/days/{DAY}",
    "/api/v1/days/{day}/revisions/{revision}": f"/api/v1/days/{DAY}/revisions/1",
    "/api/v1/days/{day}/revisions/{revision}/proof": (
        f"/api/v1/days/{DAY}/revisions/1/proof?scope=platform&metric=viewers"
    ),
    "/api/v1/days/{day}/revisions/{revision}/bundle/{file}": (
        f"/api/v1/days/{DAY}/revisions/1/bundle/bundle.json"
    ),
    "/api/v1/figures": "/api/v1/figures?scope=video&metric=viewers&limit=2",
    "/api/v1/concurrency": "/api/v1/concurrency?proofs=link",
    "/api/v1/videos": "/api/v1/videos?limit=2",
    "/api/v1/videos/{video_id}": "/api/v1/videos/video-0000?proofs=link",
    "/api/v1/videos/{video_id}/retention": "/api/v1/videos/video-0000/retention?proofs=none",
    "/api/v1/creators": "/api/v1/creators?limit=2",
    "/api/v1/creators/{creator_id}": "/api/v1/creators/creator-000?proofs=none",
    "/api/v1/regions": "/api/v1/regions?limit=3",
    "/api/v1/storage-providers": "/api/v1/storage-providers?limit=1&proofs=none",
    "/api/v1/storage-providers/{provider}": "/api/v1/storage-providers/ipfs?proofs=none",
    "/api/v1/budget": "/api/v1/budget",
    "/api/v1/records": "/api/v1/records?limit=2",
}
#: as CSV too
EXPORTS: Final = ("/api/v1/figures", "/api/v1/concurrency")


def build_examples(sample: Served, world: Served) -> dict[str, dict[str, Any]]:
    """path → media type → answer. The sample day erased nothing and has no catalogue: `world` and
    a made-up day of counts stand in."""
    examples = {
        path: {"application/json": sample.json(request)} for path, request in REQUESTS.items()
    }
    for path in EXPORTS:
        csv = sample.get(path, limit=2, format="csv", scope="video", metric="viewers")
        examples[path]["text/csv"] = csv.text
    examples["/api/v1/erasures"] = {"application/json": world.json("/api/v1/erasures")}
    with closing(open_catalogue(sample.service.catalogue_location)) as catalogue:
        if not sample.json("/api/v1/operations", sample.new_key("operator"))["data"]:
            seal(catalogue, new_segment(date(2026, 11, 21)))
    operations = sample.json("/api/v1/operations", sample.new_key("operator"), limit=1)
    examples["/api/v1/operations"] = {"application/json": operations}
    return examples


def main() -> None:
    """Write the file."""
    with tempfile.TemporaryDirectory() as one, tempfile.TemporaryDirectory() as other:
        world = serve_world(WorldSources(honest_world()), Path(other))
        examples = build_examples(serve_sample(Path(one)), world)
    FILE.write_text(json.dumps(examples, indent=1, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
