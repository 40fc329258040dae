"""The bundle: everything needed to verify one day, and the folder it travels in.

    bundle/report.json, bundle/manifest.json, bundle/policy.json, bundle/catalogue.json,
    bundle/proof.json, bundle/erasures.json, bundle/bundle.json
        one UnixFS directory; its CID stands in the release record
    chain.json
        the platform's records (`core.record`); beside the bundle, for it names the bundle's CID

A whole history has `chain.json` once, and the files of every bundle in `bundles/DAY/REVISION/`.

Belongs here: which files there are, and `bundle.json`. Does not belong here: reading or pinning.
"""

import datetime
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from analytics_pipeline.core import canonical
from analytics_pipeline.core.cid import cid_to_bytes
from analytics_pipeline.core.day import parse_day
from analytics_pipeline.core.errors import InvalidInput

FORMAT: Final = "viewership-bundle/3"
CHAIN_FILE: Final = "chain.json"
BUNDLE_DIRECTORY: Final = "bundle"
BUNDLE_FILES: Final = (
    *("bundle.json", "catalogue.json", "erasures.json", "manifest.json"),
    *("policy.json", "proof.json", "report.json"),
)
FOLDER_FILES: Final = (CHAIN_FILE, *(f"{BUNDLE_DIRECTORY}/{name}" for name in BUNDLE_FILES))
#: of a whole history: where its bundles are
BUNDLES_DIRECTORY: Final = "bundles"
_MEMBERS: Final = frozenset(("day", "format", "platform", "previous", "reason", "revision"))
MAX_REASON: Final = 500


@dataclass(frozen=True)
class BundleInfo:
    """`bundle.json`: which release this is, the one before it, and why it was made."""

    platform: str
    day: datetime.date
    revision: int
    #: CID of the bundle of the day's release before; None for the first one
    previous: str | None
    reason: str

    def to_json(self) -> dict[str, Any]:
        return {
            "format": FORMAT,
            "platform": self.platform,
            "day": self.day.isoformat(),
            "revision": self.revision,
            "previous": self.previous,
            "reason": self.reason,
        }


def build_bundle(
    info: BundleInfo,
    *,
    catalogue: bytes,
    erasures: bytes,
    manifest: bytes,
    policy: bytes,
    proof: bytes,
    report: bytes,
) -> dict[str, bytes]:
    """The files of the UnixFS directory, by name."""
    document = canonical.encode(info.to_json())
    parse_bundle_info(document)
    return {
        "bundle.json": document,
        "catalogue.json": catalogue,
        "erasures.json": erasures,
        "manifest.json": manifest,
        "policy.json": policy,
        "proof.json": proof,
        "report.json": report,
    }


def build_folder(bundle: Mapping[str, bytes], chain: bytes) -> dict[str, bytes]:
    """The files of the folder a verifier reads, by path with ``/``."""
    files = {f"{BUNDLE_DIRECTORY}/{name}": data for name, data in bundle.items()}
    return {CHAIN_FILE: chain, **files}


def history_folder(day: datetime.date, revision: int) -> str:
    """Where a whole history has one bundle, as a path with ``/``."""
    return f"{BUNDLES_DIRECTORY}/{day.isoformat()}/{revision}"


def history_files(day: datetime.date, revision: int) -> list[str]:
    """Paths of the bundle's files there."""
    return [f"{history_folder(day, revision)}/{name}" for name in BUNDLE_FILES]


def parse_bundle_info(data: bytes) -> BundleInfo:
    """Parse `bundle.json`. Raises InvalidInput naming the field."""
    raw = canonical.check_members(canonical.parse(data, "bundle"), _MEMBERS, "bundle")
    if raw["format"] != FORMAT:
        raise InvalidInput("bundle.format", f"must be {FORMAT!r}")
    for name in ("platform", "day", "reason"):
        if not isinstance(raw[name], str):
            raise InvalidInput(f"bundle.{name}", "must be a string")
    if len(raw["reason"]) > MAX_REASON:
        raise InvalidInput("bundle.reason", f"must be at most {MAX_REASON} characters")
    if type(raw["revision"]) is not int or not 1 <= raw["revision"] < 2**32:
        raise InvalidInput("bundle.revision", "must be an integer of at least 1")
    previous = raw["previous"]
    if previous is not None:
        if not isinstance(previous, str):
            raise InvalidInput("bundle.previous", "must be a CID or null")
        cid_to_bytes(previous)
    return BundleInfo(
        raw["platform"], parse_day(raw["day"]), raw["revision"], previous, raw["reason"]
    )
