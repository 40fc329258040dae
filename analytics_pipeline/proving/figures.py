"""The third part of the circuit: every figure is exact + noise, or suppressed; and their sum.

For each figure, with value = exact + noise, lowered by 2^40 on a slot that is not used:

    shown ∈ {0, 1},  published = shown·value
    shown = 1 → value ≥ threshold;  shown = 0 → value < threshold      (one range check for both)

Σ published/(x − pole) is the figure sum, which anybody recomputes from the report.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from analytics_pipeline.core.field import MODULUS
from analytics_pipeline.core.listing import name_of
from analytics_pipeline.core.policy import Query
from analytics_pipeline.core.sampler import half_width
from analytics_pipeline.core.statement import metric_code
from analytics_pipeline.proving.acir import Coefficient, Column, Program, Witness
from analytics_pipeline.proving.draws import DrawPart, Tables, noise_terms
from analytics_pipeline.proving.gadgets import add_up, fractions, linear
from analytics_pipeline.proving.shape import Shape
from analytics_pipeline.proving.totals import ListingPart

#: Lowers the value of an unused slot far below any threshold.
_UNUSED = 1 << 40
#: Bits of a value's distance from its threshold.
_SLACK_BITS = 42


@dataclass(frozen=True)
class _Batch:
    """Figures that share how their poles are found: pole = (x − distance) + shift."""

    rows: slice
    distance: Column
    shift: Coefficient
    used: Column | None


class FigurePart:
    """All figures of a report; ``sum`` is its figure sum."""

    def __init__(
        self,
        program: Program,
        shape: Shape,
        x: Column,
        listing: ListingPart,
        exact: dict[str, Column],
        seed: Column,
        nonce: Column,
    ) -> None:
        self._shape, self._x = shape, x
        self._video_distance = linear(program, [(1, x), (-1, listing.video_names)])
        self._creator_distance = linear(program, [(1, x), (-1, listing.creator_names)])
        self._listing = listing
        tables = Tables(program)
        parts = []
        for number, query in enumerate(shape.policy.queries):
            column = exact[query.name]
            draws = DrawPart(program, tables, number, query, len(column), seed, nonce)
            for batch in self._batches(query):
                published = self._release(program, query, draws, column, batch)
                parts.append(fractions(program, [(1, published)], 0, batch.distance, batch.shift))
        self.sum = add_up(program, parts)

    def _batches(self, query: Query) -> Iterator[_Batch]:
        """One for each metric of a query: figures stand key by key, each key's metrics in order."""
        listing, policy = self._listing, self._shape.policy
        listed = {
            "video": (self._video_distance, listing.video_used),
            "creator": (self._creator_distance, listing.creator_used),
        }
        fixed = {"platform": ("",), "provider": policy.providers, "region": policy.regions}
        for position, metric in enumerate(query.metrics):
            rows = slice(position, None, len(query.metrics))
            code = metric_code(metric)
            if query.scope in listed:
                distance, used = listed[query.scope]
                yield _Batch(rows, distance, code, used)
            else:
                poles = [name_of(query.scope, key) + code for key in fixed[query.scope]]
                yield _Batch(rows, self._x, poles, None)

    def _release(
        self, program: Program, query: Query, draws: DrawPart, exact: Column, batch: _Batch
    ) -> Column:
        """published, for the figures of a batch."""
        offset = query.unit * half_width(query) + query.unit // 2
        terms: list[tuple[Coefficient, Column]] = [(1, exact[batch.rows])]
        terms += noise_terms(query, draws, batch.rows)
        if batch.used is not None:
            terms.append((_UNUSED, batch.used))
            offset += _UNUSED
        value = linear(program, terms, -offset)
        shown = program.column(len(value))
        published = program.column(len(value))
        threshold = query.threshold
        program.range_check(shown, 1)
        program.assert_zero(products=[(1, shown, value)], terms=[(-1, published)])

        def assign(witness: Witness) -> None:
            values = witness.list(value)
            flags = [int(threshold <= v < MODULUS // 2) for v in values]
            witness.set(shown, flags)
            witness.set(published, [v * f for v, f in zip(values, flags, strict=True)])

        program.assign(assign)
        # slack = value − threshold if shown, threshold − 1 − value otherwise
        slack = linear(
            program,
            [(2, published), (1 - 2 * threshold, shown), (-1, value)],
            threshold - 1,
        )
        program.range_check(slack, _SLACK_BITS)
        return published
