"""The grant: what an operator hands to an auditor so that a released day can be computed again.

    grant.json = JCS {"format": "viewership-audit-grant/1", "platform": …, "day": …, "revision": …,
                      "seed": {…}, "selection_key": …, "segments": [{…}, …], "videos": [{…}, …]}

**Whoever has a grant reads every event of the day and can undo the noise of all its revisions.**
Destroying the day's keys does not reach a grant: who was handed one must destroy it too. Belongs
here: the format and its strict parser. Does not belong here: making one (`defs.audit_grant`) and
holding it against a release (`core.audit`).
"""

import datetime
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from analytics_pipeline.core import canonical
from analytics_pipeline.core.cid import cid_to_bytes
from analytics_pipeline.core.day import parse_day
from analytics_pipeline.core.errors import InvalidInput
from analytics_pipeline.core.field import to_bytes32
from analytics_pipeline.core.listing import ListedVideo
from analytics_pipeline.core.sampler import Seed

FORMAT: Final = "viewership-audit-grant/1"
MEMBERS: Final = frozenset(
    (
        *("format", "platform", "day", "revision"),
        *("seed", "selection_key", "segments", "videos"),
    )
)
_SEED_MEMBERS: Final = frozenset(("salt", "value"))
SEGMENT_MEMBERS: Final = frozenset(
    ("batch_digest", "cid", "counts", "counts_salt", "data_key", "segment_id")
)
VIDEO_MEMBERS: Final = frozenset(("creator_id", "duration_ms", "video_id"))


@dataclass(frozen=True)
class GrantedSegment:
    """What opens a segment, and the opening of its counts commitment."""

    segment_id: str
    cid: str
    #: of the batches whose events it holds; part of what it was sealed as (`core.segment`)
    batch_digest: str
    data_key: bytes = field(repr=False)
    #: fate of the events it was made of: accepted, duplicate, late, rejected
    counts: Mapping[str, Any] = field(repr=False)
    counts_salt: bytes = field(repr=False)

    def to_json(self) -> dict[str, Any]:
        return {
            "segment_id": self.segment_id,
            "cid": self.cid,
            "batch_digest": self.batch_digest,
            "data_key": canonical.hash_text(self.data_key),
            "counts": dict(self.counts),
            "counts_salt": canonical.hash_text(self.counts_salt),
        }


@dataclass(frozen=True)
class GrantedVideo:
    """A listed video, with the length that retention bins are cut from."""

    video_id: str
    creator_id: str
    duration_ms: int

    @property
    def listed(self) -> ListedVideo:
        return ListedVideo(self.creator_id, self.video_id)

    def to_json(self) -> dict[str, Any]:
        return vars(self).copy()


@dataclass(frozen=True)
class Grant:
    """All of it. ``selection_key`` ranks a viewer's videos (spec/kpis.md, "Contributions")."""

    platform: str
    day: datetime.date
    revision: int
    seed: Seed = field(repr=False)
    selection_key: bytes = field(repr=False)
    segments: tuple[GrantedSegment, ...]
    videos: tuple[GrantedVideo, ...]


def build_grant(grant: Grant) -> bytes:
    """The grant as a file. Raises InvalidInput for what its parser would refuse."""
    data = canonical.encode(
        {
            "format": FORMAT,
            "platform": grant.platform,
            "day": grant.day.isoformat(),
            "revision": grant.revision,
            "seed": {
                "value": canonical.hash_text(to_bytes32(grant.seed.value)),
                "salt": canonical.hash_text(to_bytes32(grant.seed.salt)),
            },
            "selection_key": canonical.hash_text(grant.selection_key),
            "segments": [segment.to_json() for segment in grant.segments],
            "videos": [video.to_json() for video in grant.videos],
        }
    )
    parse_grant(data)
    return data


def parse_grant(data: bytes) -> Grant:
    """Parse a grant.

    Raises:
        InvalidInput: naming the field, e.g. ``segments[3].data_key``; never a value.
    """
    raw = canonical.check_members(canonical.parse(data, "grant"), MEMBERS, "grant")
    if raw["format"] != FORMAT:
        raise InvalidInput("grant.format", f"must be {FORMAT!r}")
    for name in ("platform", "day"):
        if not isinstance(raw[name], str):
            raise InvalidInput(f"grant.{name}", "must be a string")
    _check_count(raw["revision"], "grant.revision", least=1)
    for name in ("segments", "videos"):
        if not isinstance(raw[name], list):
            raise InvalidInput(f"grant.{name}", "must be a list")
    seed = canonical.check_members(raw["seed"], _SEED_MEMBERS, "grant.seed")
    return Grant(
        platform=raw["platform"],
        day=parse_day(raw["day"]),
        revision=raw["revision"],
        seed=Seed.from_bytes(
            canonical.parse_hash(seed["value"], "grant.seed.value")
            + canonical.parse_hash(seed["salt"], "grant.seed.salt")
        ),
        selection_key=canonical.parse_hash(raw["selection_key"], "grant.selection_key"),
        segments=tuple(_parse_segment(s, f"segments[{i}]") for i, s in enumerate(raw["segments"])),
        videos=tuple(_parse_video(v, f"videos[{i}]") for i, v in enumerate(raw["videos"])),
    )


def _parse_segment(item: Any, where: str) -> GrantedSegment:
    raw = canonical.check_members(item, SEGMENT_MEMBERS, where)
    for name in ("segment_id", "cid"):
        if not isinstance(raw[name], str):
            raise InvalidInput(f"{where}.{name}", "must be a string")
    cid_to_bytes(raw["cid"])
    canonical.parse_hash(raw["batch_digest"], f"{where}.batch_digest")
    counts = raw["counts"]
    if not isinstance(counts, dict):
        raise InvalidInput(f"{where}.counts", "must be an object")
    _check_count(counts.get("accepted"), f"{where}.counts.accepted")
    return GrantedSegment(
        raw["segment_id"],
        raw["cid"],
        raw["batch_digest"],
        canonical.parse_hash(raw["data_key"], f"{where}.data_key"),
        counts,
        canonical.parse_hash(raw["counts_salt"], f"{where}.counts_salt"),
    )


def _parse_video(item: Any, where: str) -> GrantedVideo:
    raw = canonical.check_members(item, VIDEO_MEMBERS, where)
    for name in ("creator_id", "video_id"):
        if not isinstance(raw[name], str):
            raise InvalidInput(f"{where}.{name}", "must be a string")
    _check_count(raw["duration_ms"], f"{where}.duration_ms", least=1)
    return GrantedVideo(raw["video_id"], raw["creator_id"], raw["duration_ms"])


def _check_count(value: Any, where: str, least: int = 0) -> None:
    if type(value) is not int or value < least:
        raise InvalidInput(where, f"must be an integer of at least {least}")
