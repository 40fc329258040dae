"""From releases to answers: figures with their proofs, days, totals.

Belongs here: computing what routes answer. Does not belong here: reading requests (`serve.params`),
arithmetic on figures (`core.derived`, `core.quantiles`).
"""

from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from functools import lru_cache
from threading import Lock
from typing import Final, cast
from urllib.parse import urlencode

from msgspec import UNSET, UnsetType

from analytics_pipeline.core.accounting import DELTA, NANO, published_epsilon
from analytics_pipeline.core.canonical import hash_text
from analytics_pipeline.core.merkle import Tree
from analytics_pipeline.core.policy import Query
from analytics_pipeline.serve import documents
from analytics_pipeline.serve.documents import Figure, Proof, ScopeName, Unit
from analytics_pipeline.serve.released import REPORT_FILE, Contents, Released
from analytics_pipeline.serve.snapshot import Content

#: Merkle trees kept, counted in leaves: 64 bytes each.
_MOST_LEAVES: Final = 1_000_000
_UNITS: Final[Mapping[str, Unit]] = {"watch_seconds": "seconds", "views": "views"}


class Proofs(StrEnum):
    """How much of a figure's inclusion proof an answer has."""

    INLINE = "inline"
    LINK = "link"
    NONE = "none"


class Trees:
    """The Merkle trees of the reports that were asked for last."""

    def __init__(self, most_leaves: int = _MOST_LEAVES) -> None:
        self._most = most_leaves
        self._trees: OrderedDict[bytes, Tree] = OrderedDict()
        self._lock = Lock()

    def of(self, release: Released) -> Tree:
        """The tree of a verified release's report."""
        root = release.record.report_root
        with self._lock:
            if root in self._trees:
                self._trees.move_to_end(root)
                return self._trees[root]
        tree = Tree(leaves_of(release))
        with self._lock:
            self._trees[root] = tree
            while sum(each.size for each in self._trees.values()) > self._most:
                if len(self._trees) == 1:
                    break
                self._trees.popitem(last=False)
        return tree


def contents_of(release: Released) -> Contents:
    """What a verified release says."""
    assert release.contents is not None  # noqa: S101  # callers choose verified ones
    return release.contents


def leaves_of(release: Released) -> list[bytes]:
    """Canonical header and rows of a verified release's report."""
    assert release.files is not None  # noqa: S101
    return contents_of(release).figures.leaves(release.files[REPORT_FILE])


class FigureMaker:
    """Makes figures, with as much of their proofs as was asked for."""

    def __init__(self, trees: Trees, proofs: Proofs = Proofs.INLINE) -> None:
        self._trees = trees
        self._proofs = proofs

    def figure(self, release: Released, place: int) -> Figure:
        """Row `place` of a release's report, 0-based."""
        table = contents_of(release).figures
        row, query = table.row(place), table.query(place)
        return Figure(
            release.day,
            release.revision,
            cast(ScopeName, row.scope),
            row.key,
            row.metric,
            _UNITS.get(row.metric, "viewers"),
            row.value,
            row.suppressed,
            query.threshold,
            row.error_95,
            row.sigma,
            query.rho_nano / NANO,
            _epsilon(query.rho_nano),
            DELTA,
            self._proof(release, place),
        )

    def named(self, release: Released, scope: str, key: str, metric: str) -> Figure | None:
        """A figure by its name; None if the report has no such row."""
        place = contents_of(release).figures.names.position.get((scope, key, metric))
        return None if place is None else self.figure(release, place)

    def of_key(
        self, release: Released, scope: str, key: str, metrics: Iterable[str]
    ) -> dict[str, Figure]:
        """Figures of a key by metric, those that the report has."""
        found = ((metric, self.named(release, scope, key, metric)) for metric in metrics)
        return {metric: figure for metric, figure in found if figure is not None}

    def _proof(self, release: Released, place: int) -> Proof | UnsetType:
        if self._proofs is Proofs.NONE:
            return UNSET
        record = release.record
        scope, key, metric = contents_of(release).figures.names.rows[place]
        name = urlencode({"scope": scope, "key": key, "metric": metric})
        href = f"/api/v1/days/{record.day}/revisions/{record.revision}/proof?{name}"
        root, leaf_index = hash_text(record.report_root), place + 1
        tree_size = len(contents_of(release).figures) + 1
        if self._proofs is Proofs.LINK:
            return Proof(href, root, leaf_index, tree_size)
        siblings = self._trees.of(release).inclusion_proof(leaf_index)
        return Proof(href, root, leaf_index, tree_size, list(map(hash_text, siblings)))


@lru_cache(maxsize=4096)
def _epsilon(rho_nano: int) -> float:
    return published_epsilon(rho_nano)


def build_day(content: Content, release: Released) -> documents.Day:
    """A release as the list of days has it."""
    record, contents, standing = release.record, release.contents, release.standing
    revisions = content.revisions[release.day]
    spent = sum(content.releases[release.day, each].record.spend_nano_rho for each in revisions)
    error = standing.error
    return documents.Day(
        day=release.day,
        revision=release.revision,
        revisions=list(revisions),
        reason=contents.info.reason if contents else None,
        previous_bundle=contents.info.previous if contents else None,
        report_cid=record.report_cid,
        bundle_cid=record.bundle_cid,
        report_root=hash_text(record.report_root),
        block_number=record.block_number,
        block_time=record.block_time,
        publisher=record.publisher,
        rho=record.spend_nano_rho / NANO,
        epsilon=_epsilon(record.spend_nano_rho),
        delta=DELTA,
        rho_of_the_day=spent / NANO,
        epsilon_of_the_day=_epsilon(spent),
        rows=len(contents.figures) if contents else None,
        suppressed_rows=contents.figures.suppressed if contents else None,
        segments=contents.segments if contents else None,
        setup=contents.setup if contents else None,
        verification=documents.Verification(
            standing.state,
            standing.checks,
            list(standing.reservations),
            documents.Failure(error.number, error.name, error.detail) if error else None,
        ),
    )


def build_query(query: Query) -> documents.PolicyQuery:
    """A query of a policy for readers."""
    return documents.PolicyQuery(
        cast(ScopeName, query.scope),
        list(query.metrics),
        query.unit,
        query.threshold,
        query.error_95,
        query.sigma,
        query.rho_nano / NANO,
        _epsilon(query.rho_nano),
    )


def parts_of(releases: Sequence[Released], scope: str, key: str) -> list[Released]:
    """Releases whose report has rows of a key."""
    return [r for r in releases if key in contents_of(r).figures.names.keys.get(scope, {})]
