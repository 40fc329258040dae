"""Step *record*: the release record on chain, and what a stranger sees of it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from analytics_pipeline.core import canonical
from analytics_pipeline.core.accounting import DELTA, NANO, published_epsilon
from analytics_pipeline.core.bundle import build_folder
from analytics_pipeline.core.errors import CommitWithheld
from analytics_pipeline.core.policy import parse_policy
from analytics_pipeline.core.record import Release as ReleaseBody
from analytics_pipeline.core.record import ReleaseRecord, build_evidence
from analytics_pipeline.core.unixfs import cid_of_bytes
from analytics_pipeline.core.verify import verify_bundle
from analytics_pipeline.core.verify_errors import CheckResult, VerificationFailed
from analytics_pipeline.defs.steps.reports import load_report
from analytics_pipeline.defs.steps.state import present, require_release
from analytics_pipeline.defs.stores import Stores
from analytics_pipeline.storage.catalogue import (
    Release,
    mark_withheld,
    spent_nano,
    store_release,
)

_COLUMNS: Final = (
    "day",
    "checks passed",
    "rows",
    "suppressed",
    "rho spent",
    f"epsilon (delta {DELTA:g})",
    "check it yourself",
)


def publish_missing(stores: Stores, days: Iterable[date]) -> list[Release]:
    """The releases of the days, each with its record on chain; missing ones go as one batch.

    Raises:
        CommitWithheld: somebody released in between, so these commits can no longer be released.
            They are marked so; running again takes the next revision.
        ChainError: the chain refused or could not be reached; running again continues.
    """
    releases = [require_release(stores, day, "bundle_cid") for day in days]
    missing = [release for release in releases if not release.released]
    try:
        sent = (
            stores.publisher.release(stores.platform, [build_body(item) for item in missing])
            if missing
            else []
        )
    except CommitWithheld:
        for item in missing:
            reason = "another release came in between"
            mark_withheld(stores.catalogue, stores.platform, item.day, item.revision, reason)
        raise
    heads = {(found.day, found.revision): found.head for found in sent}
    return [
        item
        if item.released
        else store_release(
            stores.catalogue,
            stores.platform,
            item.day,
            item.revision,
            release_head=canonical.hash_text(heads[item.day, item.revision]),
        )
        for item in releases
    ]


def build_body(release: Release) -> ReleaseBody:
    """The record's fields, from what is stored of the release."""
    return ReleaseBody(
        day=release.day,
        revision=release.revision,
        report_root=load_report(release).root,
        report_cid=cid_of_bytes(present(release.report_json)),
        bundle_cid=release.bundle_cid or "",
        spend_nano_rho=release.rho_nano,
    )


def find_record(stores: Stores, release: Release) -> ReleaseRecord | None:
    """The release's record on chain, if it has one."""
    for found in stores.registry.read_evidence(stores.platform).records:
        if isinstance(found, ReleaseRecord) and (found.day, found.revision) == (
            release.day,
            release.revision,
        ):
            return found
    return None


def is_recorded(stores: Stores, release: Release) -> bool:
    """Whether the chain has the release's record (although we may not have noted it)."""
    return find_record(stores, release) is not None


def verify_release(stores: Stores, release: Release) -> list[CheckResult]:
    """Verify a day as a stranger does: records from the chain, the bundle from IPFS by the CID
    that the record names, the head from the registry. Raises VerificationFailed."""
    evidence = stores.registry.read_evidence(stores.platform)
    found = find_record(stores, release)
    bundle = stores.content.get_directory(found.bundle_cid) if found else {}
    return verify_bundle(
        build_folder(bundle, build_evidence(evidence)),
        platform=stores.platform,
        day=release.day,
        registry_head=stores.registry.head(stores.platform),
    )


@dataclass(frozen=True)
class Verification:
    """What a stranger finds: problems, and one line a day of a Markdown table."""

    problems: list[str]
    table: str


def verify_all(stores: Stores, releases: Sequence[Release]) -> Verification:
    """Verify every release; days that do not verify name the check that failed."""
    problems = []
    lines = [f"| {' | '.join(_COLUMNS)} |", f"|{'---|' * len(_COLUMNS)}"]
    for release in releases:
        try:
            results = verify_release(stores, release)
            passed = f"{len(results)} of {len(results)}"
        except VerificationFailed as error:
            problems.append(f"{release.day}: check {error.number} {error.name}: {error}")
            passed = f"failed at {error.number}"
        rows = load_report(release).rows
        cells = [
            f"{release.day} revision {release.revision}",
            passed,
            len(rows),
            sum(row.suppressed for row in rows),
            describe_spend(stores, release),
            published_epsilon(spent_nano(stores.catalogue, stores.platform, release.day)),
            f"`{verify_command(stores, release)}`",
        ]
        lines.append(f"| {' | '.join(map(str, cells))} |")
    return Verification(problems, "\n".join(lines))


def find_problems(stores: Stores, releases: Sequence[Release]) -> list[str]:
    """Days that do not verify, with the number and name of the check that failed."""
    return verify_all(stores, releases).problems


def verify_command(stores: Stores, release: Release) -> str:
    """What anybody types to check the day."""
    return f"analytics-pipeline verify {stores.platform} {release.day}"


def describe_spend(stores: Stores, release: Release) -> str:
    """What the day has spent over all its releases, e.g. ``0.125 of 0.25``."""
    spent = spent_nano(stores.catalogue, stores.platform, release.day)
    cap = parse_policy(present(release.policy_json)).rho_nano_per_day
    return f"{spent / NANO:g} of {cap / NANO:g}"


def describe(stores: Stores, release: Release) -> Mapping[str, Any]:
    """What may be shown of a record: all of it is public."""
    found = find_record(stores, release)
    placed = {} if found is None else {"block": found.block_number, "publisher": found.publisher}
    body = build_body(release)
    return {
        "revision": release.revision,
        "report_root": canonical.hash_text(body.report_root),
        "report_cid": body.report_cid,
        "bundle_cid": body.bundle_cid,
        "spend_nano_rho": body.spend_nano_rho,
        "rho": body.spend_nano_rho / NANO,
        "epsilon": published_epsilon(body.spend_nano_rho),
        "delta": DELTA,
        "rho_of_the_day": describe_spend(stores, release),
        "head": release.release_head,
        "registry": stores.registry.address,
        "verify_with": verify_command(stores, release),
        **placed,
    }
