"""The policy's promises: sensitivities by brute force, ρ and ε against two other libraries."""

import itertools
import math
from collections import Counter
from dataclasses import asdict

import dp_accounting
import pytest
from dp_accounting import pld, rdp
from hypothesis import given
from hypothesis import strategies as st

from analytics_pipeline.core import accounting, canonical
from analytics_pipeline.core.errors import InvalidInput
from analytics_pipeline.core.policy import (
    DEFAULT_POLICY,
    DEFAULT_RHO_NANO,
    RHO_NANO_PER_DAY,
    RHO_NANO_PER_RELEASE,
    Bounds,
    build_policy,
    furthest_bin_metric,
    parse_policy,
    sensitivities_squared,
)
from analytics_pipeline.core.regions import REGIONS


def test_shares_sum_to_the_release() -> None:
    """30 % uniques, 30 % watch time, 30 % retention, 5 % regions, 5 % actives, nothing else."""
    assert DEFAULT_POLICY.rho_nano_per_release == RHO_NANO_PER_RELEASE
    assert RHO_NANO_PER_DAY == 2 * RHO_NANO_PER_RELEASE
    groups = (
        (30, ("video.viewers", "creator.viewers")),
        (30, ("video.watch_seconds", "creator.watch_seconds", "platform.watch_seconds")),
        (30, ("video.furthest_bin",)),
        (5, ("region.viewers",)),
        (5, ("platform.viewers", "platform.views")),
    )
    for percent, names in groups:
        share = sum(DEFAULT_RHO_NANO[name] for name in names)
        assert share == RHO_NANO_PER_RELEASE * percent // 100
    assert set(DEFAULT_RHO_NANO) == {name for _, names in groups for name in names}


def test_sensitivities_are_those_derived_by_hand() -> None:
    """The figures of the default bounds, as spec/policy.md states them."""
    assert sensitivities_squared(Bounds()) == {
        "creator.viewers": 10,
        "creator.watch_seconds": 3600**2,
        "platform.viewers": 1,
        "platform.views": 100,
        "platform.watch_seconds": 3600**2,
        "region.viewers": 1,
        "video.furthest_bin": 10,
        "video.viewers": 10,
        "video.watch_seconds": 1800**2,
    }


@pytest.mark.parametrize(
    "bounds",
    [Bounds(3, 4, 10), Bounds(2, 5, 10), Bounds(4, 3, 7), Bounds(1, 9, 4), Bounds(3, 3, 20)],
)
def test_watch_sensitivity_is_the_largest_of_all_viewer_days(bounds: Bounds) -> None:
    """Every possible viewer-day under small bounds: the stated Δ₂² is the maximum, and attained."""
    largest = {"video": 0, "one cell": 0}
    cells = [range(bounds.seconds_per_video + 1)] * bounds.videos_per_viewer_day
    for seconds in itertools.product(*cells):
        if sum(seconds) <= bounds.seconds_per_day:
            largest["video"] = max(largest["video"], sum(s * s for s in seconds))
            largest["one cell"] = max(largest["one cell"], sum(seconds) ** 2)
    stated = sensitivities_squared(bounds)
    assert stated["video.watch_seconds"] == largest["video"]
    assert stated["creator.watch_seconds"] == stated["platform.watch_seconds"]
    assert stated["platform.watch_seconds"] == largest["one cell"]


contributions = st.lists(
    st.tuples(st.integers(0, 30), st.integers(0, 4000), st.integers(0, 19)),
    max_size=25,
    unique_by=lambda item: item[0],
)


@given(contributions)
def test_no_viewer_day_moves_a_query_further_than_stated(
    watched: list[tuple[int, int, int]],
) -> None:
    """A viewer-day, bounded as in spec/kpis.md, changes every query's vector by at most Δ₂."""
    bounds = DEFAULT_POLICY.bounds
    change: Counter[tuple[str, str, str]] = Counter()
    left = bounds.seconds_per_day
    kept = watched[: bounds.videos_per_viewer_day]
    for video, raw_seconds, furthest in kept:
        seconds = min(raw_seconds, bounds.seconds_per_video, left)
        left -= seconds
        creator = f"creator-{video % 3}"
        change["video", f"v{video}", "viewers"] += 1
        change["video", f"v{video}", "watch_seconds"] += seconds
        change["video", f"v{video}", furthest_bin_metric(furthest)] += 1
        change["creator", creator, "viewers"] = 1
        change["creator", creator, "watch_seconds"] += seconds
        change["platform", "", "views"] += 1
        change["platform", "", "watch_seconds"] += seconds
    if kept:
        change["platform", "", "viewers"] = 1
        change["region", "DE", "viewers"] = 1
    moved: Counter[str] = Counter()
    for (scope, _, metric), amount in change.items():
        moved[DEFAULT_POLICY.by_row[scope, metric].name] += amount**2
    for query in DEFAULT_POLICY.queries:
        assert moved[query.name] <= query.sensitivity_squared


@given(st.integers(1, 10**10), st.integers(1, 10**9))
def test_sigma_never_spends_more_than_rho(sensitivity_squared: int, rho_nano: int) -> None:
    """Δ₂²/(2σ²) ≤ ρ in exact arithmetic, with σ the double that is published."""
    sigma = accounting.sigma_thousandths(sensitivity_squared, rho_nano) / 1000
    numerator, denominator = sigma.as_integer_ratio()
    assert sensitivity_squared * denominator**2 * 10**9 <= 2 * numerator**2 * rho_nano


