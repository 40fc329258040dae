"""A deployment's stores in a folder, and batches as clients seal them."""

import os
import random
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl

from analytics_pipeline.core.batch import build_payload, hpke_info, seal_payload
from analytics_pipeline.core.day import day_start_ms
from analytics_pipeline.core.viewer_model import ViewerModel
from analytics_pipeline.sealer.rounds import SealerStores
from analytics_pipeline.storage.catalogue import list_segments, open_catalogue
from analytics_pipeline.storage.ipfs import open_store
from analytics_pipeline.storage.keyring import Keyring
from analytics_pipeline.storage.public_keys import active_public_key
from analytics_pipeline.storage.queue import QueuedBatch, SqliteQueue
from analytics_pipeline.storage.segments import load_segment

DAY = date(2025, 1, 2)
NOON_MS = day_start_ms(DAY) + 43_200_000
VIEWER = "00112233445566778899aabbccddeeff"


def make_event(number: int = 0, **fields: Any) -> dict[str, Any]:
    """One valid event at noon of `DAY`; equal numbers make equal events."""
    return {
        "type": "heartbeat",
        "session_id": f"session-{number // 20:06d}",
        "video_id": f"video-{number % 7}",
        "at_ms": NOON_MS + number * 10,
        "seq": number % 20,
        "position_ms": number * 10,
        "provider": "ipfs",
        **fields,
    }


def make_summary(group: str = "g" * 22, **fields: Any) -> dict[str, Any]:
    """One valid summary of `DAY`."""
    at_ms = day_start_ms(DAY)
    summary = {"type": "summary", "session_id": group, "video_id": "v", "at_ms": at_ms}
    return {**summary, "seq": 0, "watched_ms": 1_000, **fields}


@dataclass
class Deployment:
    """All stores of a deployment below one folder."""

    home: Path
    stores: SealerStores

    @classmethod
    def create(cls, home: Path) -> "Deployment":
        keyring = Keyring.create(home / "keys")
        return cls(
            home,
            SealerStores(
                SqliteQueue(home / "queue.sqlite"),
                keyring,
                open_store(home / "ipfs"),
                open_catalogue(f"sqlite:///{home / 'catalogue.sqlite'}"),
            ),
        )

    def build_batch(
        self,
        events: Sequence[Any] | None = None,
        *,
        payload: bytes | None = None,
        project: str = "demo",
        batch_id: str | None = None,
        received_at_ms: int = NOON_MS + 60_000,
        key_id: str | None = None,
        viewer: str = VIEWER,
        viewer_model: ViewerModel = "standard",
    ) -> QueuedBatch:
        """Seal events (or raw payload bytes) to the active public key."""
        public = active_public_key(self.home / "keys")
        batch_id = batch_id or os.urandom(12).hex()
        key_id = key_id or public.key_id
        body = payload if payload is not None else build_payload(list(events or []))
        sealed = seal_payload(body, public.public_key, hpke_info(project, key_id, batch_id))
        origin = (viewer, "DE") if viewer_model == "standard" else (None, "ZZ")
        return QueuedBatch(
            *(0, project, batch_id, key_id, sealed, *origin, received_at_ms, viewer_model)
        )

    def put(self, *batches: QueuedBatch) -> None:
        assert all(self.stores.queue.put_many(batches))

    def put_events(self, *events: Any, **options: Any) -> None:
        self.put(self.build_batch(events, **options))

    def load(self, platform: str = "demo") -> pl.DataFrame:
        """All events of all segments."""
        catalogue, content, keyring, _ = self._reading()
        frames = [
            load_segment(catalogue, content, keyring, segment)
            for segment in list_segments(catalogue, platform)
        ]
        return pl.concat(frames) if frames else pl.DataFrame()

    def _reading(self) -> tuple[Any, ...]:
        stores = self.stores
        return stores.catalogue, stores.content, stores.keyring, stores.queue

    def close(self) -> None:
        self.stores.catalogue.close()
        self.stores.content.close()
        self.stores.queue.close()

    def environment(self) -> dict[str, str]:
        return {**os.environ, "ANALYTICS_HOME": str(self.home)}

    def start_sealer(self, *arguments: str, code: str | None = None) -> "subprocess.Popen[str]":
        """The real worker as a process of its own; `code` runs before it, in its process."""
        module = ["-m", "analytics_pipeline.sealer"]
        if code is not None:
            module = [
                "-c",
                f"{code}\nimport sys\nfrom analytics_pipeline.sealer.__main__ import "
                "main\nsys.exit(main(sys.argv[1:]))",
            ]
        return subprocess.Popen(
            [sys.executable, *module, *arguments],
            env=self.environment(),
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )

    def seal_once(self) -> str:
        """Run the worker until the queue is empty; returns what it printed."""
        process = self.start_sealer("--once")
        output, _ = process.communicate(timeout=120)
        assert process.returncode == 0, output
        return output


def events_of(frame: pl.DataFrame) -> list[tuple[str, int]]:
    """(session, time) of every event, sorted."""
    return sorted(frame.select("session_id", "at_ms").iter_rows())


def shuffled(items: Sequence[Any], seed: int) -> list[Any]:
    copy = list(items)
    random.Random(seed).shuffle(copy)
    return copy


Alter = Callable[[bytes], bytes]
