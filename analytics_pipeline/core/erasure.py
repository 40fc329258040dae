"""Erasure receipts: what an operator says it destroyed, in a hash chain that no one can rewrite.

    receipt       what of a day was destroyed, when and why; names the receipt before it
    hash          SHA-256(JCS(receipt)); the first receipt names `GENESIS`           RFC 8785
    erasures.json of a bundle: the receipts since the platform's releases before it, and both ends

Page with a worked example and numbered rules: `spec/erasure.md`. A receipt is a statement: nobody
can prove that a copy of a key does not exist. What can be proved is that the operator made it, for
which record, and that it was not altered, dropped or made twice.

Belongs here: the formats and the arithmetic of the chain. Does not belong here: destroying
(`defs.steps.expiry`), and whether receipts fit the records (`core.checks.erasures`).
"""

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import cached_property
from itertools import pairwise
from typing import Any, Final

from analytics_pipeline.core import canonical
from analytics_pipeline.core.day import parse_day
from analytics_pipeline.core.errors import InvalidInput
from analytics_pipeline.core.manifest import Manifest

RECEIPT_FORMAT: Final = "viewership-erasure/1"
FORMAT: Final = "viewership-erasures/1"
#: what the first receipt of a platform names as the one before it
GENESIS: Final = hashlib.sha256(FORMAT.encode("ascii")).digest()
MAX_REASON: Final = 500
_RECEIPT_MEMBERS: Final = frozenset(
    (
        *("data_keys", "day", "erased_at", "format", "manifest_root"),
        *("platform", "previous", "reason", "revision", "segments"),
    )
)
_MEMBERS: Final = frozenset(("format", "head", "platform", "previous", "receipts"))
_MOMENT: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z")
_SEGMENT_ID: Final = re.compile(r"[A-Za-z0-9._:-]{1,128}")
_MAX_INTEGER: Final = 2**53 - 1


@dataclass(frozen=True)
class Receipt:
    """One day's erasure.

    Args:
        revision, manifest_root: of the day's newest release; its record is on chain.
        segments: ids of all sealed segments of the day, ascending; their data keys are destroyed.
        data_keys: how many wrapped data keys there were.
        erased_at: whole seconds, UTC; when the last of it was gone.
        previous: hash of the platform's receipt before it.
    """

    platform: str
    day: date
    revision: int
    manifest_root: bytes
    segments: tuple[str, ...]
    data_keys: int
    erased_at: datetime
    reason: str
    previous: bytes

    def __post_init__(self) -> None:
        for name, low in (("revision", 1), ("data_keys", 0)):
            value: object = getattr(self, name)
            if type(value) is not int or not low <= value <= _MAX_INTEGER:
                raise InvalidInput(name, f"must be an integer of at least {low}")
        for name in ("manifest_root", "previous"):
            if len(getattr(self, name)) != hashlib.sha256().digest_size:
                raise InvalidInput(name, "must be 32 bytes")
        if self.erased_at.tzinfo is not UTC or self.erased_at.microsecond:
            raise InvalidInput("erased_at", "must be whole seconds in UTC")
        if not 0 < len(self.reason) <= MAX_REASON:
            raise InvalidInput("reason", f"must have 1 to {MAX_REASON} characters")
        for segment_id in self.segments:
            if not _SEGMENT_ID.fullmatch(segment_id):
                raise InvalidInput("segments", f"{segment_id!r} is not the id of a segment")
        if any(before >= after for before, after in pairwise(self.segments)):
            raise InvalidInput("segments", "must be ascending, each once")

    def to_json(self) -> dict[str, Any]:
        return {
            "format": RECEIPT_FORMAT,
            "platform": self.platform,
            "day": self.day.isoformat(),
            "revision": self.revision,
            "manifest_root": canonical.hash_text(self.manifest_root),
            "segments": list(self.segments),
            "data_keys": self.data_keys,
            "erased_at": f"{self.erased_at:%Y-%m-%dT%H:%M:%SZ}",
            "reason": self.reason,
            "previous": canonical.hash_text(self.previous),
        }

    @cached_property
    def canonical_bytes(self) -> bytes:
        """What is hashed."""
        return canonical.encode(self.to_json())

    @property
    def digest(self) -> bytes:
        """SHA-256 of the receipt: what the next one names."""
        return hashlib.sha256(self.canonical_bytes).digest()

    def covers(self, manifest: Manifest) -> bool:
        """Whether it is about this manifest, and every segment of that is among the erased."""
        named = {segment.segment_id for segment in manifest.segments}
        return manifest.root == self.manifest_root and named <= set(self.segments)


