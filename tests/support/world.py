"""The published world in memory, able to lie.

`World` plays operator, IPFS and chain: it commits, releases and hands out bundle folders, honestly
by default. Every lie is a function over one artefact, applied before the next artefact is made
from it; so the lie is consistent (CIDs, roots and heads are those of the altered bytes) unless
it is told to the finished folder. Only proofs are not real (`stand_in_proofs`): they are made of
the figures as they were drawn, whatever the report says of them. No clock, no network, no chance.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from typing import Any

from analytics_pipeline.core import canonical
from analytics_pipeline.core.bundle import BundleInfo, build_bundle, build_folder
from analytics_pipeline.core.chain_values import genesis_head
from analytics_pipeline.core.checks.proof import ProofTerms
from analytics_pipeline.core.cid import RAW, cid_of_block
from analytics_pipeline.core.circuits import Circuits
from analytics_pipeline.core.erasure import GENESIS, Erasures, Receipt, build_erasures
from analytics_pipeline.core.errors import InvalidInput
from analytics_pipeline.core.field import to_bytes32
from analytics_pipeline.core.listing import (
    ListedVideo,
    Listing,
    build_listing,
    catalogue_root,
)
from analytics_pipeline.core.manifest import (
    Manifest,
    ManifestSegment,
    build_manifest,
    counts_commitment,
)
from analytics_pipeline.core.merkle import root
from analytics_pipeline.core.policy import Policy, build_policy
from analytics_pipeline.core.proof_document import IGNITION, build_proof_document
from analytics_pipeline.core.record import (
    ChainEvidence,
    Commit,
    CommitRecord,
    Record,
    Release,
    ReleaseRecord,
    build_evidence,
)
from analytics_pipeline.core.registry_facts import RegistryFacts
from analytics_pipeline.core.report import ReportHeader, ReportRow, build_report, parse_leaves
from analytics_pipeline.core.sampler import Seed, draw_noise
from analytics_pipeline.core.statement import Place, build_statement, nonce
from analytics_pipeline.core.tally import TallyRow, build_tally
from analytics_pipeline.core.unixfs import cid_of_bytes, cid_of_directory
from tests.support.stand_in_proofs import (
    CREATOR_SLOTS,
    VIDEO_SLOTS,
    StandInVerifier,
    digest,
    made_up_element,
    stand_in_circuits,
    stand_in_document,
)

PLATFORM = "demo"
CHAIN_ID = 31337
REGISTRY = "0x5FbDB2315678afecb367f032d93F642f64180aa3"
PUBLISHER = "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266"
DAYS = (date(2026, 3, 1), date(2026, 3, 2), date(2026, 3, 3))
SMALL_POLICY = build_policy(regions=("DE", "US", "ZZ"), providers=("cdn", "ipfs"))
BEACON_DELAY = 2

Alter = Callable[[Any], Any]


def unchanged(value: Any) -> Any:
    return value


@dataclass(frozen=True)
class Lies:
    """What to alter on the way from segments to records. Defaults: nothing."""

    manifest: Alter = unchanged  # Manifest
    policy_bytes: Alter = unchanged  # policy.json
    commit: Alter = unchanged  # CommitRecord
    rows: Alter = unchanged  # list[ReportRow], before the header is made
    header: Alter = unchanged  # ReportHeader
    report_bytes: Alter = unchanged  # report.json
    info: Alter = unchanged  # BundleInfo
    catalogue: Alter = unchanged  # catalogue.json
    erasures: Alter = unchanged  # Erasures
    erasures_bytes: Alter = unchanged  # erasures.json
    beacon: Alter = unchanged  # (block, beacon), before noise is drawn from it
    proof: Alter = unchanged  # ProofDocument
    proof_bytes: Alter = unchanged  # proof.json
    bundle: Alter = unchanged  # files of the bundle directory
    release: Alter = unchanged  # ReleaseRecord
    skip_commit: bool = False
    same_block: bool = False


def small_listing(videos: int = 2, creator: str = "ana") -> Listing:
    """One creator's videos."""
    return build_listing(ListedVideo(creator, f"clip-{number}") for number in range(videos))


