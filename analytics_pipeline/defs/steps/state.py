"""Finding a day's release in the state a step needs."""

from datetime import date
from typing import Final

from analytics_pipeline.core.errors import ReleaseError
from analytics_pipeline.defs.stores import Stores
from analytics_pipeline.storage.catalogue import Release, load_release

#: column of a release -> the asset that sets it
SET_BY: Final = {
    "commit_head": "commitment",
    "report_json": "release",
    "proof_json": "proof",
    "bundle_cid": "bundle",
    "release_head": "record",
}


def require_release(stores: Stores, day: date, column: str) -> Release:
    """The day's latest revision, if it is live and has `column`.

    Raises:
        ReleaseError: saying which asset to materialise first.
    """
    release = load_release(stores.catalogue, stores.platform, day)
    if release is None or not release.live or getattr(release, column) is None:
        raise ReleaseError(f"{day}: materialise `{SET_BY[column]}` first")
    return release


def present(value: bytes | str | None) -> bytes:
    """A stored document; `require_release` has made sure that it is there."""
    if not isinstance(value, bytes):
        raise ReleaseError("the catalogue lacks a document of this release")
    return value
