"""A platform's history of made-up days, as large as real ones; only its proofs prove nothing.

Records, reports, policy, manifests and statements are as released ones, so that every check but
that of the proof does its whole work. Belongs here: making it. Does not belong here: measuring
(`benchmarks.verify`).
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any, Final

from analytics_pipeline.core.bundle import (
    CHAIN_FILE,
    BundleInfo,
    build_bundle,
    history_folder,
)
from analytics_pipeline.core.cid import RAW, cid_of_block
from analytics_pipeline.core.circuits import MAIN, Circuit, build_circuits
from analytics_pipeline.core.erasure import GENESIS, build_erasures
from analytics_pipeline.core.field import MODULUS, to_bytes32
from analytics_pipeline.core.listing import ListedVideo, build_listing, catalogue_root
from analytics_pipeline.core.manifest import ManifestSegment, build_manifest
from analytics_pipeline.core.merkle import root
from analytics_pipeline.core.policy import DEFAULT_POLICY
from analytics_pipeline.core.proof_document import (
    IGNITION,
    Proof,
    ProofDocument,
    build_proof_document,
)
from analytics_pipeline.core.record import (
    ChainEvidence,
    CommitRecord,
    Record,
    ReleaseRecord,
    build_evidence,
)
from analytics_pipeline.core.report import ReportHeader, ReportRow, build_report, parse_leaves
from analytics_pipeline.core.sampler import figure_names
from analytics_pipeline.core.statement import Place, build_statement, main_inputs
from analytics_pipeline.core.unixfs import cid_of_bytes, cid_of_directory
from analytics_pipeline.published.archive import ArchiveWriter, create_archive

PLACE: Final = Place(31337, "0x5FbDB2315678afecb367f032d93F642f64180aa3", "demo")
_PUBLISHER: Final = "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266"
_FIRST: Final = date(2025, 1, 1)
_VIDEOS, _CREATORS = 40, 8
_BEACON_DELAY: Final = 132
_BLOCKS_A_DAY: Final = 7200
_PROOF_BYTES: Final = 9_700
#: Of 100 figures so many are shown.
_SHOWN: Final = 30


@dataclass(frozen=True)
class MadeUp:
    """Where the history is, as a folder and as a CAR, and the table of its circuit."""

    folder: Path
    car: Path
    circuits: Path


class _Operator:
    """Publishes one day after the other."""

    def __init__(self) -> None:
        self._source = random.Random(1)
        self._records: list[Record] = []
        self._head = ChainEvidence(*PLACE, ()).genesis
        self._listing = build_listing(
            ListedVideo(f"creator-{number % _CREATORS:02d}", f"video-{number:04d}")
            for number in range(_VIDEOS)
        )
        self.circuit = Circuit(
            shape="made-up",
            role=MAIN,
            policy_hash=DEFAULT_POLICY.policy_hash,
            setup=IGNITION,
            verification_key=self._source.randbytes(32),
            verifier_code=self._source.randbytes(32),
            rows=100_000,
            videos=64,
            creators=64,
        )

    @property
    def chain_file(self) -> bytes:
        return build_evidence(ChainEvidence(*PLACE, tuple(self._records)))

    def publish(self, number: int) -> tuple[date, dict[str, bytes]]:
        """One more day: its bundle, by name."""
        day, block = _FIRST + timedelta(days=number), 1 + number * _BLOCKS_A_DAY
        manifest = build_manifest(PLACE.platform, day, [self._segment(day)])
        commit = CommitRecord(
            day=day,
            revision=1,
            manifest_root=manifest.root,
            policy_hash=DEFAULT_POLICY.policy_hash,
            tally_root=self._element(),
            catalogue_root=to_bytes32(
                catalogue_root(self._listing, self.circuit.videos, self.circuit.creators)
            ),
            seed_commitment=self._element(),
            **self._placement(block),
        )
        self._append(commit)
        rows = list(self._rows())
        header = ReportHeader(
            PLACE.platform,
            day,
            1,
            commit.manifest_root,
            commit.policy_hash,
            DEFAULT_POLICY.rho_nano_per_release,
            len(rows),
        )
        report, beacon = build_report(header, rows), self._source.randbytes(32)
        report_root = root(parse_leaves(report))
        beacon_block = block + _BEACON_DELAY
        statement = build_statement(PLACE, commit, beacon_block, beacon, report_root, rows)
        bundle = build_bundle(
            BundleInfo(PLACE.platform, day, 1, None, "first release"),
            catalogue=self._listing.canonical_bytes,
            erasures=build_erasures(PLACE.platform, GENESIS).canonical_bytes,
            manifest=manifest.canonical_bytes,
            policy=DEFAULT_POLICY.canonical_bytes,
            proof=build_proof_document(
                ProofDocument(
                    IGNITION,
                    Proof(
                        self.circuit.shape,
                        self.circuit.verification_key,
                        main_inputs(statement),
                        self._source.randbytes(_PROOF_BYTES),
                    ),
                )
            ),
            report=report,
        )
        self._append(
            ReleaseRecord(
                day=day,
                revision=1,
                report_root=report_root,
                report_cid=cid_of_bytes(report),
                bundle_cid=cid_of_directory(bundle),
                spend_nano_rho=DEFAULT_POLICY.rho_nano_per_release,
                figure_sum=to_bytes32(statement.figure_sum),
                beacon_block=beacon_block,
                beacon=beacon,
                **self._placement(beacon_block + 1),
            )
        )
        return day, bundle

    def _append(self, record: Record) -> None:
        self._records.append(record)
        self._head = record.head

    def _placement(self, block: int) -> dict[str, Any]:
        return {
            "previous_head": self._head,
            "block_number": block,
            "block_time": 1_735_800_000 + 12 * block,
            "publisher": _PUBLISHER,
        }

    def _element(self) -> bytes:
        return to_bytes32(self._source.randrange(MODULUS))

    def _segment(self, day: date) -> ManifestSegment:
        content = self._source.randbytes(32)
        return ManifestSegment(
            f"{day}-0000", cid_of_block(RAW, content), 1 << 20, content, "wrap-1", content
        )

    def _rows(self) -> Iterator[ReportRow]:
        """Every figure of the policy, in the order of rows."""
        names = [
            name
            for query in DEFAULT_POLICY.queries
            for name in figure_names(query, DEFAULT_POLICY, self._listing)
        ]
        for scope, key, metric in sorted(names):
            query = DEFAULT_POLICY.by_row[scope, metric]
            shown = self._source.randrange(100) < _SHOWN
            value = query.threshold + self._source.randrange(10**6) if shown else None
            yield ReportRow(scope, key, metric, value, query.sigma, query.error_95)


def make_history(days: int, folder: Path) -> MadeUp:
    """Publish so many days into `folder`."""
    made = MadeUp(folder / "history", folder / "history.car", folder / "circuits.json")
    operator = _Operator()
    made.circuits.write_bytes(build_circuits([operator.circuit]))
    with create_archive(made.folder) as plain, create_archive(made.car) as car:
        for number in range(days):
            day, bundle = operator.publish(number)
            _write(plain, car, history_folder(day, 1), bundle)
        _write(plain, car, "", {CHAIN_FILE: operator.chain_file})
    return made


def _write(plain: ArchiveWriter, car: ArchiveWriter, folder: str, files: dict[str, bytes]) -> None:
    plain.write(folder, files)
    car.write(folder, files)
