"""One release as the API keeps it: its records, what became of verifying it, what its bundle says.

Belongs here: values, and the one way they are made of a verified bundle. Does not belong here:
fetching and verifying (`serve.refresh`), answers (`serve.documents`).
"""

import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import Final, Literal, cast

from analytics_pipeline.core.bundle import BundleInfo, parse_bundle_info
from analytics_pipeline.core.erasure import Receipt, parse_erasures
from analytics_pipeline.core.listing import Listing, parse_listing
from analytics_pipeline.core.manifest import parse_manifest
from analytics_pipeline.core.policy import Policy, parse_policy
from analytics_pipeline.core.proof_document import parse_proof_document
from analytics_pipeline.core.record import CommitRecord, ReleaseRecord
from analytics_pipeline.core.registry_facts import RegistryFacts
from analytics_pipeline.core.report import parse_report
from analytics_pipeline.serve.table import FigureTable, Names

Setup = Literal["development", "ignition"]

REPORT_FILE: Final = "report.json"


@dataclass(frozen=True)
class Failure:
    """Why a release is not verified: the check's number (`core.verify`), the error's name."""

    number: int
    name: str
    detail: str


@dataclass(frozen=True)
class Standing:
    """What became of verifying a release.

    ``unavailable``: its bundle could not be had (yet); nothing is known.
    """

    state: Literal["verified", "failed", "unavailable"]
    checks: int = 0
    reservations: tuple[str, ...] = ()
    error: Failure | None = None


@dataclass(frozen=True, eq=False)
class Contents:
    """What a verified bundle says."""

    info: BundleInfo
    policy: Policy
    listing: Listing
    setup: Setup
    segments: int
    receipts: tuple[Receipt, ...]
    #: what registry and chain said of the release when it was verified
    facts: RegistryFacts | None
    figures: FigureTable

    @cached_property
    def creator_of(self) -> Mapping[str, str]:
        """video_id → creator_id."""
        return {video.video_id: video.creator_id for video in self.listing.videos}


class BundleFiles:
    """The files of a bundle, byte for byte, in little memory."""

    def __init__(self, files: Mapping[str, bytes]) -> None:
        self._packed = {name: zlib.compress(data) for name, data in files.items()}

    def __contains__(self, name: object) -> bool:
        return name in self._packed

    def __getitem__(self, name: str) -> bytes:
        return zlib.decompress(self._packed[name])


@dataclass(frozen=True, eq=False)
class Released:
    """One released revision of a day.

    Args:
        commit: None if the chain has no commit of it, which cannot verify.
        files: None while the bundle could not be had.
        contents: None unless the release is verified.
    """

    record: ReleaseRecord
    commit: CommitRecord | None
    standing: Standing
    files: BundleFiles | None = None
    contents: Contents | None = None

    @property
    def day(self) -> date:
        return self.record.day

    @property
    def revision(self) -> int:
        return self.record.revision


def build_contents(
    bundle: Mapping[str, bytes], facts: RegistryFacts | None, known_names: Names | None
) -> Contents:
    """What a bundle says that was verified.

    Args:
        bundle: its files by name.
        known_names: those of another day; the same are shared.
    """
    report = parse_report(bundle[REPORT_FILE])
    policy = parse_policy(bundle["policy.json"])
    names = tuple(row.name for row in report.rows)
    shared = known_names if known_names and known_names.rows == names else Names(names)
    return Contents(
        parse_bundle_info(bundle["bundle.json"]),
        policy,
        parse_listing(bundle["catalogue.json"]),
        cast(Setup, parse_proof_document(bundle["proof.json"]).setup),
        len(parse_manifest(bundle["manifest.json"]).segments),
        parse_erasures(bundle["erasures.json"]).receipts,
        facts,
        FigureTable(report, policy, shared),
    )
