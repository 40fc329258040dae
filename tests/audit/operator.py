"""An operator with real sealed segments, who publishes a day honestly or with one lie in it.

Segments, keys, raw day, models, rows, roots, noise and grant are the pipeline's own. Only the
chain's records and the proof are made up (`stand_in_proofs`): an operator who lies consistently
needs no registry that refuses, and the audit must not lean on the proof.
"""

import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import Any

import polars as pl

from analytics_pipeline.core.audit_grant import Grant
from analytics_pipeline.core.budget import Caps
from analytics_pipeline.core.bundle import BundleInfo, build_bundle, build_folder
from analytics_pipeline.core.chain_values import genesis_head
from analytics_pipeline.core.circuits import MAIN, SHARD, Circuit, Circuits
from analytics_pipeline.core.erasure import GENESIS, build_erasures
from analytics_pipeline.core.field import to_bytes32
from analytics_pipeline.core.listing import ListedVideo, Listing, build_listing
from analytics_pipeline.core.manifest import Manifest
from analytics_pipeline.core.policy import DEFAULT_POLICY
from analytics_pipeline.core.proof_document import DEVELOPMENT, build_proof_document
from analytics_pipeline.core.record import (
    DEVELOPMENT_CHAIN_ID,
    ChainEvidence,
    CommitRecord,
    ReleaseRecord,
    build_evidence,
)
from analytics_pipeline.core.report import ReportHeader, parse_report
from analytics_pipeline.core.sampler import Seed
from analytics_pipeline.core.statement import Place, build_statement, nonce
from analytics_pipeline.core.tally import TallyRow, build_tally
from analytics_pipeline.core.unixfs import cid_of_bytes, cid_of_directory
from analytics_pipeline.defs.audit_grant import make_grant
from analytics_pipeline.defs.dbt_manifest import DBT, PROJECT_DIR, dbt_environ
from analytics_pipeline.defs.steps.events import load_day
from analytics_pipeline.defs.steps.inputs import load_manifest
from analytics_pipeline.defs.steps.videos import store_videos
from analytics_pipeline.defs.stores import Stores
from analytics_pipeline.proving.circuits import published_shapes
from analytics_pipeline.proving.day_proof import commit_day
from analytics_pipeline.proving.day_rows import build_day_rows
from analytics_pipeline.release.noise import draw_report
from analytics_pipeline.storage.catalogue import ensure_seeds, plan_release, store_release
from analytics_pipeline.storage.warehouse import load_mart, open_warehouse
from tests.defs.support import VIDEOS, Deployment, build_sessions
from tests.support.stand_in_proofs import digest, stand_in_document

POLICY = DEFAULT_POLICY
SHAPE = published_shapes()["small"]
VIEWERS = 40
LISTING = build_listing(ListedVideo(video.creator_id, video.video_id) for video in VIDEOS)
_REGISTRY = "0x5FbDB2315678afecb367f032d93F642f64180aa3"
_PUBLISHER = "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266"


def unchanged(value: Any) -> Any:
    return value


@dataclass(frozen=True)
class Published:
    """A bundle folder, and the circuits to believe."""

    files: dict[str, bytes]
    circuits: Circuits


