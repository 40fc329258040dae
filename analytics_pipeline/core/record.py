"""The records of a platform: their hash chain, what belongs together, and `chain.json`.

The registry contract stores one head per platform; every record is in its events. Given the
events, the head can be computed again from nothing (`spec/record.md` has a worked example):

    platform_id = keccak256(utf8(platform))
    genesis     = keccak256(abi.encode(chain_id, registry, platform_id))
    head'       = keccak256(abi.encode(head, kind, fields of the record …))

Belongs here: evidence and its strict parser; single records are in `core.chain_record`. Does not
belong here: talking to a chain (`chain/`) and judging what the records claim (`core.verify`).
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, fields
from datetime import date
from functools import cached_property
from typing import Any, Final, NamedTuple, Self

from analytics_pipeline.core import canonical
from analytics_pipeline.core.chain_record import (
    Beacon,
    Commit,
    CommitRecord,
    Record,
    Release,
    ReleaseRecord,
)
from analytics_pipeline.core.chain_values import (
    MAX_SAFE_INTEGER,
    check_address,
    check_uint,
    genesis_head,
)
from analytics_pipeline.core.day import parse_day
from analytics_pipeline.core.errors import InvalidInput, InvalidRecord

__all__ = [
    "DEVELOPMENT_CHAIN_ID",
    "Beacon",
    "ChainEvidence",
    "Commit",
    "CommitRecord",
    "DayRecords",
    "Record",
    "Release",
    "ReleaseRecord",
    "build_evidence",
    "pair_releases",
    "parse_evidence",
]

FORMAT: Final = "viewership-chain/2"
#: Chain id of the embedded development chain: whoever holds its file can rewrite it.
DEVELOPMENT_CHAIN_ID: Final = 131277322940537
_HEX = re.compile(r"0x[0-9a-f]{64}")


_KINDS: Final[dict[str, type[CommitRecord] | type[ReleaseRecord]]] = {
    "commit": CommitRecord,
    "release": ReleaseRecord,
}


class DayRecords(NamedTuple):
    """The records of one day, in chain order.

    Commits stand in two parts. Those after the day's last release have published nothing: what was
    released before cannot depend on them, and whoever has the publisher's key can add any.
    """

    commits: tuple[CommitRecord, ...] = ()
    releases: tuple[ReleaseRecord, ...] = ()
    #: commits after the last release; all of them if there is none
    later_commits: tuple[CommitRecord, ...] = ()

    @classmethod
    def of(cls, records: Iterable[Record]) -> Self:
        """Sort the records of one day into their parts."""
        settled: list[CommitRecord] = []
        later: list[CommitRecord] = []
        releases: list[ReleaseRecord] = []
        for record in records:
            if isinstance(record, CommitRecord):
                later.append(record)
            else:
                releases.append(record)
                settled += later
                later = []
        return cls(tuple(settled), tuple(releases), tuple(later))


@dataclass(frozen=True)
class ChainEvidence:
    """All records of a platform in chain order; the constructor walks their hash chain."""

    chain_id: int
    registry: str
    platform: str
    records: tuple[Record, ...]

    def __post_init__(self) -> None:
        check_uint("chain_id", self.chain_id, 1, MAX_SAFE_INTEGER)
        check_address("registry", self.registry)
        head = self.genesis
        for position, record in enumerate(self.records):
            if record.previous_head != head:
                raise InvalidRecord(f"records[{position}]", "does not follow the record before it")
            head = record.head

    @property
    def genesis(self) -> bytes:
        return genesis_head(self.chain_id, self.registry, self.platform)

    @property
    def head(self) -> bytes:
        """The head the registry must hold if no record is missing at the end."""
        return self.records[-1].head if self.records else self.genesis

    @property
    def is_development_chain(self) -> bool:
        return self.chain_id == DEVELOPMENT_CHAIN_ID

    @cached_property
    def by_day(self) -> dict[date, DayRecords]:
        """The records of every day that has any."""
        found: dict[date, list[Record]] = {}
        for record in self.records:
            found.setdefault(record.day, []).append(record)
        return {day: DayRecords.of(records) for day, records in found.items()}

    @cached_property
    def pairs(self) -> list[tuple[CommitRecord, ReleaseRecord | None]]:
        """See `pair_releases`. Raises InvalidRecord."""
        return pair_releases(self.records)


def pair_releases(records: Iterable[Record]) -> list[tuple[CommitRecord, ReleaseRecord | None]]:
    """Match every commit with its release, by the contract's rule of adjacency.

    A release belongs to a commit of the same day and revision among the commits directly before
    its run of releases, in the same order and in an earlier block. A commit without a release is
    paired with None: pending if it is among the last records, withheld otherwise.

    Raises:
        InvalidRecord: a release without such a commit.
    """
    pairs: list[tuple[CommitRecord, ReleaseRecord | None]] = []
    waiting = 0  # index in `pairs` from which a commit may still be released
    releasing = False
    for position, record in enumerate(records):
        if isinstance(record, CommitRecord):
            if releasing:
                waiting, releasing = len(pairs), False
            pairs.append((record, None))
            continue
        releasing = True
        while waiting < len(pairs) and not _releases(record, pairs[waiting][0]):
            waiting += 1
        if waiting == len(pairs):
            raise InvalidRecord(f"records[{position}]", "a release without its commit before it")
        pairs[waiting] = (pairs[waiting][0], record)
        waiting += 1
    return pairs


def _releases(release: ReleaseRecord, commit: CommitRecord) -> bool:
    same = (release.day, release.revision) == (commit.day, commit.revision)
    return same and release.block_number > commit.block_number


def _to_json(value: Any) -> Any:
    if isinstance(value, bytes):
        return "0x" + value.hex()
    return value.isoformat() if isinstance(value, date) else value


def build_evidence(evidence: ChainEvidence) -> bytes:
    """`chain.json`: canonical JSON (RFC 8785) of the evidence."""
    records = [
        {"kind": kind}
        | {f.name: _to_json(getattr(r, f.name)) for f in fields(r) if f.name != "previous_head"}
        for r in evidence.records
        for kind, cls in _KINDS.items()
        if type(r) is cls
    ]
    return canonical.encode(
        {
            "chain_id": evidence.chain_id,
            "format": FORMAT,
            "head": _to_json(evidence.head),
            "platform": evidence.platform,
            "records": records,
            "registry": evidence.registry,
        }
    )


def _from_json(name: str, kind: str, value: Any) -> Any:
    if kind == "int":
        return value
    if not isinstance(value, str):
        raise InvalidRecord(name, "must be a string")
    if kind == "bytes":
        if not _HEX.fullmatch(value):
            raise InvalidRecord(name, "must be 0x and 64 lower-case hex digits")
        return bytes.fromhex(value[2:])
    return parse_day(value) if kind == "date" else value


def _parse_record(position: int, raw: Any, previous_head: bytes) -> Record:
    where = f"records[{position}]"
    kind = raw.get("kind") if isinstance(raw, dict) else None
    if kind not in ("commit", "release"):
        raise InvalidRecord(f"{where}.kind", "must be commit or release")
    wanted = {f.name: f.type for f in fields(_KINDS[kind]) if f.name != "previous_head"}
    if raw.keys() != {"kind", *wanted}:
        wrong = sorted(raw.keys() ^ {"kind", *wanted})[0]
        raise InvalidRecord(f"{where}.{wrong}", "missing or unknown field")
    try:
        values = {
            name: _from_json(name, getattr(kind_of, "__name__", ""), raw[name])
            for name, kind_of in wanted.items()
        }
        return _KINDS[kind](previous_head=previous_head, **values)
    except InvalidInput as error:
        raise InvalidRecord(f"{where}.{error.field}", error.problem) from None


def parse_evidence(data: bytes) -> ChainEvidence:
    """Parse `chain.json`; every field of it is covered by the head, so no bit can change unseen.

    Raises:
        InvalidRecord: not canonical, not of this format, or the records do not hash to the head.
    """
    try:
        raw = canonical.parse(data)
    except InvalidInput as error:
        raise InvalidRecord("chain.json", error.problem) from None
    names = {"chain_id", "format", "head", "platform", "records", "registry"}
    if not isinstance(raw, dict) or raw.keys() != names:
        raise InvalidRecord("chain.json", f"must be an object with exactly {sorted(names)}")
    if raw["format"] != FORMAT:
        raise InvalidRecord("format", f"must be {FORMAT!r}")
    for name in ("platform", "registry", "head"):
        if not isinstance(raw[name], str):
            raise InvalidRecord(name, "must be a string")
    if not isinstance(raw["records"], list):
        raise InvalidRecord("records", "must be a list")
    empty = ChainEvidence(raw["chain_id"], raw["registry"], raw["platform"], ())
    records: list[Record] = []
    head = empty.genesis
    for position, item in enumerate(raw["records"]):
        records.append(_parse_record(position, item, head))
        head = records[-1].head
    if _to_json(head) != raw["head"]:
        raise InvalidRecord("head", "the records do not hash to it")
    return ChainEvidence(empty.chain_id, empty.registry, empty.platform, tuple(records))
