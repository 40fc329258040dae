"""The figures of one verified report in little memory, and rows, keys and proofs out of them.

A verified row's σ, error and threshold are its query's, so a value and a place are all there is to
keep. Days with the same listing share their names. Belongs here: that form. Does not belong here:
what an answer looks like (`serve.documents`).
"""

from array import array
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate
from typing import Final

from analytics_pipeline.core.policy import Policy, Query
from analytics_pipeline.core.report import Report, ReportHeader, ReportRow

Name = tuple[str, str, str]
#: stands for a suppressed value: every shown one is positive
_SUPPRESSED: Final = 0
_HEADER_STARTS: Final = len(b'{"header":')
_ROWS_START: Final = len(b',"rows":[')


@dataclass(frozen=True, eq=False)
class Names:
    """(scope, key, metric) of each row, in report order."""

    rows: tuple[Name, ...]

    @cached_property
    def position(self) -> Mapping[Name, int]:
        """Row of a name, 0-based."""
        return {name: place for place, name in enumerate(self.rows)}

    @cached_property
    def keys(self) -> Mapping[str, Mapping[str, range]]:
        """scope → key → its rows, which stand together."""
        found: dict[str, dict[str, range]] = {}
        for place, (scope, key, _) in enumerate(self.rows):
            keys = found.setdefault(scope, {})
            keys[key] = range(keys[key].start if key in keys else place, place + 1)
        return found


class FigureTable:
    """Rows of one report, which was verified under `policy`."""

    def __init__(self, report: Report, policy: Policy, names: Names) -> None:
        """`names` are those of the report's rows."""
        self.header: ReportHeader = report.header
        self.policy = policy
        self.names = names
        self._values = array("q", (row.value or _SUPPRESSED for row in report.rows))
        self._ends = array("I", accumulate(len(leaf) + 1 for leaf in report.leaves[1:]))
        self._header_size = len(report.leaves[0])

    def __len__(self) -> int:
        return len(self._values)

    @property
    def suppressed(self) -> int:
        """How many rows are suppressed."""
        return self._values.count(_SUPPRESSED)

    def query(self, place: int) -> Query:
        """The query that drew a row."""
        scope, _, metric = self.names.rows[place]
        return self.policy.by_row[scope, metric]

    def row(self, place: int) -> ReportRow:
        """Row `place`, 0-based."""
        query = self.query(place)
        value = self._values[place] or None
        return ReportRow(*self.names.rows[place], value, query.sigma, query.error_95)

    def part(self, scope: str, key: str, metrics: Iterable[str] | None = None) -> Report:
        """The report with the rows of one key alone, for `core.derived`; it has no leaves.

        Args:
            metrics: those needed; None: all.
        """
        places: Iterable[int] = self.names.keys.get(scope, {}).get(key, range(0))
        if metrics is not None:
            found = (self.names.position.get((scope, key, metric)) for metric in metrics)
            places = (place for place in found if place is not None)
        return Report(self.header, tuple(map(self.row, places)), ())

    def leaves(self, document: bytes) -> list[bytes]:
        """Canonical bytes of header and rows: slices of report.json, which is canonical itself."""
        rows = _HEADER_STARTS + self._header_size + _ROWS_START
        starts = [0, *self._ends[:-1]]
        header = document[_HEADER_STARTS : _HEADER_STARTS + self._header_size]
        return [
            header,
            *(
                document[rows + start : rows + end - 1]
                for start, end in zip(starts, self._ends, strict=True)
            ),
        ]
