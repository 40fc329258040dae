"""Step *release*: noise is drawn once per revision, stored, and never drawn again."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Any

from analytics_pipeline.core import canonical
from analytics_pipeline.core.errors import InvalidInput, ReleaseConflict
from analytics_pipeline.core.manifest import parse_manifest
from analytics_pipeline.core.policy import parse_policy
from analytics_pipeline.core.report import Report, ReportHeader, parse_report
from analytics_pipeline.core.unixfs import cid_of_bytes
from analytics_pipeline.defs.steps.inputs import DayInputs, load_inputs
from analytics_pipeline.defs.steps.state import present, require_release
from analytics_pipeline.defs.stores import Stores
from analytics_pipeline.release.noise import draw_report
from analytics_pipeline.storage.catalogue import Release, store_release


def draw_missing(stores: Stores, days: Iterable[date]) -> list[Release]:
    """The releases of the days, each with its report; those without one are drawn and stored.

    Raises:
        ReleaseError: a day has no commitment yet.
        ReleaseConflict: the day's inputs are no longer those that were committed to.
    """
    releases = [require_release(stores, day, "commit_head") for day in days]
    undrawn = [release.day for release in releases if release.report_json is None]
    inputs = {found.day: found for found in load_inputs(stores, undrawn)} if undrawn else {}
    return [
        _draw(stores, release, inputs[release.day]) if release.day in inputs else release
        for release in releases
    ]


def _draw(stores: Stores, release: Release, inputs: DayInputs) -> Release:
    if inputs.digest != release.inputs_digest:
        raise ReleaseConflict(
            f"{release.day} revision {release.revision}: the inputs changed after they were "
            "committed to; materialise `commitment` again"
        )
    policy = parse_policy(present(release.policy_json))
    tally = inputs.tally
    header = ReportHeader(
        platform=stores.platform,
        day=release.day,
        revision=release.revision,
        manifest_root=parse_manifest(present(release.manifest_json)).root,
        policy_hash=policy.policy_hash,
        spend_nano_rho=release.rho_nano,
        row_count=len(tally),
    )
    report = draw_report(tally, policy, header)
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
        "report_root": canonical.hash_text(report.root),
        "report_cid": cid_of_bytes(present(release.report_json)),
        "bytes": len(present(release.report_json)),
        "dagster/row_count": len(report.rows),
        "suppressed_rows": sum(row.suppressed for row in report.rows),
        "spend_nano_rho": release.rho_nano,
    }
