"""The published world in memory, able to lie.

`World` plays operator, IPFS and chain: it commits, releases and hands out bundle folders, honestly
by default. Every lie is a function over one artefact, applied before the next artefact is made
from it; so the lie is consistent (CIDs, roots and heads are those of the altered bytes) unless
it is told to the finished folder. No clock, no network, no randomness beyond a fixed seed.
"""

import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any

from analytics_pipeline.core import canonical
from analytics_pipeline.core.bundle import BundleInfo, build_bundle, build_folder
from analytics_pipeline.core.chain_values import genesis_head
from analytics_pipeline.core.cid import RAW, cid_of_block
from analytics_pipeline.core.errors import InvalidInput
from analytics_pipeline.core.manifest import (
    Manifest,
    ManifestSegment,
    build_manifest,
    counts_commitment,
)
from analytics_pipeline.core.merkle import root
from analytics_pipeline.core.policy import Policy, build_policy
from analytics_pipeline.core.record import (
    ChainEvidence,
    CommitRecord,
    Record,
    ReleaseRecord,
    build_evidence,
)
from analytics_pipeline.core.report import ReportHeader, ReportRow, build_report, parse_leaves
from analytics_pipeline.core.tally import TallyRow, build_tally
from analytics_pipeline.core.unixfs import cid_of_bytes, cid_of_directory

PLATFORM = "demo"
CHAIN_ID = 31337
REGISTRY = "0x5FbDB2315678afecb367f032d93F642f64180aa3"
PUBLISHER = "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266"
DAYS = (date(2026, 3, 1), date(2026, 3, 2), date(2026, 3, 3))
SMALL_POLICY = build_policy(regions=("DE", "US", "ZZ"))

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
    bundle: Alter = unchanged  # files of the bundle directory
    release: Alter = unchanged  # ReleaseRecord
    skip_commit: bool = False
    same_block: bool = False


def small_tally(policy: Policy, videos: int = 2, scale: int = 1) -> list[TallyRow]:
    """A complete tally: some values far above their thresholds, some zero."""
    rows = [("platform", "", metric, 500_000 * scale) for metric in policy.metrics_of("platform")]
    rows += [
        ("region", region, "viewers", 400 * i * scale)
        for i, region in enumerate(policy.regions[::-1])
    ]
    rows += [("creator", "ana", metric, 250_000 * scale) for metric in policy.metrics_of("creator")]
    for number in range(videos):
        rows += [
            ("video", f"clip-{number}", metric, 40_000 * scale * (place % 2))
            for place, metric in enumerate(policy.metrics_of("video"))
        ]
    return build_tally(rows, policy)


def noised_rows(tally: Iterable[TallyRow], policy: Policy, seed: int) -> list[ReportRow]:
    """Report rows with repeatable (hence not private) noise; tests of real noise use OpenDP."""
    source = random.Random(seed)
    rows = []
    for row in tally:
        query = policy.by_row[row.scope, row.metric]
        value = round(row.value + source.gauss(0, query.sigma))
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
    records: list[Record] = field(default_factory=list)
    bundles: dict[tuple[date, int], dict[str, bytes]] = field(default_factory=dict)
    block: int = 100

    @property
    def head(self) -> bytes:
        """What the registry holds."""
        return self.records[-1].head if self.records else self.genesis

    @property
    def genesis(self) -> bytes:
        return genesis_head(CHAIN_ID, REGISTRY, self.platform)

    def chain_file(self, records: Iterable[Record] | None = None) -> bytes:
        """chain.json of all records, or of the given ones, chained anew."""
        chosen = list(self.records if records is None else records)
        head = self.genesis
        for position, record in enumerate(chosen):
            chosen[position] = replace(record, previous_head=head)
            head = chosen[position].head
        return build_evidence(ChainEvidence(CHAIN_ID, REGISTRY, self.platform, tuple(chosen)))

    def folder(self, day: date, revision: int) -> dict[str, bytes]:
        """The bundle folder a stranger would get."""
        return build_folder(self.bundles[day, revision], self.chain_file())

    def next_block(self) -> dict[str, Any]:
        self.block += 1
        return {
            "previous_head": self.head,
            "block_number": self.block,
            "block_time": 1_772_000_000 + 12 * self.block,
            "publisher": PUBLISHER,
        }

    def commit(self, day: date, revision: int, lies: Lies = Lies()) -> CommitRecord:
        """Commit to the day's manifest and the policy; on chain only."""
        manifest = lies.manifest(small_manifest(day))
        record: CommitRecord = lies.commit(
            CommitRecord(
                day=day,
                revision=revision,
                manifest_root=manifest.root,
                policy_hash=self.policy.policy_hash,
                **self.next_block(),
            )
        )
        if not lies.skip_commit:
            self.records.append(record)
        return record

    def publish(self, day: date, revision: int = 1, lies: Lies = Lies()) -> None:
        """Commit, draw, bundle and release one revision of a day."""
        commit = self.commit(day, revision, lies)
        if lies.same_block:
            self.block -= 1
        tally = small_tally(self.policy, scale=revision)
        rows = lies.rows(noised_rows(tally, self.policy, seed=day.toordinal() * 100 + revision))
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
        earlier = [number for d, number in self.bundles if d == day]
        info = BundleInfo(
            self.platform,
            day,
            revision,
            cid_of_directory(self.bundles[day, max(earlier)]) if earlier else None,
            "late events" if earlier else "first release",
        )
        policy_bytes = lies.policy_bytes(self.policy.canonical_bytes)
        manifest = small_manifest(day)
        files = build_bundle(lies.info(info), report, manifest.canonical_bytes, policy_bytes)
        bundle = lies.bundle(files)
        self.bundles[day, revision] = bundle
        self.records.append(
            lies.release(
                ReleaseRecord(
                    day=day,
                    revision=revision,
                    report_root=report_root(report),
                    report_cid=cid_of_bytes(bundle["report.json"]),
                    bundle_cid=cid_of_directory(bundle),
                    spend_nano_rho=self.policy.rho_nano_per_release,
                    **self.next_block(),
                )
            )
        )


def report_root(report: bytes) -> bytes:
    """Root of a report; of bytes that are none, any root."""
    try:
        return root(parse_leaves(report))
    except InvalidInput:
        return bytes(32)


def honest_world() -> World:
    """Three days; the second has a correction and the third a withheld first commit."""
    world = World()
    world.publish(DAYS[0])
    world.publish(DAYS[1])
    world.commit(DAYS[2], 1)
    world.publish(DAYS[2], 2)
    world.publish(DAYS[1], 2)
    return world


def edit_json(data: bytes, change: Callable[[Any], None]) -> bytes:
    """Canonical JSON with something changed in place."""
    value = canonical.parse(data)
    change(value)
    return canonical.encode(value)
