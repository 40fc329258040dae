"""`python -m analytics_pipeline.simulator`: simulate, write the list of videos, send the sessions.

With `--privacy high` each session is sent as the summaries of a device that counts for itself; the
API key must be of that kind.

The API key comes from the environment (ANALYTICS_API_KEY), the batch key from the API. Progress is
one JSON object a line, ``{"stage", "done", "total"}``; the last line is ``{"result": …}``.
"""

import argparse
import base64
import csv
import json
import os
import sys
from collections.abc import Iterable
from dataclasses import asdict, astuple
from pathlib import Path

import httpx
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PublicKey

from analytics_pipeline.core.day import parse_day
from analytics_pipeline.core.errors import EXPECTED, InvalidSettings, describe_error
from analytics_pipeline.core.viewer_model import HIGH
from analytics_pipeline.simulator.client import Endpoint, post_sessions
from analytics_pipeline.simulator.population import Video, build_videos
from analytics_pipeline.simulator.sessions import simulate
from analytics_pipeline.simulator.spec import SimulationSpec
from analytics_pipeline.simulator.summaries import simulate_summaries

API_KEY_VARIABLE = "ANALYTICS_API_KEY"
VIDEO_COLUMNS = ("video_id", "creator_id", "title", "duration_ms")


def load_endpoint(url: str, api_key: str) -> Endpoint:
    """Ask the API for its project and public batch key."""
    try:
        answer = httpx.get(f"{url}/api/v1/keys", timeout=10, trust_env=False)
        answer.raise_for_status()
    except httpx.HTTPError as error:
        raise InvalidSettings(
            "--endpoint", f"{url} does not answer ({type(error).__name__}); is the API up?"
        ) from None
    key = answer.json()
    public_key = X25519PublicKey.from_public_bytes(base64.b64decode(key["public_key"]))
    return Endpoint(url, key["project"], api_key, key["key_id"], public_key)


def write_videos(path: Path, videos: Iterable[Video]) -> None:
    """The list of videos as `analytics-pipeline videos import` takes it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(VIDEO_COLUMNS)
        writer.writerows(astuple(video) for video in videos)


def main(arguments: list[str] | None = None) -> int:
    """Run the simulation. Returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m analytics_pipeline.simulator", description=__doc__
    )
    parser.add_argument("--events", type=int, required=True)
    parser.add_argument("--days", type=int, required=True)
    parser.add_argument("--first-day", required=True, metavar="YYYY-MM-DD")
    parser.add_argument("--videos", type=int, default=40)
    parser.add_argument("--creators", type=int, default=8)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--privacy", choices=("standard", "high"), default="standard")
    parser.add_argument("--endpoint", required=True, metavar="URL")
    parser.add_argument("--videos-csv", type=Path, required=True, metavar="FILE")
    options = parser.parse_args(arguments)
    try:
        spec = SimulationSpec(
            first_day=parse_day(options.first_day),
            days=options.days,
            target_events=options.events,
            videos=options.videos,
            creators=options.creators,
            seed=options.seed,
        )
        write_videos(options.videos_csv, build_videos(spec))
        sessions = simulate_summaries(spec) if options.privacy == HIGH else simulate(spec)
        summary = post_sessions(
            sessions,
            load_endpoint(options.endpoint, os.environ.get(API_KEY_VARIABLE, "")),
            progress=_show,
        )
    except EXPECTED as error:
        print(describe_error(error), file=sys.stderr)
        return 1
    print(json.dumps({"result": asdict(summary)}), flush=True)
    return 0


def _show(done: int, total: int) -> None:
    print(json.dumps({"stage": "send", "done": done, "total": total}), flush=True)


if __name__ == "__main__":
    sys.exit(main())
