"""Making a report: exact tally in, noised and suppressed report bytes out.

The noise is that of `core.sampler`: it follows from the day's seed and the release's nonce, which
can be proven. OpenDP says what such noise costs: before anything is drawn, its privacy map must
find no more ρ than the policy states. Belongs here: adding noise, suppressing, that check. Does
not belong here: storing what was drawn, or proving it.

The report is a function of its arguments. **Whoever has the seed can undo the noise.**
"""

import math
from collections.abc import Iterable, Sequence

import opendp.prelude as dp

from analytics_pipeline.core.accounting import NANO
from analytics_pipeline.core.errors import InvalidInput, ReleaseError
from analytics_pipeline.core.listing import Listing
from analytics_pipeline.core.policy import Policy, Query
from analytics_pipeline.core.report import ReportHeader, ReportRow, build_report
from analytics_pipeline.core.sampler import Seed, draw_noise
from analytics_pipeline.core.tally import TallyRow, build_tally

dp.enable_features("contrib")


def draw_report(
    tally: Sequence[TallyRow],
    policy: Policy,
    header: ReportHeader,
    listing: Listing,
    seed: Seed,
    nonce: int,
) -> bytes:
    """Noise every row, suppress what is below its threshold, return `report.json`.

    Args:
        tally: all rows of the day (`core.tally`), in any order.
        policy: that was committed to.
        header: of the release; its policy hash, spend and row count must be those of the inputs.
        listing: that was committed to; the tally must have its videos and creators and no others.
        seed: that was committed to for the day.
        nonce: of the release (`core.statement`): another beacon or commit, other noise.
    Raises:
        InvalidInput: the tally is incomplete or malformed, or the header is of other inputs.
        ReleaseError: OpenDP finds more spent than the policy says, or NoiseOutOfRange.
    """
    rows = build_tally(tally, policy)
    _check_header(header, policy, len(rows))
    _check_listing(rows, listing)
    for query in policy.queries:
        check_spend(query)
    noise = draw_noise(seed, nonce, policy, listing)
    return build_report(header, (_build_row(row, noise[row[:3]], policy) for row in rows))


def library_mechanism(query: Query) -> dp.Measurement:
    """OpenDP's Gaussian mechanism with the query's σ, in units: the privacy map, and in tests the
    distribution that ours is compared with. No released figure is drawn with it.

    Distances are doubles: as integers, √10 would be taken for 4.
    """
    space = dp.vector_domain(dp.atom_domain(T="i64")), dp.l2_distance(T="f64")
    return dp.m.make_gaussian(*space, scale=query.sigma_thousandths / 1000)


def library_rho(query: Query) -> float:
    """ρ that OpenDP's privacy map states for the query's sensitivity and σ."""
    sensitivity = math.nextafter(math.sqrt(query.sensitivity_squared), math.inf)
    privacy_map = library_mechanism(query).map
    return float(privacy_map(sensitivity))  # type: ignore[no-untyped-call]  # OpenDP has no types


def check_spend(query: Query) -> None:
    """Raises ReleaseError if OpenDP finds that the query spends more than its policy says."""
    spends = library_rho(query)
    if spends > query.rho_nano / NANO:
        raise ReleaseError(f"{query.name} would spend rho {spends}, more than its policy says")


def _build_row(row: TallyRow, noise: int, policy: Policy) -> ReportRow:
    query = policy.by_row[row.scope, row.metric]
    noised = row.value + noise
    shown = noised if noised >= query.threshold else None
    return ReportRow(row.scope, row.key, row.metric, shown, query.sigma, query.error_95)


def _check_header(header: ReportHeader, policy: Policy, row_count: int) -> None:
    for field, ours, theirs in (
        ("policy_hash", policy.policy_hash, header.policy_hash),
        ("spend_nano_rho", policy.rho_nano_per_release, header.spend_nano_rho),
        ("row_count", row_count, header.row_count),
    ):
        if ours != theirs:
            raise InvalidInput(f"header.{field}", f"must be {ours!r}, is {theirs!r}")


def _check_listing(rows: Iterable[TallyRow], listing: Listing) -> None:
    keys: dict[str, set[str]] = {"video": set(), "creator": set()}
    for row in rows:
        keys.setdefault(row.scope, set()).add(row.key)
    for scope, listed in (("video", listing.video_slot), ("creator", listing.creator_slot)):
        odd = sorted(keys[scope] ^ listed.keys())
        if odd:
            raise InvalidInput("tally", f"must have the listing's {scope}s, differs in {odd[0]!r}")
