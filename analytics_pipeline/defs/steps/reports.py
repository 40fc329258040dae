"""Step *release*: the beacon is had, and noise follows from it and the seed: once per revision."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Any

from analytics_pipeline.core.canonical import hash_text
from analytics_pipeline.core.errors import (
    BeaconExpired,
    CommitWithheld,
    InvalidInput,
    ReleaseConflict,
    ReleaseError,
)
from analytics_pipeline.core.listing import parse_listing
from analytics_pipeline.core.manifest import parse_manifest
from analytics_pipeline.core.policy import parse_policy
from analytics_pipeline.core.record import CommitRecord
from analytics_pipeline.core.report import Report, ReportHeader, parse_report
from analytics_pipeline.core.unixfs import cid_of_bytes
from analytics_pipeline.defs.steps.inputs import DayInputs, load_inputs
from analytics_pipeline.defs.steps.state import present, require_release
from analytics_pipeline.defs.steps.statements import build_nonce
from analytics_pipeline.defs.steps.tip import OVERTAKEN, is_at_tip
from analytics_pipeline.defs.stores import Stores
from analytics_pipeline.release.noise import draw_report
from analytics_pipeline.storage.catalogue import (
    Release,
    load_seed,
    mark_withheld,
    store_release,
)


def draw_missing(stores: Stores, days: Iterable[date]) -> list[Release]:
    """The releases of the days, each with its report; those without one are drawn and stored.

    Raises:
        ReleaseError: a day has no commitment yet.
        ReleaseConflict: the day's inputs are no longer those that were committed to.
        CommitWithheld: another release came after a commit. Its revision is withheld before it
            is drawn, so its budget is given back; running again commits the next one.
        BeaconExpired: the randomness of a commit was not recorded in time. Its revision is
            withheld; running again commits the next one.
        ChainError: the chain refused or could not be reached; running again continues.
    """
    releases = [require_release(stores, day, "commit_head") for day in days]
    undrawn = [release.day for release in releases if release.report_json is None]
    if not undrawn:
        return releases
    inputs = {found.day: found for found in load_inputs(stores, undrawn)}
    for release in releases:
        if release.day in inputs:
            _require_inputs(release, inputs[release.day])
    _withhold_overtaken(stores, [item for item in releases if item.day in inputs])
    with_beacon = fetch_beacons(stores, [item for item in releases if item.day in inputs])
    drawn = {item.day: _draw(stores, item, inputs[item.day]) for item in with_beacon}
    return [drawn.get(release.day, release) for release in releases]


def _withhold_overtaken(stores: Stores, releases: Sequence[Release]) -> None:
    overtaken = [release for release in releases if not is_at_tip(stores, release)]
    for release in overtaken:
        key = (release.day, release.revision)
        mark_withheld(stores.catalogue, stores.platform, *key, OVERTAKEN)
    if overtaken:
        days = ", ".join(str(release.day) for release in overtaken)
        raise CommitWithheld(f"{days}: {OVERTAKEN}; materialise `commitment` again")


def fetch_beacons(stores: Stores, releases: Sequence[Release]) -> list[Release]:
    """The releases, each with the beacon of its commit, waited for and stored."""
    records = {
        (record.day, record.revision): record
        for record in stores.registry.read_evidence(stores.platform).records
        if isinstance(record, CommitRecord)
    }
    found, expired = [], []
    for release in releases:
        key = (release.day, release.revision)
        if key not in records:
            raise ReleaseError(f"{release.day}: materialise `commitment` first")
        try:
            beacon = stores.publisher.beacon_of(records[key])
        except BeaconExpired as error:
            mark_withheld(stores.catalogue, stores.platform, *key, "its beacon was missed")
            expired.append(error)
            continue
        found.append(
            store_release(
                stores.catalogue,
                stores.platform,
                *key,
                beacon_block=beacon.block_number,
                beacon=hash_text(beacon.randomness),
            )
        )
    if expired:
        raise expired[0]
    return found


def _require_inputs(release: Release, inputs: DayInputs) -> None:
    if inputs.digest != release.inputs_digest:
        raise ReleaseConflict(
            f"{release.day} revision {release.revision}: the inputs changed after they were "
            "committed to; materialise `commitment` again"
        )


def _draw(stores: Stores, release: Release, inputs: DayInputs) -> Release:
    policy = parse_policy(present(release.policy_json))
    listing = parse_listing(present(release.catalogue_json))
    tally = inputs.tally_of(listing)
    header = ReportHeader(
        platform=stores.platform,
        day=release.day,
        revision=release.revision,
        manifest_root=parse_manifest(present(release.manifest_json)).root,
        policy_hash=policy.policy_hash,
        spend_nano_rho=release.rho_nano,
        row_count=len(tally),
    )
    seed = load_seed(stores.catalogue, stores.keyring, stores.platform, release.day)
    nonce = build_nonce(stores, release)
    report = draw_report(tally, policy, header, listing, seed, nonce)
    return store_release(
        stores.catalogue, stores.platform, release.day, release.revision, report_json=report
    )


def load_report(release: Release) -> Report:
    """The stored report, parsed. Raises InvalidInput."""
    return parse_report(present(release.report_json))


def find_problems(releases: Sequence[Release]) -> list[str]:
    """Reports that are not canonical, or whose header does not repeat what was committed to."""
    problems = []
    for release in releases:
        try:
            header = load_report(release).header
        except InvalidInput as error:
            problems.append(f"{release.day}: {error}")
            continue
        manifest = parse_manifest(present(release.manifest_json))
        policy = parse_policy(present(release.policy_json))
        expected = (release.day, release.revision, manifest.root, policy.policy_hash)
        if (header.day, header.revision, header.manifest_root, header.policy_hash) != expected:
            problems.append(f"{release.day}: the report's header is of another release")
        if header.spend_nano_rho != release.rho_nano:
            problems.append(f"{release.day}: the report states another spend than was reserved")
    return problems


def describe(release: Release) -> Mapping[str, Any]:
    """What may be shown of a report: it is public once recorded."""
    report = load_report(release)
    return {
        "revision": release.revision,
        "report_root": hash_text(report.root),
        "report_cid": cid_of_bytes(present(release.report_json)),
        "bytes": len(present(release.report_json)),
        "dagster/row_count": len(report.rows),
        "suppressed_rows": sum(row.suppressed for row in report.rows),
        "beacon_block": release.beacon_block,
        "beacon": release.beacon,
        "spend_nano_rho": release.rho_nano,
    }