def test_thresholds_and_errors_follow_from_sigma() -> None:
    """Shown from ⌈3σ⌉ on; the error is 1.96 σ, rounded up."""
    for query in DEFAULT_POLICY.queries:
        assert query.threshold == math.ceil(3 * query.sigma_thousandths / 1000)
        assert 0 <= query.error_95 - 1.96 * query.sigma < 0.0011


@pytest.mark.parametrize("releases", [1, 2, 30, 60])
def test_epsilon_equals_dp_accounting(releases: int) -> None:
    """Composing the queries one by one in Google's RDP accountant gives our ε, to 0.1 %."""
    orders = [1 + 1.003**i / 100 for i in range(3000)]
    accountant = rdp.RdpAccountant(orders)
    for query in DEFAULT_POLICY.queries:
        multiplier = query.sigma / math.sqrt(query.sensitivity_squared)
        accountant.compose(dp_accounting.GaussianDpEvent(multiplier), releases)
    theirs = accountant.get_epsilon(accounting.DELTA)
    ours = accounting.epsilon_of(releases * DEFAULT_POLICY.rho_nano_per_release)
    assert theirs <= ours * 1.0001
    assert ours == pytest.approx(theirs, rel=1e-3)


@pytest.mark.parametrize("releases", [1, 30])
def test_epsilon_is_above_the_exact_one(releases: int) -> None:
    """The numerically exact ε (privacy loss distribution) is smaller than the one we publish."""
    accountant = pld.PLDAccountant(value_discretization_interval=1e-3)
    rho = releases * DEFAULT_POLICY.rho_nano_per_release / accounting.NANO
    accountant.compose(dp_accounting.GaussianDpEvent(1 / math.sqrt(2 * rho)))
    exact = accountant.get_epsilon(accounting.DELTA)
    published = accounting.published_epsilon(releases * DEFAULT_POLICY.rho_nano_per_release)
    assert exact <= published <= exact * 1.1


def test_epsilon_is_below_the_simple_bound() -> None:
    """The tight conversion beats ρ + 2√(ρ ln 1/δ), and no budget is no ε."""
    rho = 0.125
    assert accounting.epsilon_of(125_000_000) < rho + 2 * math.sqrt(rho * math.log(1e6))
    assert accounting.epsilon_of(0) == 0
    published = DEFAULT_POLICY.to_json()["epsilon"]
    assert published["per_release"] == 2.42
    assert published["per_30_days"] == 17.16


def test_policy_bytes_round_trip() -> None:
    """policy.json parses to the policy it was made of; its hash is a fixed part of the format."""
    assert parse_policy(DEFAULT_POLICY.canonical_bytes) == DEFAULT_POLICY
    other = build_policy(Bounds(5, 600, 1800), regions=("FR", "ZZ"))
    assert parse_policy(other.canonical_bytes) == other
    assert other.policy_hash != DEFAULT_POLICY.policy_hash


def test_every_derived_figure_is_checked() -> None:
    """Altering any leaf of policy.json that is not an input makes it unsound or another policy."""
    whole = DEFAULT_POLICY.to_json()
    for field in whole:
        altered = {**whole, field: "other"}
        with pytest.raises(InvalidInput):
            parse_policy(canonical.encode(altered))
        with pytest.raises(InvalidInput):
            parse_policy(canonical.encode({k: v for k, v in whole.items() if k != field}))
    for member, value in whole["queries"][0].items():
        if member != "rho_nano":
            first = {**whole["queries"][0], member: [value]}
            with pytest.raises(InvalidInput):
                parse_policy(canonical.encode({**whole, "queries": [first, *whole["queries"][1:]]}))
    with pytest.raises(InvalidInput, match="extra"):
        parse_policy(canonical.encode({**whole, "extra": 1}))


@pytest.mark.parametrize(
    ("arguments", "field"),
    [
        ({"bounds": Bounds(0, 900, 3600)}, "bounds.videos_per_viewer_day"),
        ({"bounds": Bounds(10, 900, 10**6)}, "bounds.seconds_per_day"),
        ({"rho_nano": {"video.viewers": 1}}, "queries"),
        ({"rho_nano": {**DEFAULT_RHO_NANO, "video.viewers": 0}}, "queries.video.viewers.rho_nano"),
        ({"rho_nano_per_day": 124_999_999}, "rho_nano_per_day"),
        ({"regions": ("US", "DE")}, "regions"),
        ({"regions": ("de",)}, "regions"),
    ],
)
def test_senseless_policies_are_refused(arguments: dict[str, object], field: str) -> None:
    """A bound, share, cap or region list that makes no sense is named."""
    with pytest.raises(InvalidInput) as caught:
        build_policy(**arguments)  # type: ignore[arg-type]
    assert caught.value.field == field


def test_bounds_are_those_of_the_kpi_definitions() -> None:
    """The constants other parts read."""
    assert asdict(Bounds()) == {
        "videos_per_viewer_day": 10,
        "seconds_per_video": 900,
        "seconds_per_day": 3600,
    }
    assert len(DEFAULT_POLICY.metrics_of("video")) == 22
    assert len(REGIONS) == 250
    assert REGIONS[-1] == "ZZ"
