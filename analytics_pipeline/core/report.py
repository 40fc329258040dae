"""The report: the noised, public figures of one (platform, day, revision) as canonical bytes.

    report.json = JCS {"header": {…}, "rows": [{…}, …]}                        RFC 8785
    leaf 0 = JCS(header), leaf i + 1 = JCS(rows[i]); report root = Merkle root    RFC 6962

Belongs here: the format, its strict parser, and inclusion proofs of single rows. Does not belong
here: drawing noise (`release.noise`), the rules rows obey (`core.checks.rows`), averages and ratios
(`core.derived`).
"""

import datetime
import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any, Final

from analytics_pipeline.core import canonical, merkle
from analytics_pipeline.core.day import parse_day
from analytics_pipeline.core.errors import InvalidInput

FORMAT: Final = "viewership-report/1"
MAX_VALUE: Final = 2**53 - 1
_HEADER_MEMBERS: Final = frozenset(
    (
        *("day", "format", "manifest_root", "platform"),
        *("policy_hash", "revision", "row_count", "spend_nano_rho"),
    )
)
_ROW_MEMBERS: Final = frozenset(("error_95", "key", "metric", "scope", "sigma", "value"))


@dataclass(frozen=True)
class ReportHeader:
    """What the figures are about and which promises they were drawn under."""

    platform: str
    day: datetime.date
    revision: int
    manifest_root: bytes
    policy_hash: bytes
    spend_nano_rho: int
    row_count: int

    def to_json(self) -> dict[str, Any]:
        return {
            "format": FORMAT,
            "platform": self.platform,
            "day": self.day.isoformat(),
            "revision": self.revision,
            "manifest_root": canonical.hash_text(self.manifest_root),
            "policy_hash": canonical.hash_text(self.policy_hash),
            "spend_nano_rho": self.spend_nano_rho,
            "row_count": self.row_count,
        }


@dataclass(frozen=True)
class ReportRow:
    """One published figure: ``value`` ± ``error_95`` in 95 of 100 cases; None if suppressed.

    ``sigma`` and ``error_95`` have the unit of the value and stand rounded up to 3 decimals.
    """

    scope: str
    key: str
    metric: str
    value: int | None
    sigma: float
    error_95: float

    @property
    def suppressed(self) -> bool:
        return self.value is None

    @property
    def name(self) -> tuple[str, str, str]:
        """What rows are ordered by."""
        return (self.scope, self.key, self.metric)


@dataclass(frozen=True)
class RowProof:
    """Proves that one row is in the report of a root, without the rest of the report."""

    leaf: bytes
    index: int
    size: int
    siblings: tuple[bytes, ...]
    root: bytes

    def holds(self) -> bool:
        return merkle.verify_inclusion(self.leaf, self.index, self.size, self.siblings, self.root)


@dataclass(frozen=True)
class Report:
    """A parsed report. ``leaves`` are the canonical bytes of header and rows."""

    header: ReportHeader
    rows: tuple[ReportRow, ...]
    leaves: tuple[bytes, ...]

    @cached_property
    def root(self) -> bytes:
        return merkle.root(self.leaves)

    @cached_property
    def by_name(self) -> dict[tuple[str, str, str], ReportRow]:
        return {row.name: row for row in self.rows}


def build_report(header: ReportHeader, rows: Iterable[ReportRow]) -> bytes:
    """Canonical bytes of a report; rows in the order given."""
    return canonical.encode({"header": header.to_json(), "rows": [asdict(row) for row in rows]})


def parse_leaves(data: bytes) -> tuple[bytes, ...]:
    """Canonical header and rows of `report.json`, without judging what they say.

    Raises:
        InvalidInput: not canonical JSON of the outer shape.
    """
    raw = canonical.check_members(
        canonical.parse(data, "report"), frozenset(("header", "rows")), "report"
    )
    if not isinstance(raw["rows"], list):
        raise InvalidInput("report.rows", "must be a list")
    return (canonical.encode(raw["header"]), *map(canonical.encode, raw["rows"]))


def parse_report(data: bytes) -> Report:
    """Parse `report.json`: canonical, of the right shape and types.

    Raises:
        InvalidInput: naming the field, e.g. ``rows[17].value``.
    """
    leaves = parse_leaves(data)
    return Report(parse_header(leaves[0]), tuple(parse_rows(leaves[1:])), leaves)


def parse_rows(leaves: Iterable[bytes]) -> list[ReportRow]:
    """Parse the leaves of rows that `parse_leaves` made: they are canonical, and that is not looked
    at again. Raises InvalidInput."""
    return [_row_of(json.loads(leaf), position) for position, leaf in enumerate(leaves)]


def parse_header(leaf: bytes) -> ReportHeader:
    """Parse leaf 0. Raises InvalidInput."""
    raw = canonical.check_members(canonical.parse(leaf, "header"), _HEADER_MEMBERS, "header")
    if raw["format"] != FORMAT:
        raise InvalidInput("header.format", f"must be {FORMAT!r}")
    for field, least in (("revision", 1), ("spend_nano_rho", 0), ("row_count", 0)):
        if type(raw[field]) is not int or raw[field] < least:
            raise InvalidInput(f"header.{field}", f"must be an integer of at least {least}")
    for field in ("platform", "day"):
        if not isinstance(raw[field], str):
            raise InvalidInput(f"header.{field}", "must be a string")
    return ReportHeader(
        raw["platform"],
        parse_day(raw["day"]),
        raw["revision"],
        canonical.parse_hash(raw["manifest_root"], "header.manifest_root"),
        canonical.parse_hash(raw["policy_hash"], "header.policy_hash"),
        raw["spend_nano_rho"],
        raw["row_count"],
    )


def parse_row(leaf: bytes, position: int = 0) -> ReportRow:
    """Parse the leaf of row `position` (0-based). Raises InvalidInput."""
    return _row_of(canonical.parse(leaf, f"rows[{position}]"), position)


def _row_of(value: Any, position: int) -> ReportRow:
    field = f"rows[{position}]"
    raw = canonical.check_members(value, _ROW_MEMBERS, field)
    for name in ("scope", "key", "metric"):
        if not isinstance(raw[name], str):
            raise InvalidInput(f"{field}.{name}", "must be a string")
    for name in ("sigma", "error_95"):
        if type(raw[name]) not in (int, float) or raw[name] <= 0:
            raise InvalidInput(f"{field}.{name}", "must be a positive number")
    value = raw["value"]
    if value is not None and (type(value) is not int or not 0 < value <= MAX_VALUE):
        raise InvalidInput(f"{field}.value", "must be a positive integer, or null if suppressed")
    return ReportRow(**raw)


def row_proof(report: Report, scope: str, key: str, metric: str) -> RowProof:
    """Inclusion proof of one row. Raises InvalidInput if the report has no such row."""
    row = report.by_name.get((scope, key, metric))
    if row is None:
        raise InvalidInput("row", f"the report has no row {scope} {key!r} {metric}")
    index = report.rows.index(row) + 1
    siblings = merkle.inclusion_proof(report.leaves, index)
    return RowProof(report.leaves[index], index, len(report.leaves), tuple(siblings), report.root)
