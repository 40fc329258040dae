"""The manifest: the ordered list of a day's encrypted segments, committed to before any release.

    manifest.json = JCS {"header": {…}, "segments": [{…}, …]}                   RFC 8785
    leaf 0 = JCS(header), leaf i + 1 = JCS(segments[i]); manifest root = Merkle root  RFC 6962

A segment's event counts are exact, hence private: only a salted commitment to them is published
(`counts_commitment`), which the operator can open to an auditor. Belongs here: the format.
"""

import datetime
import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any, Final

from analytics_pipeline.core import canonical, merkle
from analytics_pipeline.core.cid import cid_to_bytes
from analytics_pipeline.core.day import parse_day
from analytics_pipeline.core.errors import InvalidInput

FORMAT: Final = "viewership-manifest/1"
_HEADER_MEMBERS: Final = frozenset(("day", "format", "platform", "segment_count"))
_SEGMENT_MEMBERS: Final = frozenset(
    ("bytes", "cid", "counts_commitment", "key_commitment", "segment_id", "wrapping_key_id")
)
_NAME = re.compile(r"[A-Za-z0-9._:-]{1,128}")


@dataclass(frozen=True)
class ManifestSegment:
    """One encrypted object on IPFS. ``size_bytes`` is the ciphertext's length (padded)."""

    segment_id: str
    cid: str
    size_bytes: int
    key_commitment: bytes
    wrapping_key_id: str
    counts_commitment: bytes

    def to_json(self) -> dict[str, Any]:
        return {
            "segment_id": self.segment_id,
            "cid": self.cid,
            "bytes": self.size_bytes,
            "key_commitment": canonical.hash_text(self.key_commitment),
            "wrapping_key_id": self.wrapping_key_id,
            "counts_commitment": canonical.hash_text(self.counts_commitment),
        }


@dataclass(frozen=True)
class Manifest:
    """A day's segments in ascending order of segment_id. It knows no revision: equal segments,
    equal root, whenever they are committed."""

    platform: str
    day: datetime.date
    segments: tuple[ManifestSegment, ...]

    @property
    def header_json(self) -> dict[str, Any]:
        return {
            "format": FORMAT,
            "platform": self.platform,
            "day": self.day.isoformat(),
            "segment_count": len(self.segments),
        }

    @cached_property
    def canonical_bytes(self) -> bytes:
        """`manifest.json` of a bundle."""
        segments = [segment.to_json() for segment in self.segments]
        return canonical.encode({"header": self.header_json, "segments": segments})

    @cached_property
    def root(self) -> bytes:
        """The manifest root: 32 bytes, as in the commit record."""
        leaves = [self.header_json, *(segment.to_json() for segment in self.segments)]
        return merkle.root([canonical.encode(leaf) for leaf in leaves])


def counts_commitment(counts: Mapping[str, int], salt: bytes) -> bytes:
    """SHA-256(salt ‖ JCS(counts)): hides counts as long as the salt (≥ 16 random bytes) is secret.

    Raises:
        InvalidInput: the salt is too short to hide anything.
    """
    if len(salt) < 16:
        raise InvalidInput("salt", "must be at least 16 bytes")
    return hashlib.sha256(salt + canonical.encode(dict(counts))).digest()


def build_manifest(
    platform: str, day: datetime.date, segments: Iterable[ManifestSegment]
) -> Manifest:
    """Order the segments and check them. Raises InvalidInput (an id twice, a malformed field)."""
    unordered = list(segments)
    for position, segment in enumerate(unordered):
        _check_segment(segment, f"segments[{position}]")
    ordered = sorted(unordered, key=lambda segment: segment.segment_id)
    for before, segment in pairwise(ordered):
        if before.segment_id == segment.segment_id:
            raise InvalidInput("segments.segment_id", f"{segment.segment_id} occurs twice")
    return Manifest(platform, day, tuple(ordered))


def parse_manifest(data: bytes) -> Manifest:
    """Parse `manifest.json`. Raises InvalidInput naming the field."""
    raw = canonical.check_members(
        canonical.parse(data, "manifest"), frozenset(("header", "segments")), "manifest"
    )
    header = canonical.check_members(raw["header"], _HEADER_MEMBERS, "header")
    if header["format"] != FORMAT:
        raise InvalidInput("header.format", f"must be {FORMAT!r}")
    if not isinstance(header["platform"], str) or not isinstance(header["day"], str):
        raise InvalidInput("header", "platform and day must be strings")
    if not isinstance(raw["segments"], list):
        raise InvalidInput("segments", "must be a list")
    segments = [_parse_segment(item, f"segments[{i}]") for i, item in enumerate(raw["segments"])]
    manifest = build_manifest(header["platform"], parse_day(header["day"]), segments)
    if manifest.canonical_bytes != data:
        raise InvalidInput("manifest", "segments are not in order, or segment_count is wrong")
    return manifest


def _parse_segment(item: Any, field: str) -> ManifestSegment:
    raw = canonical.check_members(item, _SEGMENT_MEMBERS, field)
    return ManifestSegment(
        raw["segment_id"],
        raw["cid"],
        raw["bytes"],
        canonical.parse_hash(raw["key_commitment"], f"{field}.key_commitment"),
        raw["wrapping_key_id"],
        canonical.parse_hash(raw["counts_commitment"], f"{field}.counts_commitment"),
    )


def _check_segment(segment: ManifestSegment, field: str) -> None:
    for name in ("segment_id", "wrapping_key_id"):
        value: object = getattr(segment, name)
        if not isinstance(value, str) or not _NAME.fullmatch(value):
            raise InvalidInput(f"{field}.{name}", f"must match {_NAME.pattern}")
    size: object = segment.size_bytes
    if type(size) is not int or not 0 < size <= 2**53 - 1:
        raise InvalidInput(f"{field}.bytes", "must be a positive integer")
    cid: object = segment.cid
    if not isinstance(cid, str):
        raise InvalidInput(f"{field}.cid", "must be a string")
    cid_to_bytes(cid)
    for name in ("key_commitment", "counts_commitment"):
        if len(getattr(segment, name)) != 32:
            raise InvalidInput(f"{field}.{name}", "must be 32 bytes")