@dataclass(frozen=True)
class Operator:
    """One day of real events in two segments, and its marts."""

    deployment: Deployment
    day: date
    manifest: Manifest
    contributions: pl.DataFrame
    tally: list[TallyRow]

    @classmethod
    def prepare(cls, home: Path, day: date) -> "Operator":
        """Send, seal, load and compute a day, as a deployment does."""
        deployment = Deployment.create(home)
        sessions = build_sessions(day, VIEWERS)
        deployment.send(sessions, tag="a")
        deployment.seal()
        # a later segment: other viewers, and some events of the first again
        deployment.send([*build_sessions(day, 9, seed=1), *sessions[:5]], tag="b")
        deployment.seal()
        stores = deployment.stores()
        intake = load_day(stores, day)
        assert len(intake.segment_ids) == 2
        assert intake.duplicates > 0
        _run_dbt(stores, day)
        with open_warehouse(
            stores.settings.warehouse_path, stores.warehouse_key, read_only=True
        ) as warehouse:
            contributions = load_mart(warehouse, "contributions", stores.platform, day)
            tally = load_mart(warehouse, "tally", stores.platform, day)
        manifest = load_manifest(stores, day)
        _note_release(stores, manifest)
        stores.close()
        rows = tally.select("scope", "key", "metric", "value").iter_rows()
        return cls(deployment, day, manifest, contributions, build_tally(rows, POLICY))

    @property
    def listing(self) -> Listing:
        return LISTING

    @contextmanager
    def stores(self) -> Iterator[Stores]:
        opened = self.deployment.stores()
        try:
            yield opened
        finally:
            opened.close()

    def envelope(self, cid: str) -> bytes:
        """The sealed segment, from the content store."""
        with self.stores() as stores:
            return stores.content.get(cid)

    @cached_property
    def grant(self) -> Grant:
        """The secrets of the day, as `audit grant` hands them out."""
        with self.stores() as stores:
            return make_grant(stores, self.day)

    def publish(
        self,
        *,
        contributions: Callable[[pl.DataFrame], pl.DataFrame] = unchanged,
        tally: Callable[[list[TallyRow]], list[TallyRow]] = unchanged,
        manifest: Callable[[Manifest], Manifest] = unchanged,
        listing: Listing = LISTING,
        committed_seed: Seed | None = None,
        drawn_seed: Seed | None = None,
    ) -> Published:
        """Commit, draw, prove and release; each argument is a lie, told consistently from there."""
        platform, seed = self.deployment.settings.platform, self.grant.seed
        listed = manifest(self.manifest)
        rows = build_day_rows(contributions(self.contributions), listing, POLICY)
        committed = commit_day(SHAPE, listing, rows, seed, 1)
        place = Place(DEVELOPMENT_CHAIN_ID, _REGISTRY, platform)
        commit = CommitRecord(
            day=self.day,
            revision=1,
            manifest_root=listed.root,
            policy_hash=POLICY.policy_hash,
            tally_root=to_bytes32(committed.tally_root),
            catalogue_root=to_bytes32(committed.catalogue_root),
            seed_commitment=to_bytes32((committed_seed or seed).commitment),
            previous_head=genesis_head(*place),
            **_placement(10),
        )
        beacon = digest("beacon")
        exact = build_tally(tally(self.tally), POLICY)
        header = ReportHeader(
            platform,
            self.day,
            1,
            listed.root,
            POLICY.policy_hash,
            POLICY.rho_nano_per_release,
            len(exact),
        )
        number = nonce(place, commit, 12, beacon)
        report = draw_report(exact, POLICY, header, listing, drawn_seed or seed, number)
        parsed = parse_report(report)
        statement = build_statement(place, commit, 12, beacon, parsed.root, parsed.rows)
        circuits = stand_in_for(SHAPE.name)
        proof = stand_in_document(circuits, DEVELOPMENT, statement, 0)
        bundle = build_bundle(
            BundleInfo(platform, self.day, 1, None, "first release"),
            catalogue=listing.canonical_bytes,
            erasures=build_erasures(platform, GENESIS).canonical_bytes,
            manifest=listed.canonical_bytes,
            policy=POLICY.canonical_bytes,
            proof=build_proof_document(proof),
            report=report,
        )
        release = ReleaseRecord(
            day=self.day,
            revision=1,
            report_root=parsed.root,
            report_cid=cid_of_bytes(report),
            bundle_cid=cid_of_directory(bundle),
            spend_nano_rho=POLICY.rho_nano_per_release,
            figure_sum=to_bytes32(statement.figure_sum),
            beacon_block=12,
            beacon=beacon,
            previous_head=commit.head,
            **_placement(14),
        )
        chain = build_evidence(ChainEvidence(*place, (commit, release)))
        return Published(build_folder(bundle, chain), circuits)


def stand_in_for(shape: str) -> Circuits:
    """A table with made-up keys for a real shape: stand-in proofs are of them."""

    def entry(name: str, role: str, videos: int = 0, creators: int = 0) -> Circuit:
        return Circuit(
            shape=name,
            role=role,
            policy_hash=POLICY.policy_hash,
            setup=DEVELOPMENT,
            verification_key=digest("key", name),
            verifier_code=digest("code", name),
            rows=SHAPE.rows,
            videos=videos,
            creators=creators,
        )

    main = entry(shape, MAIN, videos=SHAPE.videos, creators=SHAPE.creators)
    return Circuits((main, entry(SHAPE.name.replace("rows", "shard"), SHARD)))


def _placement(block: int) -> dict[str, Any]:
    return {"block_number": block, "block_time": 1_772_000_000 + block, "publisher": _PUBLISHER}


def _note_release(stores: Stores, manifest: Manifest) -> None:
    """Make the day's seed, and note in the catalogue that its first revision is released."""
    catalogue, platform, day = stores.catalogue, stores.platform, manifest.day
    ensure_seeds(catalogue, stores.keyring, platform, [day])
    caps = Caps.of(POLICY)
    plan_release(catalogue, platform, day, inputs_digest="00", reason="first release", caps=caps)
    store_release(
        *(catalogue, platform, day, 1),
        manifest_json=manifest.canonical_bytes,
        catalogue_json=LISTING.canonical_bytes,
        release_head="0x" + "00" * 32,
    )


def _run_dbt(stores: Stores, day: date) -> None:
    store_videos(stores)
    variables = f"{{start_day: {day}, end_day: {day}}}"
    result = subprocess.run(
        [DBT, "run", "--vars", variables],
        cwd=PROJECT_DIR,
        env={**os.environ, **dbt_environ(stores.settings)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stdout
