"""The statement of a release: the few numbers that its proof speaks about.

    nonce        hash of everything fixed before the noise: place, day, commit, beacon
    challenge x  hash of nonce and report root: fixed only once the report is
    pole         the number that stands for a row of a report, whatever its value
    figure sum T Σ value / (x − pole) over the rows that are shown: all figures in one element
    statement    what the main proof's public inputs begin with, in the order of `Statement`

Everything here is computed from public documents, by the operator who proves and by the stranger
who verifies (spec/proof.md has an example to recompute by hand). Belongs here: these numbers. Does
not belong here: rows and noise behind the report (`proving/`), the file that carries a proof
(`core.proof_document`), judging either (`core.checks.proof`).
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import astuple, dataclass
from typing import Final, NamedTuple

from analytics_pipeline.core.chain_record import Commit
from analytics_pipeline.core.chain_values import address_word, hash_words, platform_id, word
from analytics_pipeline.core.day import day_number
from analytics_pipeline.core.errors import StatementUndefined
from analytics_pipeline.core.field import MODULUS, inverse_all
from analytics_pipeline.core.histograms import (
    REBUFFER_METRICS,
    RETENTION_BINS,
    STARTUP_METRICS,
)
from analytics_pipeline.core.keccak import keccak256
from analytics_pipeline.core.listing import name_of
from analytics_pipeline.core.regions import CONTINENTS
from analytics_pipeline.core.report import ReportRow

NONCE_LABEL: Final = keccak256(b"viewership-noise/1")
#: Public inputs of a main proof before those of its row shards.
STATEMENT_INPUTS: Final = 6
#: Public inputs that a main proof has for each of its row shards.
INPUTS_PER_SHARD: Final = 2
_BIN = re.compile(r"furthest_bin_([0-9]{2})")
#: Where a metric stands after its key's name; retention bins are 0 to 19.
METRIC_CODES: Final = {
    "viewers": 32,
    "views": 33,
    "watch_seconds": 34,
    "peak_viewers": 35,
    "first_of_week": 36,
    "first_of_month": 37,
    **{metric: 40 + position for position, metric in enumerate(STARTUP_METRICS)},
    **{metric: 48 + position for position, metric in enumerate(REBUFFER_METRICS)},
    **{f"viewers_{continent}": 56 + position for position, continent in enumerate(CONTINENTS)},
}


class Place(NamedTuple):
    """Where a release belongs: no proof serves two chains, registries or platforms."""

    chain_id: int
    registry: str
    platform: str


class ShardInputs(NamedTuple):
    """What a row shard's proof and the main proof both state of the shard."""

    rows_root: int
    sum_commitment: int


@dataclass(frozen=True)
class Statement:
    """Public inputs of a main proof, in their order, before those of its row shards."""

    x: int
    figure_sum: int
    nonce: int
    tally_root: int
    catalogue_root: int
    seed_commitment: int

    @property
    def elements(self) -> tuple[int, ...]:
        return astuple(self)


def nonce(place: Place, commit: Commit, beacon_block: int, beacon: bytes) -> int:
    """What makes the noise of a release its own: a field element."""
    digest = hash_words(
        NONCE_LABEL,
        word(place.chain_id),
        address_word(place.registry),
        platform_id(place.platform),
        word(day_number(commit.day)),
        word(commit.revision),
        commit.manifest_root,
        commit.policy_hash,
        commit.tally_root,
        commit.catalogue_root,
        commit.seed_commitment,
        word(beacon_block),
        beacon,
    )
    return int.from_bytes(digest, "big") % MODULUS


def challenge(nonce: int, report_root: bytes) -> int:
    """The point x at which all figures are compared at once."""
    return int.from_bytes(hash_words(word(nonce), report_root), "big") % MODULUS


def metric_code(metric: str) -> int:
    """A metric's place after its key's name. Raises StatementUndefined for one that has none."""
    found = _BIN.fullmatch(metric)
    if found and int(found[1]) < RETENTION_BINS:
        return int(found[1])
    if metric not in METRIC_CODES:
        raise StatementUndefined(f"the metric {metric!r} has no code")
    return METRIC_CODES[metric]


def pole(scope: str, key: str, metric: str) -> int:
    """The number that stands for a row; two rows of a report never share one."""
    return name_of(scope, key) + metric_code(metric)


def figure_sum(rows: Iterable[ReportRow], x: int) -> int:
    """Σ value / (x − pole) over shown rows. Suppressed rows do not count, nor does the order.

    Two different reports agree in this at a random x with a chance of about rows / 2²⁵³; and x is
    a hash of the report, so nobody can look for such an x.

    Raises:
        StatementUndefined: a metric without a code, or x is a pole (a chance of 2⁻²³⁰).
    """
    names: dict[tuple[str, str], int] = {}
    values, differences = [], []
    for row in rows:
        if row.value is None:
            continue
        subject = (row.scope, row.key)
        if subject not in names:
            names[subject] = name_of(*subject)
        values.append(row.value)
        differences.append((x - names[subject] - metric_code(row.metric)) % MODULUS)
    if 0 in differences:
        raise StatementUndefined("the challenge falls on a row's pole; release another revision")
    inverses = inverse_all(differences)
    return sum(v * i for v, i in zip(values, inverses, strict=True)) % MODULUS


def build_statement(
    place: Place,
    commit: Commit,
    beacon_block: int,
    beacon: bytes,
    report_root: bytes,
    rows: Iterable[ReportRow],
) -> Statement:
    """The statement of a release that has this report. Raises StatementUndefined."""
    n = nonce(place, commit, beacon_block, beacon)
    x = challenge(n, report_root)
    return Statement(
        x,
        figure_sum(rows, x),
        n,
        int.from_bytes(commit.tally_root, "big"),
        int.from_bytes(commit.catalogue_root, "big"),
        int.from_bytes(commit.seed_commitment, "big"),
    )


def main_inputs(statement: Statement, shards: Sequence[ShardInputs] = ()) -> tuple[int, ...]:
    """Public inputs of the main proof."""
    return (*statement.elements, *(element for shard in shards for element in shard))


def shard_inputs(statement: Statement, shard: ShardInputs) -> tuple[int, ...]:
    """Public inputs of one row shard's proof."""
    return (statement.x, statement.catalogue_root, *shard)