def small_tally(
    policy: Policy, videos: int = 2, scale: int = 1, creator: str = "ana"
) -> list[TallyRow]:
    """A complete tally: some values far above their thresholds, some zero."""
    rows = [("platform", "", metric, 500_000 * scale) for metric in policy.metrics_of("platform")]
    rows += [
        ("region", region, "viewers", 400 * i * scale)
        for i, region in enumerate(policy.regions[::-1])
    ]
    for provider in policy.providers:
        rows += [
            ("provider", provider, metric, 3_000 * scale)
            for metric in policy.metrics_of("provider")
        ]
    for name in small_listing(videos, creator).creator_ids:
        rows += [
            ("creator", name, metric, 250_000 * scale) for metric in policy.metrics_of("creator")
        ]
    for number in range(videos):
        rows += [
            ("video", f"clip-{number}", metric, 40_000 * scale * (place % 2))
            for place, metric in enumerate(policy.metrics_of("video"))
        ]
    return build_tally(rows, policy)


def small_seed(name: object) -> Seed:
    """A made-up seed."""
    return Seed(made_up_element("seed", name), made_up_element("salt", name))


def noised_rows(
    tally: Iterable[TallyRow], policy: Policy, seed: Seed | int, nonce: int = 1
) -> list[ReportRow]:
    """Report rows with the noise of a seed and a nonce."""
    tally = list(tally)
    seed = small_seed(seed) if isinstance(seed, int) else seed
    videos = sum(row.metric == "viewers" for row in tally if row.scope == "video")
    creators = {row.key for row in tally if row.scope == "creator"}
    noise = draw_noise(seed, nonce, policy, small_listing(videos, *creators))
    rows = []
    for row in tally:
        query = policy.by_row[row.scope, row.metric]
        value = row.value + noise[row[:3]]
        shown = value if value >= query.threshold else None
        rows.append(ReportRow(*row[:3], shown, query.sigma, query.error_95))
    return rows


def small_manifest(day: date, segments: int = 2) -> Manifest:
    """A manifest of made-up segments."""
    return build_manifest(
        PLATFORM,
        day,
        (
            ManifestSegment(
                f"{day}-{number:04d}",
                cid_of_block(RAW, f"{day} {number}".encode()),
                4096 * (number + 1),
                bytes([number]) * 32,
                "wrap-1",
                counts_commitment({"accepted": 10 + number}, bytes(16)),
            )
            for number in range(segments)
        ),
    )


