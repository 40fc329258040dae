"""What the files of a folder must be, each held against bundle.json and the records.

Belongs here: checks 0 to 6, except the rows (`core.checks.rows`) and the history
(`core.checks.history`). Functions stand in the order of the checks.
"""

import datetime
import hashlib
from collections.abc import Mapping

from analytics_pipeline.core import merkle
from analytics_pipeline.core.bundle import FOLDER_FILES, BundleInfo, parse_bundle_info
from analytics_pipeline.core.canonical import hash_text
from analytics_pipeline.core.cid import DAG_PB, codec_of
from analytics_pipeline.core.errors import InvalidInput
from analytics_pipeline.core.manifest import Manifest, parse_manifest
from analytics_pipeline.core.policy import Policy, parse_policy
from analytics_pipeline.core.record import ChainEvidence, CommitRecord, ReleaseRecord
from analytics_pipeline.core.report import parse_header, parse_leaves
from analytics_pipeline.core.unixfs import cid_of_bytes, cid_of_directory
from analytics_pipeline.core.verify_errors import (
    BundleInfoMalformed,
    BundleMismatch,
    CidUnusable,
    HeaderMismatch,
    ManifestMalformed,
    ManifestMismatch,
    MissingFile,
    PolicyMismatch,
    PolicyUnsound,
    ReportMismatch,
    ReportNotCanonical,
    RootMismatch,
    UnexpectedFile,
    WrongDay,
    WrongPlatform,
    WrongRevision,
)


def verify_files(files: Mapping[str, bytes]) -> None:
    """Check 0. Raises MissingFile, UnexpectedFile."""
    for path in FOLDER_FILES:
        if path not in files:
            raise MissingFile(f"a file {path}", ", ".join(sorted(files)) or "an empty folder")
    for path in sorted(set(files) - set(FOLDER_FILES)):
        raise UnexpectedFile(f"only {', '.join(FOLDER_FILES)}", path)


def verify_subject(
    bundle_info: bytes,
    evidence: ChainEvidence,
    platform: str | None,
    day: datetime.date | None,
    revision: int | None,
) -> BundleInfo:
    """Check 1: records and bundle.json speak of what was asked for.

    Raises:
        BundleInfoMalformed, WrongPlatform, WrongDay, WrongRevision.
    """
    try:
        info = parse_bundle_info(bundle_info)
    except InvalidInput as error:
        raise BundleInfoMalformed("a bundle.json of the documented format", str(error)) from None
    wanted = platform or info.platform
    if evidence.platform != wanted:
        raise WrongPlatform(f"records of {wanted}", f"records of {evidence.platform}")
    if info.platform != wanted:
        raise WrongPlatform(f"a bundle of {wanted}", f"one of {info.platform}")
    if day is not None and info.day != day:
        raise WrongDay(f"a bundle of {day}", f"one of {info.day}")
    if revision is not None and info.revision != revision:
        raise WrongRevision(f"revision {revision}", f"revision {info.revision}")
    return info


def verify_usable_cid(release: ReleaseRecord) -> None:
    """Check 2, before anything is fetched: the contract takes any few bytes for a CID.

    Raises:
        CidUnusable.
    """
    try:
        usable = codec_of(release.bundle_cid) == DAG_PB
    except InvalidInput:
        usable = False
    if not usable:
        failure = CidUnusable(
            "the CID of a directory (CIDv1, dag-pb, sha2-256)", release.bundle_cid
        )
        failure.number = 2
        raise failure


def verify_bundle_cid(bundle: Mapping[str, bytes], release: ReleaseRecord) -> None:
    """Check 2. Raises CidUnusable, BundleMismatch; it says whether the report is altered."""
    verify_usable_cid(release)
    cid = cid_of_directory(bundle)
    if cid != release.bundle_cid:
        report_is_altered = cid_of_bytes(bundle["report.json"]) != release.report_cid
        where = "report.json" if report_is_altered else "a file other than report.json"
        raise BundleMismatch(f"bundle {release.bundle_cid}", f"{cid} ({where} differs)")


def verify_report_bytes(
    report: bytes, info: BundleInfo, commit: CommitRecord, release: ReleaseRecord
) -> tuple[bytes, ...]:
    """Check 3. Returns the leaves.

    Raises:
        ReportMismatch, ReportNotCanonical, WrongPlatform, WrongDay, WrongRevision, HeaderMismatch.
    """
    cid = cid_of_bytes(report)
    if cid != release.report_cid:
        raise ReportMismatch(f"report {release.report_cid}", cid)
    try:
        leaves = parse_leaves(report)
        header = parse_header(leaves[0])
    except InvalidInput as error:
        raise ReportNotCanonical("canonical JSON (RFC 8785) of the format", str(error)) from None
    if header.platform != info.platform:
        raise WrongPlatform(f"a report of {info.platform}", f"one of {header.platform}")
    if header.day != info.day:
        raise WrongDay(f"a report of {info.day}", f"one of {header.day}")
    if header.revision != info.revision:
        raise WrongRevision(f"a report of revision {info.revision}", f"{header.revision}")
    for field, ours, theirs in (
        ("manifest root", hash_text(commit.manifest_root), hash_text(header.manifest_root)),
        ("policy hash", hash_text(commit.policy_hash), hash_text(header.policy_hash)),
        ("spend in nano-rho", str(release.spend_nano_rho), str(header.spend_nano_rho)),
        ("number of rows", str(len(leaves) - 1), str(header.row_count)),
    ):
        if ours != theirs:
            raise HeaderMismatch(f"{field} {ours}", theirs)
    return leaves


def verify_root(leaves: tuple[bytes, ...], release: ReleaseRecord) -> None:
    """Check 4. Raises RootMismatch."""
    root = merkle.root(leaves)
    if root != release.report_root:
        raise RootMismatch(f"report root {hash_text(release.report_root)}", hash_text(root))


def verify_policy(document: bytes, commit: CommitRecord) -> Policy:
    """Check 5, first half. Raises PolicyMismatch, PolicyUnsound."""
    digest = hashlib.sha256(document).digest()
    if digest != commit.policy_hash:
        raise PolicyMismatch(f"policy {hash_text(commit.policy_hash)}", hash_text(digest))
    try:
        return parse_policy(document)
    except InvalidInput as error:
        raise PolicyUnsound("a policy whose figures follow from its bounds", str(error)) from None


def verify_manifest(document: bytes, info: BundleInfo, commit: CommitRecord) -> Manifest:
    """Check 6. Raises ManifestMalformed, WrongPlatform, WrongDay, ManifestMismatch."""
    try:
        manifest = parse_manifest(document)
    except InvalidInput as error:
        raise ManifestMalformed("a manifest.json of the documented format", str(error)) from None
    if manifest.platform != info.platform:
        raise WrongPlatform(f"a manifest of {info.platform}", f"one of {manifest.platform}")
    if manifest.day != info.day:
        raise WrongDay(f"a manifest of {info.day}", f"one of {manifest.day}")
    if manifest.root != commit.manifest_root:
        raise ManifestMismatch(
            f"manifest root {hash_text(commit.manifest_root)}", hash_text(manifest.root)
        )
    return manifest
