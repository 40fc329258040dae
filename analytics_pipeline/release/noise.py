"""Drawing a report: exact tally in, noised and suppressed report bytes out.

Belongs here: the one place where release noise is made, by OpenDP's exact sampler of the discrete
Gaussian (Canonne, Kamath & Steinke 2020), seeded by the operating system. Does not belong here:
storing what was drawn. **Drawing twice for one release defeats it**: the caller stores the bytes
once per (day, revision) and never averages, compares or picks.
"""

import math
from collections.abc import Sequence

import opendp.prelude as dp

from analytics_pipeline.core.accounting import NANO
from analytics_pipeline.core.errors import InvalidInput, ReleaseError
from analytics_pipeline.core.policy import Policy, Query
from analytics_pipeline.core.report import MAX_VALUE, ReportHeader, ReportRow, build_report
from analytics_pipeline.core.tally import TallyRow, build_tally

dp.enable_features("contrib")


def draw_report(tally: Sequence[TallyRow], policy: Policy, header: ReportHeader) -> bytes:
    """Noise every row, suppress what is below its threshold, return `report.json`.

    Args:
        tally: all rows of the day (`core.tally`), in any order.
        header: of the release; its policy hash, spend and row count must be those of the inputs.
    Raises:
        InvalidInput: the tally is incomplete or malformed, or the header is of other inputs.
        ReleaseError: the library would spend more than the policy says. Nothing was drawn.
    """
    rows = build_tally(tally, policy)
    _check_header(header, policy, len(rows))
    mechanisms = {query.name: _mechanism(query) for query in policy.queries}
    drawn: dict[tuple[str, str, str], ReportRow] = {}
    for query in policy.queries:
        answered = [row for row in rows if row.scope == query.scope and row.metric in query.metrics]
        noised = mechanisms[query.name]([row.value for row in answered]) if answered else []
        for row, value in zip(answered, noised, strict=True):
            drawn[row[:3]] = _build_row(row, value, query)
    return build_report(header, (drawn[row[:3]] for row in rows))


def library_rho(query: Query) -> float:
    """ρ that OpenDP's privacy map states for the query's sensitivity and scale."""
    return _map(_mechanism(query), query)


def _mechanism(query: Query) -> dp.Measurement:
    """The Gaussian mechanism on a vector of 64-bit integers, checked against the policy's ρ.

    Distances are doubles: as integers, √10 would be taken for 4. The sum saturates; tally values
    are at most 2⁵², so it is never reached.
    """
    space = dp.vector_domain(dp.atom_domain(T="i64")), dp.l2_distance(T="f64")
    mechanism = dp.m.make_gaussian(*space, scale=query.sigma)
    spends = _map(mechanism, query)
    if spends > query.rho_nano / NANO:
        raise ReleaseError(f"{query.name} would spend rho {spends}, more than its policy says")
    return mechanism


def _map(mechanism: dp.Measurement, query: Query) -> float:
    sensitivity = math.nextafter(math.sqrt(query.sensitivity_squared), math.inf)
    return float(mechanism.map(sensitivity))  # type: ignore[no-untyped-call]  # OpenDP has no types


def _build_row(row: TallyRow, noised: int, query: Query) -> ReportRow:
    shown = min(noised, MAX_VALUE) if noised >= query.threshold else None
    return ReportRow(row.scope, row.key, row.metric, shown, query.sigma, query.error_95)


def _check_header(header: ReportHeader, policy: Policy, row_count: int) -> None:
    for field, ours, theirs in (
        ("policy_hash", policy.policy_hash, header.policy_hash),
        ("spend_nano_rho", policy.rho_nano_per_release, header.spend_nano_rho),
        ("row_count", row_count, header.row_count),
    ):
        if ours != theirs:
            raise InvalidInput(f"header.{field}", f"must be {ours!r}, is {theirs!r}")
