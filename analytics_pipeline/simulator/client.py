"""Posts simulated sessions to an ingestion API, as browsers would.

Belongs here: batches of 20, HPKE sealing, retries with the same batch id. Does not belong here:
what is posted (`sessions`). Batch ids are derived from session ids, so posting the same simulation
again repeats its batch ids, and the API counts nothing twice.
"""

import asyncio
import base64
import hashlib
import random
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Final

import httpx
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PublicKey

from analytics_pipeline.core.batch import (
    BatchHeader,
    build_frame,
    build_payload,
    hpke_info,
    seal_payload,
)
from analytics_pipeline.core.errors import UploadFailed
from analytics_pipeline.simulator.sessions import BATCH_EVENTS, SimulatedSession

MAX_ATTEMPTS: Final = 8
FIRST_RETRY_SECONDS: Final = 0.2
MAX_RETRY_SECONDS: Final = 10.0
TIMEOUT_SECONDS: Final = 30.0

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Endpoint:
    """Where batches go and which key they are sealed to.

    Attributes:
        url: of the API, without path, e.g. ``http://127.0.0.1:8080``.
    """

    url: str
    project: str
    api_key: str
    key_id: str
    public_key: X25519PublicKey


@dataclass
class PostSummary:
    """What was sent. ``duplicates``: batches the API knew already; ``retries``: repeated posts."""

    sessions: int = 0
    batches: int = 0
    events: int = 0
    duplicates: int = 0
    retries: int = 0


def _batch_id(session_id: str, number: int) -> str:
    """128 bits that do not give the session id away: batch ids travel in the clear."""
    digest = hashlib.sha256(f"batch\n{session_id}\n{number}".encode()).digest()
    return base64.urlsafe_b64encode(digest[:16]).decode().rstrip("=")


def build_frames(session: SimulatedSession, endpoint: Endpoint) -> Iterator[tuple[bytes, int]]:
    """The session's uploads in order: (frame, number of events)."""
    for number, first in enumerate(range(0, len(session.events), BATCH_EVENTS)):
        events = list(session.events[first : first + BATCH_EVENTS])
        batch_id = _batch_id(session.session_id, number)
        header = BatchHeader(1, endpoint.project, endpoint.key_id, batch_id, endpoint.api_key)
        info = hpke_info(endpoint.project, endpoint.key_id, batch_id)
        sealed = seal_payload(build_payload(events), endpoint.public_key, info)
        yield build_frame(header, sealed), len(events)


def _pause_seconds(attempt: int, response: httpx.Response | None) -> float:
    """Doubling and jittered, but never less than a `Retry-After` asks for."""
    doubled = min(MAX_RETRY_SECONDS, FIRST_RETRY_SECONDS * (1 << attempt))
    jittered = doubled * (0.5 + random.random() / 2)  # noqa: S311 - a pause, not a secret
    asked: str = response.headers.get("Retry-After", "") if response is not None else ""
    return max(jittered, float(asked)) if asked.isdigit() else jittered


async def _post(
    client: httpx.AsyncClient, frame: bytes, headers: dict[str, str], summary: PostSummary
) -> None:
    """One batch, until it is accepted. Raises UploadFailed."""
    problem = ""
    for attempt in range(MAX_ATTEMPTS):
        response: httpx.Response | None = None
        try:
            response = await client.post("/api/v1/batches", content=frame, headers=headers)
        except httpx.TransportError as error:
            problem = type(error).__name__
        else:
            if response.status_code == 202:
                summary.duplicates += bool(response.json().get("duplicate"))
                return
            problem = f"status {response.status_code}: {response.text[:200]}"
            if response.status_code != 429 and response.status_code < 500:
                raise UploadFailed(f"the API refused a batch, {problem}")
        summary.retries += 1
        await asyncio.sleep(_pause_seconds(attempt, response))
    raise UploadFailed(f"no batch accepted in {MAX_ATTEMPTS} attempts, last {problem}")


async def post_sessions_async(
    sessions: Iterable[SimulatedSession],
    endpoint: Endpoint,
    *,
    progress: Progress | None = None,
    concurrency: int = 16,
) -> PostSummary:
    """Post all sessions; see `post_sessions`."""
    waiting = list(sessions)
    total = sum(len(session.events) for session in waiting)
    source = iter(waiting)
    summary = PostSummary()

    async def worker(client: httpx.AsyncClient) -> None:
        for session in source:
            headers = {
                "Content-Type": "text/plain",
                "User-Agent": session.viewer.user_agent,
                "X-Forwarded-For": session.viewer.address,
            }
            for frame, events in build_frames(session, endpoint):
                await _post(client, frame, headers, summary)
                summary.batches += 1
                summary.events += events
            summary.sessions += 1
            if progress is not None:
                progress(summary.events, total)

    limits = httpx.Limits(max_connections=concurrency, max_keepalive_connections=concurrency)
    async with httpx.AsyncClient(
        base_url=endpoint.url, limits=limits, timeout=TIMEOUT_SECONDS, trust_env=False
    ) as client:
        workers = [asyncio.create_task(worker(client)) for _ in range(concurrency)]
        try:
            await asyncio.gather(*workers)
        finally:
            for task in workers:
                task.cancel()
    return summary


def post_sessions(
    sessions: Iterable[SimulatedSession],
    endpoint: Endpoint,
    *,
    progress: Progress | None = None,
    concurrency: int = 16,
) -> PostSummary:
    """Post all sessions over HTTP; batches of one session in order, sessions side by side.

    Every request carries its viewer's address in ``X-Forwarded-For`` (believed only if this
    machine is among the API's trusted proxies) and its user agent.

    Args:
        progress: called after each session with (events accepted so far, events in all).
        concurrency: sessions under way at a time.
    Raises:
        UploadFailed: a batch was refused for good, or kept failing.
    """
    return asyncio.run(
        post_sessions_async(sessions, endpoint, progress=progress, concurrency=concurrency)
    )
