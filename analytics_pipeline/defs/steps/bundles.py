"""Step *bundle*: everything a stranger needs to verify a day, pinned under one CID."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Any

from analytics_pipeline.core.bundle import BundleInfo, build_bundle
from analytics_pipeline.core.errors import ReleaseConflict
from analytics_pipeline.core.record import ReleaseRecord
from analytics_pipeline.core.unixfs import cid_of_directory
from analytics_pipeline.defs.links import day_links
from analytics_pipeline.defs.steps.state import present, require_release
from analytics_pipeline.defs.stores import Stores
from analytics_pipeline.storage.catalogue import (
    Release,
    build_next_erasures,
    list_releases,
    load_release,
    store_release,
)


def pin_missing(stores: Stores, days: Iterable[date]) -> list[Release]:
    """The releases of the days, each with its bundle pinned; its CID is stored after the pin.

    Raises:
        ReleaseError: a day has no proof yet.
        ReleaseConflict: what is stored of a release changed after it was bundled, or receipts may
            have been published that the catalogue does not know.
        StoreError: the content store failed; running again continues.
    """
    pinned = []
    for day in days:
        release = _with_erasures(stores, require_release(stores, day, "proof_json"))
        files = build_files(stores, release)
        if release.bundle_cid not in (None, cid_of_directory(files)):
            raise ReleaseConflict(
                f"{day} revision {release.revision}: what is stored of it is no longer what was "
                "bundled; nothing was pinned"
            )
        cid = stores.content.add_directory(files)
        stores.content.pin(cid)
        pinned.append(
            store_release(stores.catalogue, stores.platform, day, release.revision, bundle_cid=cid)
        )
    return pinned


def build_files(stores: Stores, release: Release) -> dict[str, bytes]:
    """The bundle's files, from what is stored of the release."""
    info = BundleInfo(
        platform=stores.platform,
        day=release.day,
        revision=release.revision,
        previous=_previous_bundle(stores, release),
        reason=release.reason,
    )
    return build_bundle(
        info,
        catalogue=present(release.catalogue_json),
        erasures=present(release.erasures_json),
        manifest=present(release.manifest_json),
        policy=present(release.policy_json),
        proof=present(release.proof_json),
        report=present(release.report_json),
    )


def _with_erasures(stores: Stores, release: Release) -> Release:
    """The release with the receipts it publishes, settled when it is first bundled.

    Raises:
        ReleaseConflict: there are receipts to publish and the chain's newest release is unknown
            here: it may have published some that this catalogue would tell again, differently.
    """
    if release.erasures_json is not None:
        return release
    erasures = build_next_erasures(stores.catalogue, stores.platform)
    if erasures.receipts:
        _require_known_newest(stores)
    return store_release(
        stores.catalogue,
        stores.platform,
        release.day,
        release.revision,
        erasures_json=erasures.canonical_bytes,
    )


def _require_known_newest(stores: Stores) -> None:
    records = stores.registry.read_evidence(stores.platform).records
    for newest in [record for record in records if isinstance(record, ReleaseRecord)][-1:]:
        known = load_release(stores.catalogue, stores.platform, newest.day, newest.revision)
        if known is None or known.bundle_cid != newest.bundle_cid:
            raise ReleaseConflict(
                f"{newest.day} revision {newest.revision} is on chain, but the catalogue does not "
                "know which receipts it published: restore the catalogue that published it"
            )


def _previous_bundle(stores: Stores, release: Release) -> str | None:
    earlier = [
        other.bundle_cid
        for other in list_releases(stores.catalogue, stores.platform, release.day)
        if other.released and other.revision < release.revision
    ]
    return earlier[-1] if earlier else None


def find_problems(stores: Stores, releases: Sequence[Release]) -> list[str]:
    """Bundles that are not pinned, or do not come back as they were stored."""
    problems = []
    for release in releases:
        cid = release.bundle_cid or ""
        if not stores.content.is_pinned(cid):
            problems.append(f"{release.day}: {cid} is not pinned")
        elif stores.content.get_directory(cid) != build_files(stores, release):
            problems.append(f"{release.day}: {cid} holds other files")
    return problems


def describe(stores: Stores, release: Release) -> Mapping[str, Any]:
    """What may be shown of a bundle: all of it is public once recorded."""
    files = build_files(stores, release)
    return {
        "revision": release.revision,
        "reason": release.reason,
        "bundle_cid": release.bundle_cid,
        "files": sorted(files),
        "bytes": sum(map(len, files.values())),
        **day_links(stores.settings, release.day, release.bundle_cid or ""),
    }
