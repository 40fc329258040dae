"""Counts that a tally states: viewer-days by what no row says of them. **Private.**

A row says which video was watched how far. Region, storage provider, start-up time and the like are
of the viewer-day, and the circuit takes their counts as they are stated: committed to before x is
known, like all totals, and held against another query's exact figures by one of two rules.

    PARTITION   every viewer-day is in one place: as many groups of counts as the whole has figures,
                and each group sums to its figure
    AT_MOST     some are: no count is more than the whole

Belongs here: which queries are stated, their rule, their place in the tally root. What is not
proven of them is in spec/proof-circuit.md.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, auto
from typing import Final

import numpy as np
import numpy.typing as npt

from analytics_pipeline.proving.acir import Column, Program, Witness
from analytics_pipeline.proving.gadgets import linear, pack
from analytics_pipeline.proving.shape import ELEMENT_BITS, Shape

_Ints = npt.NDArray[np.int64]


class Rule(Enum):
    """What is proven of stated counts."""

    PARTITION = auto()
    AT_MOST = auto()


@dataclass(frozen=True)
class Stated:
    """A query whose exact figures are stated, and the one they are held against."""

    query: str
    whole: str
    rule: Rule


#: In the order of their names, which is that of the policy's queries.
STATED: Final = (
    Stated("creator.continent", "creator.viewers", Rule.PARTITION),
    Stated("platform.first_of_month", "platform.viewers", Rule.AT_MOST),
    Stated("platform.first_of_week", "platform.viewers", Rule.AT_MOST),
    Stated("platform.peak_viewers", "platform.viewers", Rule.AT_MOST),
    Stated("provider.rebuffer", "provider.viewers", Rule.PARTITION),
    Stated("provider.startup", "provider.viewers", Rule.PARTITION),
    Stated("provider.viewers", "platform.viewers", Rule.PARTITION),
    Stated("region.viewers", "platform.viewers", Rule.PARTITION),
)


def stated_sizes(shape: Shape) -> dict[str, int]:
    """How many counts each stated query has in a shape: for each key its metrics in order."""
    policy = shape.policy
    keys = {
        "creator": shape.creators,
        "platform": 1,
        "provider": len(policy.providers),
        "region": len(policy.regions),
    }
    sizes = {query.name: keys.get(query.scope, 0) * len(query.metrics) for query in policy.queries}
    return {stated.query: sizes[stated.query] for stated in STATED}


def pad_stated(shape: Shape, counts: Mapping[str, _Ints]) -> dict[str, _Ints]:
    """The counts of a day, with zeros for the slots that the shape has beyond its listing."""
    return {
        name: np.pad(counts[name], (0, size - len(counts[name])))
        for name, size in stated_sizes(shape).items()
    }


def stated_per_element(shape: Shape) -> int:
    """Counts of one element of the tally root."""
    return ELEMENT_BITS // shape.count_bits


class StatedPart:
    """All stated counts in one column; ``exact`` names them by query, ``elements`` go into the
    tally root."""

    def __init__(self, program: Program, shape: Shape) -> None:
        self._bits, self.exact = shape.count_bits, dict[str, Column]()
        sizes = stated_sizes(shape)
        self._counts = program.column(sum(sizes.values()))
        program.range_check(self._counts, self._bits)
        self.elements = pack(program, [(self._counts, self._bits)], stated_per_element(shape))
        start = 0
        for name, size in sizes.items():
            self.exact[name] = self._counts[start : start + size]
            start += size

    def assign(self, witness: Witness, counts: Mapping[str, _Ints]) -> None:
        """Set the counts, as `pad_stated` gives them."""
        witness.set(self._counts, np.concatenate([counts[stated.query] for stated in STATED]))

    def constrain(self, program: Program, exact: Mapping[str, Column]) -> None:
        """Hold every query against its whole.

        Args:
            exact: exact figures by query, those of ``self.exact`` among them.
        """
        for stated in STATED:
            counts, whole = exact[stated.query], exact[stated.whole]
            if stated.rule is Rule.PARTITION:
                self._sum_to(program, counts, whole)
            else:
                self._bound(program, counts, whole)

    def _sum_to(self, program: Program, counts: Column, whole: Column) -> None:
        """Groups of neighbours, each equal to its figure."""
        size = len(counts) // len(whole)
        terms = [(1, counts[k::size]) for k in range(size)]
        program.assert_zero(terms=[*terms, (-1, whole)])

    def _bound(self, program: Program, counts: Column, whole: Column) -> None:
        """What is missing to the whole is not negative."""
        missing = linear(program, [(1, whole), (-1, counts)])
        program.range_check(missing, self._bits)