@dataclass(frozen=True)
class Erasures:
    """`erasures.json`: consecutive receipts of a platform.

    Args:
        previous: hash of the receipt before the first of them.
        head: hash of the last one; without receipts, `previous` again.
    """

    platform: str
    previous: bytes
    receipts: tuple[Receipt, ...]
    head: bytes

    @cached_property
    def canonical_bytes(self) -> bytes:
        """`erasures.json` of a bundle."""
        return canonical.encode(
            {
                "format": FORMAT,
                "platform": self.platform,
                "previous": canonical.hash_text(self.previous),
                "receipts": [receipt.to_json() for receipt in self.receipts],
                "head": canonical.hash_text(self.head),
            }
        )

    @property
    def broken_at(self) -> str | None:
        """Which member does not follow from those before it; None: the chain is whole."""
        head = self.previous
        for position, receipt in enumerate(self.receipts):
            if receipt.previous != head:
                return f"receipts[{position}].previous"
            head = receipt.digest
        return None if self.head == head else "head"


def build_erasures(platform: str, previous: bytes, receipts: Iterable[Receipt] = ()) -> Erasures:
    """The document that holds these receipts, which follow each other."""
    listed = tuple(receipts)
    return Erasures(platform, previous, listed, listed[-1].digest if listed else previous)


def parse_receipt(raw: Any, field: str = "receipt") -> Receipt:
    """One receipt from decoded JSON. Raises InvalidInput naming the field."""
    raw = canonical.check_members(raw, _RECEIPT_MEMBERS, field)
    if raw["format"] != RECEIPT_FORMAT:
        raise InvalidInput(f"{field}.format", f"must be {RECEIPT_FORMAT!r}")
    for name in ("platform", "day", "erased_at", "reason"):
        if not isinstance(raw[name], str):
            raise InvalidInput(f"{field}.{name}", "must be a string")
    segments = raw["segments"]
    if not isinstance(segments, list) or not all(isinstance(each, str) for each in segments):
        raise InvalidInput(f"{field}.segments", "must be a list of strings")
    try:
        return Receipt(
            platform=raw["platform"],
            day=parse_day(raw["day"]),
            revision=raw["revision"],
            manifest_root=canonical.parse_hash(raw["manifest_root"], "manifest_root"),
            segments=tuple(segments),
            data_keys=raw["data_keys"],
            erased_at=_parse_moment(raw["erased_at"]),
            reason=raw["reason"],
            previous=canonical.parse_hash(raw["previous"], "previous"),
        )
    except InvalidInput as error:
        raise InvalidInput(f"{field}.{error.field}", error.problem) from None


def parse_erasures(data: bytes) -> Erasures:
    """Parse `erasures.json`; whether its receipts follow each other, `broken_at` says. Raises
    InvalidInput naming the field."""
    raw = canonical.check_members(canonical.parse(data, "erasures"), _MEMBERS, "erasures")
    if raw["format"] != FORMAT:
        raise InvalidInput("erasures.format", f"must be {FORMAT!r}")
    if not isinstance(raw["platform"], str):
        raise InvalidInput("erasures.platform", "must be a string")
    if not isinstance(raw["receipts"], list):
        raise InvalidInput("erasures.receipts", "must be a list")
    return Erasures(
        raw["platform"],
        canonical.parse_hash(raw["previous"], "erasures.previous"),
        tuple(parse_receipt(each, f"receipts[{i}]") for i, each in enumerate(raw["receipts"])),
        canonical.parse_hash(raw["head"], "erasures.head"),
    )


def _parse_moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text) if _MOMENT.fullmatch(text) else None
    except ValueError:
        moment = None
    if moment is None:
        raise InvalidInput("erased_at", "must be YYYY-MM-DDThh:mm:ssZ")
    return moment
