"""A deployment in a temporary folder: hand-made sessions through the real queue and sealer."""

import random
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from analytics_pipeline.core.batch import build_payload, hpke_info, seal_payload
from analytics_pipeline.core.budget import Caps
from analytics_pipeline.core.canonical import hash_text
from analytics_pipeline.core.cid import RAW, cid_of_block
from analytics_pipeline.core.circuits import published_circuits
from analytics_pipeline.core.day import MS_PER_DAY, day_start_ms
from analytics_pipeline.core.manifest import build_manifest
from analytics_pipeline.core.policy import DEFAULT_POLICY
from analytics_pipeline.core.proof_document import Proof
from analytics_pipeline.core.record import Commit, ReleaseRecord
from analytics_pipeline.core.record import Release as ReleaseBody
from analytics_pipeline.defs.steps import inputs, onchain_verifier
from analytics_pipeline.defs.steps.seeds import commit_seeds
from analytics_pipeline.defs.stores import Stores
from analytics_pipeline.proving.day_prover import Cost, ProofJob
from analytics_pipeline.proving.setup import DevelopmentSetup
from analytics_pipeline.sealer.rounds import RoundResult, SealerStores
from analytics_pipeline.sealer.worker import seal_waiting
from analytics_pipeline.settings import Settings, load_settings
from analytics_pipeline.storage.catalogue import (
    Video,
    open_catalogue,
    plan_release,
    put_videos,
    store_release,
)
from analytics_pipeline.storage.ipfs import open_store
from analytics_pipeline.storage.keyring import Keyring
from analytics_pipeline.storage.public_keys import active_public_key
from analytics_pipeline.storage.queue import QueuedBatch, SqliteQueue
from analytics_pipeline.storage.warehouse import open_warehouse
from tests.support.stand_in_proofs import StandInVerifier, stand_in_proof

VIDEOS = [
    Video(f"video-{number}", f"creator-{number % 2}", f"Video {number}", 120_000)
    for number in range(4)
]
TODAY = datetime.now(UTC).date()
DAYS = [TODAY - timedelta(days=back) for back in (3, 2, 1)]


@dataclass
class Deployment:
    """Settings of a fresh state folder with keys and videos, and ways to fill it."""

    settings: Settings

    @classmethod
    def create(cls, home: Path, **environ: str) -> "Deployment":
        settings = load_settings({"ANALYTICS_HOME": str(home), **environ})
        home.mkdir(parents=True, exist_ok=True)
        Keyring.create(settings.keys_dir)
        catalogue = open_catalogue(settings.catalogue_location)
        put_videos(catalogue, settings.platform, VIDEOS)
        catalogue.close()
        return cls(settings)

    def stores(self) -> Stores:
        return Stores(self.settings)

    def send(self, batches: list[tuple[str, list[dict[str, Any]]]], *, tag: str = "a") -> None:
        """Queue one sealed batch per (viewer, events)."""
        entry = active_public_key(self.settings.keys_dir)
        queue = SqliteQueue(self.settings.queue_path)
        queued = []
        for number, (viewer, events) in enumerate(batches):
            batch_id = f"batch-{tag}-{number:08d}"
            info = hpke_info(self.settings.platform, entry.key_id, batch_id)
            queued.append(
                QueuedBatch(
                    id=0,
                    project=self.settings.platform,
                    batch_id=batch_id,
                    key_id=entry.key_id,
                    sealed=seal_payload(build_payload(events), entry.public_key, info),
                    viewer=viewer,
                    country=("DE", "US", "ZZ")[number % 3],
                    received_at_ms=max(event["at_ms"] for event in events) + 5_000,
                )
            )
        assert all(queue.put_many(queued))
        queue.close()

    def seal(self) -> RoundResult:
        """Seal everything that waits, as `python -m analytics_pipeline.sealer --once` does."""
        stores = SealerStores(
            queue=SqliteQueue(self.settings.queue_path),
            keyring=Keyring(self.settings.keys_dir),
            content=open_store(self.settings.ipfs_location),
            catalogue=open_catalogue(self.settings.catalogue_location),
        )
        return seal_waiting(stores, threading.Event())


def viewer_of(number: int, day: date) -> str:
    """A day's pseudonym: 32 hex digits."""
    return random.Random(f"{number}/{day}").randbytes(16).hex()


def build_sessions(
    day: date, viewers: int, *, seed: int = 0
) -> list[tuple[str, list[dict[str, Any]]]]:
    """(viewer, events) of one session a viewer: load, play, heartbeats, perhaps complete."""
    rng = random.Random(f"{seed}/{day}")
    return [
        (viewer_of(number, day), _session(rng, day, f"session-{seed}-{day:%Y%m%d}-{number:05d}"))
        for number in range(viewers)
    ]


def _session(rng: random.Random, day: date, session_id: str) -> list[dict[str, Any]]:
    start = day_start_ms(day) + rng.randrange(MS_PER_DAY - 600_000)
    video = rng.choice(VIDEOS)
    beats = rng.randrange(1, 13)
    provider = rng.choice(["ipfs", "arweave", "filecoin", "cdn"])

    def event(kind: str, offset_ms: int, seq: int, **extra: Any) -> dict[str, Any]:
        return {
            "type": kind,
            "session_id": session_id,
            "video_id": video.video_id,
            "at_ms": start + offset_ms,
            "seq": seq,
            "provider": provider,
            **extra,
        }

    events = [event("load", 0, 0), event("play", 400, 1, position_ms=0, startup_ms=350)]
    for beat in range(1, beats + 1):
        position = beat * 10_000
        extra = {"position_ms": position, "delivered_bytes": 1_000_000}
        events.append(event("heartbeat", 400 + position, 1 + beat, **extra))
    if beats == 12:
        events.append(event("complete", 400 + 120_100, 20, position_ms=120_000))
    return events


