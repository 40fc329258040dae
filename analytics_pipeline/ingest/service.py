"""What the API does with an upload, from bytes to a durable 202.

Belongs here: the order of the checks, and the clock. Does not belong here: HTTP framing
(`ingest.routes`), formats (`core.batch`, `ingest.plain`), storage.

The numbered steps of `spec/ingest.md` stand beside the code that takes them.
"""

import secrets
import time
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from analytics_pipeline.core.batch import (
    build_payload,
    hpke_info,
    parse_frame,
    seal_payload,
)
from analytics_pipeline.core.day import day_of_ms
from analytics_pipeline.core.errors import QueueUnavailable
from analytics_pipeline.core.regions import UNKNOWN_REGION
from analytics_pipeline.core.viewer_model import HIGH
from analytics_pipeline.ingest.access import Access, sent_api_key
from analytics_pipeline.ingest.client import build_pseudonym
from analytics_pipeline.ingest.plain import check_time, parse_plain_event, plain_batch_id
from analytics_pipeline.ingest.writer import GroupWriter
from analytics_pipeline.settings import Settings
from analytics_pipeline.storage.api_keys import ApiKey
from analytics_pipeline.storage.country import SHIPPED_DATABASE, CountryDatabase
from analytics_pipeline.storage.queue import QueuedBatch, SqliteQueue
from analytics_pipeline.storage.salts import SALT_BYTES, DailySalts
from analytics_pipeline.web.addresses import TrustedProxies
from analytics_pipeline.web.limits import TokenBuckets
from analytics_pipeline.web.problem import FORBIDDEN, RATE_LIMITED, UNAVAILABLE, Problem

RETRY_AFTER_SECONDS = 2


@dataclass(frozen=True, slots=True)
class Upload:
    """One request. It carries the address and the API key, so it has no useful `repr`."""

    headers: dict[bytes, bytes] = field(repr=False)
    peer: str = field(repr=False)
    body: bytes = field(repr=False)

    @property
    def origin(self) -> str | None:
        """The Origin header, if a browser sent it."""
        value = self.headers.get(b"origin")
        return None if value is None else value.decode("latin-1")


@dataclass(frozen=True, slots=True)
class Receipt:
    """The answer to an accepted upload."""

    batch_id: str
    duplicate: bool


class IngestService:
    """The stores of the API and the two ways in. Make it inside the running event loop."""

    def __init__(self, settings: Settings) -> None:
        """Open everything; expired salts are destroyed first.

        Raises:
            InvalidSettings, KeyUnavailable, QueueUnavailable: what could not be opened.
        """
        self.started_at = time.monotonic()
        self.counters: Counter[str] = Counter()
        self.salts = DailySalts(settings.salts_dir)
        self.salts.destroy_expired(datetime.now(UTC))
        self._install_secret = self.salts.install_secret()
        self._proxies = TrustedProxies(settings.trusted_proxies)
        database = Path(settings.country_db) if settings.country_db else SHIPPED_DATABASE
        self._countries = CountryDatabase(database)
        self.access = Access(settings.keys_dir, settings.rate_limit_per_second)
        self._viewers = TokenBuckets(settings.rate_limit_per_viewer)
        self._limit_secret = secrets.token_bytes(SALT_BYTES)
        self.queue = SqliteQueue(settings.queue_path, settings.queue_max_bytes)
        self.writer = GroupWriter(self.queue)

    async def accept_frame(self, upload: Upload) -> Receipt:
        """Take a sealed batch as a browser framed it, without opening it."""
        frame = parse_frame(upload.body)  # 2
        header = frame.header
        now_seconds = time.monotonic()
        secret = sent_api_key(upload.headers, header.api_key)
        sender = self.access.authorise(secret, header.project, upload.origin, now_seconds)  # 3, 4
        self.access.check_key_id(header.key_id, now_seconds)  # 5
        return await self._store(upload, sender, header.batch_id, header.key_id, frame.sealed)

    async def accept_plain(self, upload: Upload) -> Receipt:
        """Take one plain event; it is sealed here, before anything of it can touch a disk."""
        now_seconds = time.monotonic()
        secret = sent_api_key(upload.headers)
        sender = self.access.authorise(secret, None, upload.origin, now_seconds)
        if sender.viewer_model == HIGH:
            raise Problem(FORBIDDEN, "devices count for themselves: send sealed summaries")
        event = parse_plain_event(upload.body)
        check_time(event, time.time_ns() // 1_000_000)
        key = self.access.active_key(now_seconds)
        batch_id = plain_batch_id(self._install_secret, sender.project, event)
        info = hpke_info(sender.project, key.key_id, batch_id)
        sealed = seal_payload(build_payload([event]), key.public_key, info)
        return await self._store(upload, sender, batch_id, key.key_id, sealed)

    async def _store(
        self, upload: Upload, sender: ApiKey, batch_id: str, key_id: str, sealed: bytes
    ) -> Receipt:
        project = sender.project
        received_at_ms = time.time_ns() // 1_000_000
        headers = upload.headers
        address = self._proxies.client_address(upload.peer, headers.get(b"x-forwarded-for"))
        viewer, country = None, UNKNOWN_REGION
        if sender.viewer_model == HIGH:  # 23
            visitor = build_pseudonym(self._limit_secret, project, address, b"")
        else:
            salt = self.salts.salt_of(day_of_ms(received_at_ms))
            user_agent = headers.get(b"user-agent", b"")
            visitor = viewer = build_pseudonym(salt, project, address, user_agent)
            country = self._countries.country_of(address)  # 6
        if sender.origins:  # the key stands in a page: one visitor must not use up what all share
            wait_seconds = self._viewers.take(visitor, time.monotonic())
            if wait_seconds:
                raise Problem(RATE_LIMITED, "too many requests of one viewer", None, wait_seconds)
        batch = QueuedBatch(
            0,
            project,
            batch_id,
            key_id,
            sealed,
            viewer,
            country,
            received_at_ms,
            sender.viewer_model,
        )
        try:
            new = await self.writer.put(batch)  # 7, 8
        except QueueUnavailable:
            raise Problem(
                UNAVAILABLE, "the queue is full or busy", None, RETRY_AFTER_SECONDS
            ) from None
        self.counters["accepted" if new else "duplicate"] += 1
        return Receipt(batch_id, not new)

    def keep_house(self) -> None:
        """The minute's chores: destroy expired salts, forget old replays. May block on the disk."""
        now = datetime.now(UTC)
        self.salts.destroy_expired(now)
        self.queue.forget_replays(int(now.timestamp() * 1000))

    async def close(self) -> None:
        """Store what waits, then close the files."""
        await self.writer.close()
        self.queue.close()
        self._countries.close()