@dataclass
class World:
    """One platform's records and bundles, in the order they were published."""

    policy: Policy = SMALL_POLICY
    platform: str = PLATFORM
    chain_id: int = CHAIN_ID
    registry: str = REGISTRY
    setup: str = IGNITION
    videos: int = 2
    creator: str = "ana"
    shards: int = 0
    beacon_delay: int = BEACON_DELAY
    records: list[Record] = field(default_factory=list)
    bundles: dict[tuple[date, int], dict[str, bytes]] = field(default_factory=dict)
    block: int = 100
    #: audience of a release, in multiples of `small_tally`; by default its revision
    scales: dict[tuple[date, int], int] = field(default_factory=dict)
    #: receipts that no release has published yet
    receipts: list[Receipt] = field(default_factory=list)
    erasure_head: bytes = GENESIS
    circuits: Circuits = field(init=False)

    def __post_init__(self) -> None:
        self.circuits = stand_in_circuits(self.policy)

    @property
    def terms(self) -> ProofTerms:
        """Whoever believes the stand-in's proofs."""
        return ProofTerms(verifier=StandInVerifier(), circuits=self.circuits)

    @property
    def place(self) -> Place:
        return Place(self.chain_id, self.registry, self.platform)

    @property
    def listing(self) -> Listing:
        return small_listing(self.videos, self.creator)

    @property
    def head(self) -> bytes:
        """What the registry holds."""
        return self.records[-1].head if self.records else self.genesis

    @property
    def genesis(self) -> bytes:
        return genesis_head(self.chain_id, self.registry, self.platform)

    def facts(self, day: date, revision: int) -> RegistryFacts:
        """What registry and chain say of a release, whatever the operator says."""
        commit = next(
            record
            for record in self.records
            if isinstance(record, CommitRecord) and (record.day, record.revision) == (day, revision)
        )
        block = commit.block_number + self.beacon_delay
        return RegistryFacts(
            beacon_delay=self.beacon_delay,
            beacon=self.randomness(block),
            beside_beacon=(self.randomness(block - 1), self.randomness(block + 1)),
            seed_commitment=to_bytes32(self.seed(day).commitment),
            verifier_codes=frozenset(
                c.verifier_code for c in self.circuits.entries if c.setup == self.setup
            ),
        )

    def chain_file(self, records: Iterable[Record] | None = None) -> bytes:
        """chain.json of all records, or of the given ones, chained anew."""
        chosen = list(self.records if records is None else records)
        head = self.genesis
        for position, record in enumerate(chosen):
            chosen[position] = replace(record, previous_head=head)
            head = chosen[position].head
        return build_evidence(ChainEvidence(*self.place, tuple(chosen)))

    def folder(self, day: date, revision: int) -> dict[str, bytes]:
        """The bundle folder a stranger would get."""
        return build_folder(self.bundles[day, revision], self.chain_file())

    # ---- the chain ------------------------------------------------------------------------------

    def randomness(self, block: int) -> bytes:
        """prevrandao of a block."""
        return digest("beacon", block)

    def beacon_of(self, commit: CommitRecord) -> tuple[int, bytes]:
        """The beacon of a commit: its block, and that block's randomness."""
        block = commit.block_number + self.beacon_delay
        self.block = max(self.block, block)
        return block, self.randomness(block)

    def next_block(self) -> dict[str, Any]:
        self.block += 1
        return {
            "previous_head": self.head,
            "block_number": self.block,
            "block_time": block_time(self.block),
            "publisher": PUBLISHER,
        }

    def append_commit(self, body: Commit) -> CommitRecord:
        return CommitRecord(**vars(body), **self.next_block())

    def append_release(self, body: Release, block: int, beacon: bytes) -> ReleaseRecord:
        return ReleaseRecord(**vars(body), beacon_block=block, beacon=beacon, **self.next_block())

    @property
    def now(self) -> datetime:
        """Time of the newest block."""
        return datetime.fromtimestamp(block_time(self.block), UTC)

    # ---- the operator ---------------------------------------------------------------------------

    def seed(self, day: date) -> Seed:
        return small_seed(day)

    def commit(self, day: date, revision: int, lies: Lies = Lies()) -> CommitRecord:
        """Commit to the day's manifest, rules, contributions, listing and seed; on chain only."""
        manifest = lies.manifest(small_manifest(day))
        body = Commit(
            day=day,
            revision=revision,
            manifest_root=manifest.root,
            policy_hash=self.policy.policy_hash,
            tally_root=to_bytes32(made_up_element("tally", day, revision)),
            catalogue_root=to_bytes32(catalogue_root(self.listing, VIDEO_SLOTS, CREATOR_SLOTS)),
            seed_commitment=to_bytes32(self.seed(day).commitment),
        )
        record: CommitRecord = lies.commit(self.append_commit(body))
        if not lies.skip_commit:
            self.records.append(record)
        return record

    def publish(self, day: date, revision: int = 1, lies: Lies = Lies()) -> None:
        """Commit, draw, prove, bundle and release one revision of a day."""
        commit = self.commit(day, revision, lies)
        block, beacon = lies.beacon(self.beacon_of(commit))
        if lies.same_block:
            self.block = commit.block_number - 1
        number = nonce(self.place, commit, block, beacon)
        scale = self.scales.get((day, revision), revision)
        tally = small_tally(self.policy, self.videos, scale, self.creator)
        drawn = noised_rows(tally, self.policy, self.seed(day), number)
        rows = lies.rows(drawn)
        header = lies.header(
            ReportHeader(
                self.platform,
                day,
                revision,
                commit.manifest_root,
                commit.policy_hash,
                self.policy.rho_nano_per_release,
                len(rows),
            )
        )
        report = lies.report_bytes(build_report(header, rows))
        root = report_root(report)
        statement = build_statement(self.place, commit, block, beacon, root, drawn)
        proof = lies.proof(stand_in_document(self.circuits, self.setup, statement, self.shards))
        earlier = [number for d, number in self.bundles if d == day]
        info = BundleInfo(
            self.platform,
            day,
            revision,
            cid_of_directory(self.bundles[day, max(earlier)]) if earlier else None,
            "late events" if earlier else "first release",
        )
        files = build_bundle(
            lies.info(info),
            catalogue=lies.catalogue(self.listing.canonical_bytes),
            erasures=lies.erasures_bytes(lies.erasures(self.erasures()).canonical_bytes),
            manifest=small_manifest(day).canonical_bytes,
            policy=lies.policy_bytes(self.policy.canonical_bytes),
            proof=lies.proof_bytes(build_proof_document(proof)),
            report=report,
        )
        bundle = self.bundles[day, revision] = lies.bundle(files)
        body = Release(
            day=day,
            revision=revision,
            report_root=root,
            report_cid=cid_of_bytes(bundle["report.json"]),
            bundle_cid=cid_of_directory(bundle),
            spend_nano_rho=self.policy.rho_nano_per_release,
            figure_sum=to_bytes32(statement.figure_sum),
        )
        self.records.append(lies.release(self.append_release(body, block, beacon)))
        self.erasure_head, self.receipts = self.erasures().head, []

    def receipt(self, day: date, **changes: Any) -> Receipt:
        """That the newest release of a day was erased now, or whatever `changes` say."""
        commits = [r for r in self.records if isinstance(r, CommitRecord) and r.day == day]
        segments = tuple(segment.segment_id for segment in small_manifest(day).segments)
        fields: dict[str, Any] = {
            "platform": self.platform,
            "day": day,
            "revision": commits[-1].revision if commits else 1,
            "manifest_root": small_manifest(day).root,
            "segments": segments,
            "data_keys": len(segments),
            "erased_at": self.now,
            "reason": "retention time of 30 days is over",
            "previous": self.erasures().head,
        }
        return Receipt(**(fields | changes))

    def erase(self, day: date) -> None:
        """Make a receipt; the next release publishes it."""
        self.receipts.append(self.receipt(day))

    def erasures(self) -> Erasures:
        """What the next release publishes."""
        return build_erasures(self.platform, self.erasure_head, self.receipts)


def block_time(block: int) -> int:
    """A block every twelve seconds."""
    return 1_772_000_000 + 12 * block


def report_root(report: bytes) -> bytes:
    """Root of a report; of bytes that are none, any root."""
    try:
        return root(parse_leaves(report))
    except InvalidInput:
        return bytes(32)


def honest_world(shards: int = 0, world: World | None = None) -> World:
    """Three days; the second has a correction, which publishes that the first was erased, and the
    third a withheld first commit. Published in `world` if one is given."""
    world = world or World(shards=shards)
    world.publish(DAYS[0])
    world.publish(DAYS[1])
    world.commit(DAYS[2], 1)
    world.publish(DAYS[2], 2)
    world.erase(DAYS[0])
    world.publish(DAYS[1], 2)
    return world


def edit_json(data: bytes, change: Callable[[Any], None]) -> bytes:
    """Canonical JSON with something changed in place."""
    value = canonical.parse(data)
    change(value)
    return canonical.encode(value)
