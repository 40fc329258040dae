"""Step *record*: the release record on chain, and what a stranger sees of it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from analytics_pipeline.chain.release_facts import read_facts
from analytics_pipeline.core import canonical
from analytics_pipeline.core.accounting import DELTA, NANO, published_epsilon
from analytics_pipeline.core.budget import Caps, Window, rho
from analytics_pipeline.core.bundle import build_folder
from analytics_pipeline.core.checks.proof import ProofTerms
from analytics_pipeline.core.errors import CommitWithheld, RecordRefused
from analytics_pipeline.core.field import to_bytes32
from analytics_pipeline.core.policy import parse_policy
from analytics_pipeline.core.record import Release as ReleaseBody
from analytics_pipeline.core.record import ReleaseRecord, build_evidence
from analytics_pipeline.core.unixfs import cid_of_bytes
from analytics_pipeline.core.verify import verify_bundle
from analytics_pipeline.core.verify_errors import CheckResult, VerificationFailed
from analytics_pipeline.defs.links import chain_links, day_links
from analytics_pipeline.defs.steps.onchain_verifier import onchain_proofs
from analytics_pipeline.defs.steps.reports import load_report
from analytics_pipeline.defs.steps.state import present, require_release
from analytics_pipeline.defs.steps.statements import build_statement
from analytics_pipeline.defs.steps.tip import OVERTAKEN, is_at_tip
from analytics_pipeline.defs.stores import Stores
from analytics_pipeline.storage.catalogue import (
    Release,
    load_ledger,
    mark_withheld,
    spent_nano,
    store_release,
)

#: The verifier that counts now does not take the proof; a reorganisation took the beacon.
_FINAL: Final = {"ProofRejected", "BeaconNotRecorded"}
_COLUMNS: Final = (
    "day",
    "checks passed",
    "rows",
    "suppressed",
    "rho spent",
    f"epsilon (delta {DELTA:g})",
    "rho of 30 days",
    "epsilon",
    "check it yourself",
)


def publish_missing(stores: Stores, days: Iterable[date]) -> list[Release]:
    """The releases of the days, each with its record on chain; missing ones go as one batch.

    Raises:
        CommitWithheld: somebody released in between, so these commits can no longer be released.
            They are marked so; running again takes the next revision.
        RecordRefused: the contract refused them. If nothing can change that any more, they are
            marked so too, or they would be in the way of every later run.
        ChainError: the chain refused or could not be reached; running again continues.
    """
    releases = [require_release(stores, day, "bundle_cid") for day in days]
    missing = [release for release in releases if not release.released]
    try:
        sent = _send(stores, missing) if missing else []
    except CommitWithheld:
        for item in missing:
            if not is_at_tip(stores, item):
                mark_withheld(stores.catalogue, stores.platform, item.day, item.revision, OVERTAKEN)
        raise
    except RecordRefused as error:
        for item in missing if error.name in _FINAL else []:
            why = f"the registry refused it: {error}"
            mark_withheld(stores.catalogue, stores.platform, item.day, item.revision, why)
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


def _send(stores: Stores, releases: Sequence[Release]) -> list[ReleaseRecord]:
    bodies = [build_body(stores, release) for release in releases]
    return stores.publisher.release(stores.platform, bodies, onchain_proofs(stores, releases))


def build_body(stores: Stores, release: Release) -> ReleaseBody:
    """The record's fields, from what is stored of the release."""
    return ReleaseBody(
        day=release.day,
        revision=release.revision,
        report_root=load_report(release).root,
        report_cid=cid_of_bytes(present(release.report_json)),
        bundle_cid=release.bundle_cid or "",
        spend_nano_rho=release.rho_nano,
        figure_sum=to_bytes32(build_statement(stores, release).figure_sum),
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
    that the record names, head, rules and verifier from the registry, the proof by a verifier of
    our own. Raises VerificationFailed."""
    evidence = stores.registry.read_evidence(stores.platform)
    # as of the block the records were read at: another process may have appended since
    head = stores.registry.head(stores.platform, stores.registry.read_to(stores.platform))
    found = find_record(stores, release)
    bundle = stores.content.get_directory(found.bundle_cid) if found else {}
    return verify_bundle(
        build_folder(bundle, build_evidence(evidence)),
        platform=stores.platform,
        day=release.day,
        registry_head=head,
        registry=read_facts(stores.registry, stores.platform, found) if found else None,
        terms=ProofTerms(verifier=stores.proving.verifier, require_proof=True),
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
            _describe_window(window := fullest_30_days(stores, release)),
            published_epsilon(window.spent),
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


def fullest_30_days(stores: Stores, release: Release) -> Window:
    """What a viewer was exposed to who came on every day of 30: of all such windows with the
    release's day, the one with the least room."""
    caps = Caps.of(parse_policy(present(release.policy_json)))
    return load_ledger(stores.catalogue, stores.platform).fullest(release.day, caps, reserve=False)


def _describe_window(window: Window) -> str:
    return f"{rho(window.spent)} of {rho(window.cap)}"


def describe(stores: Stores, release: Release) -> Mapping[str, Any]:
    """What may be shown of a record: all of it is public."""
    found = find_record(stores, release)
    placed = {} if found is None else _describe_placement(stores, found)
    body = build_body(stores, release)
    day_nano = spent_nano(stores.catalogue, stores.platform, release.day)
    window = fullest_30_days(stores, release)
    return {
        "verify_with": verify_command(stores, release),
        **day_links(stores.settings, release.day, body.bundle_cid),
        **chain_links(stores.settings, stores.registry.address, placed.get("block")),
        "revision": release.revision,
        "report_root": canonical.hash_text(body.report_root),
        "report_cid": body.report_cid,
        "bundle_cid": body.bundle_cid,
        "figure_sum": canonical.hash_text(body.figure_sum),
        "spend_nano_rho": body.spend_nano_rho,
        "rho": body.spend_nano_rho / NANO,
        "epsilon": published_epsilon(body.spend_nano_rho),
        "delta": DELTA,
        "rho_of_the_day": describe_spend(stores, release),
        "epsilon_of_the_day": published_epsilon(day_nano),
        "rho_of_30_days": _describe_window(window),
        "epsilon_of_30_days": published_epsilon(window.spent),
        "fullest_30_days": str(window),
        "head": release.release_head,
        "registry": stores.registry.address,
        **placed,
    }


def _describe_placement(stores: Stores, record: ReleaseRecord) -> Mapping[str, Any]:
    """Where the record is, and on the embedded chain what it cost there, proof included; records of
    one run share a transaction."""
    placed: dict[str, Any] = {"block": record.block_number, "publisher": record.publisher}
    gas_used = getattr(stores.registry.chain, "gas_used", None)
    if gas_used is not None:
        others = stores.registry.read_evidence(stores.platform).records
        shared = sum(other.block_number == record.block_number for other in others)
        placed |= {"gas": gas_used(record.block_number) // shared, "records_in_transaction": shared}
    return placed