def all_text(folder: Path) -> bytes:
    """Every file below a folder, one after the other."""
    return b"\n".join(path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file())


def store_tally(stores: Stores, day: date, viewers: int, videos: Sequence[Video] = VIDEOS) -> None:
    """Write tally and contributions of a day on which `viewers` viewers in DE watched video-0 for
    10 s each, all at once and on their first day of the week, as dbt would: for tests of what comes
    after dbt."""
    rows = []
    policy = DEFAULT_POLICY

    def add(scope: str, key: str, **values: int) -> None:
        for metric in policy.metrics_of(scope):
            rows.append((stores.platform, day, scope, key, metric, values.get(metric, 0)))

    watched = {"viewers": viewers, "watch_seconds": 10 * viewers}
    add("platform", "", views=viewers, peak_viewers=viewers, first_of_week=viewers, **watched)
    for number, video in enumerate(videos):
        values = {**watched, "furthest_bin_01": viewers} if number == 0 else {}
        add("video", video.video_id, **values)
    for creator in sorted({video.creator_id for video in videos}):
        own = creator == VIDEOS[0].creator_id
        add("creator", creator, **({**watched, "viewers_eu": viewers} if own else {}))
    for provider in policy.providers:
        values = {"viewers": viewers, "startup_1": viewers, "rebuffer_0": viewers}
        add("provider", provider, **(values if provider == "ipfs" else {}))
    for region in policy.regions:
        add("region", region, viewers=viewers if region == "DE" else 0)
    columns = ["platform", "day", "scope", "key", "metric", "value"]
    contributions = pl.DataFrame(
        {
            "platform": stores.platform,
            "day": day,
            "viewer_number": range(1, viewers + 1),
            "video_id": VIDEOS[0].video_id,
            "country": "DE",
            "continent": "eu",
            "provider": "ipfs",
            "startup_bin": 1,
            "rebuffer_bin": 0,
            "first_of_week": True,
            "first_of_month": False,
            "at_peak": True,
            "furthest_bin": 1,
            "seconds": 10,
        },
        schema_overrides=dict.fromkeys(
            ("viewer_number", "startup_bin", "rebuffer_bin", "furthest_bin", "seconds"), pl.Int64
        ),
    )
    marts = {"tally": pl.DataFrame(rows, schema=columns, orient="row")}
    with open_warehouse(stores.settings.warehouse_path, stores.warehouse_key) as warehouse:
        warehouse.execute("CREATE SCHEMA IF NOT EXISTS warehouse.marts")
        for mart, frame in {**marts, "contributions": contributions}.items():
            table = f"warehouse.marts.{mart}"
            warehouse.register("rows", frame)
            warehouse.execute(f"CREATE TABLE IF NOT EXISTS {table} AS FROM rows WITH NO DATA")
            warehouse.execute(f"DELETE FROM {table} WHERE day = $1", [day])
            warehouse.execute(f"INSERT INTO {table} FROM rows")
            warehouse.unregister("rows")


def record_release(stores: Stores, day: date, revision: int = 1) -> ReleaseRecord:
    """Plan, commit and release a revision, in the catalogue and on chain, with a report that nobody
    drew: for tests of the ledger, and of runs that meet another one's release."""
    catalogue, platform, policy = stores.catalogue, stores.platform, inputs.POLICY
    key = (catalogue, platform, day, revision)
    caps = Caps.of(policy)
    plan_release(*key[:3], inputs_digest=str(revision), caps=caps, reason="test")
    [seed] = commit_seeds(stores, [day], ahead=-1).values()
    body = Commit(day, revision, bytes(32), policy.policy_hash, bytes(32), bytes(32), seed)
    [commit] = stores.publisher.commit(platform, [body])
    stores.publisher.beacon_of(commit)
    cid = cid_of_block(RAW, f"{day} {revision}".encode())
    spend = policy.rho_nano_per_release
    release = ReleaseBody(day, revision, bytes(32), cid, cid, spend, bytes(32))
    [record] = stores.publisher.release(platform, [release])
    store_release(
        *key,
        manifest_json=build_manifest(platform, day, []).canonical_bytes,
        policy_json=policy.canonical_bytes,
        commit_head=hash_text(commit.head),
        report_json=b"{}",
        bundle_cid=cid,
        release_head=hash_text(record.head),
    )
    return record


class WithoutBb:
    """In the place of `Stores.proving`: rows, seed and report go through the real witness, which
    refuses a wrong one; only the seconds of bb are left out, so the proof proves nothing. Whole
    runs (`test_run`, `tests/e2e`) prove for real."""

    setup_kind = "development"
    verifier = StandInVerifier()

    @property
    def setup(self) -> DevelopmentSetup:
        return DevelopmentSetup(Path("nowhere"))

    @property
    def prover(self) -> "WithoutBb":
        return self

    def prepare(self, _shapes: object) -> None:
        """Nothing is needed."""

    def prove_all(
        self, jobs: Sequence[ProofJob], _progress: object = None
    ) -> tuple[list[Proof], Cost]:
        found = {circuit.shape: circuit for circuit in published_circuits().entries}
        proofs = [stand_in_proof(found[job.circuit.name], job.public_inputs) for job in jobs]
        return proofs, Cost(1, 0.0, 0)


def leave_out_bb(stores: Stores, monkeypatch: pytest.MonkeyPatch) -> None:
    """Prove with the stand-in, on a registry that has no verifier and so takes anything."""
    stores.__dict__["proving"] = WithoutBb()
    monkeypatch.setattr(onchain_verifier, "build_contracts", lambda _setup: None)
