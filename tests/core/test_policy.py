"""The policy's promises: sensitivities by brute force, ρ and ε against another library."""

import itertools
import math
from collections import Counter, defaultdict
from dataclasses import asdict, replace
from functools import cache

import dp_accounting
import pytest
from dp_accounting import pld, rdp
from hypothesis import given
from hypothesis import strategies as st

from analytics_pipeline.core import accounting, canonical
from analytics_pipeline.core.errors import InvalidInput
from analytics_pipeline.core.histograms import REBUFFER_METRICS, STARTUP_METRICS
from analytics_pipeline.core.policy import (
    DEFAULT_POLICY,
    DEFAULT_RHO_NANO,
    DEFAULT_UNITS,
    RHO_NANO_PER_30_DAYS,
    RHO_NANO_PER_DAY,
    RHO_NANO_PER_RELEASE,
    Bounds,
    build_policy,
    furthest_bin_metric,
    parse_policy,
)
from analytics_pipeline.core.regions import REGIONS
from analytics_pipeline.core.sensitivity import sensitivities_squared


def test_shares_sum_to_the_release() -> None:
    """28 % uniques, 27 % watch time, 27 % retention, 7 % regions, 5 % quality, 6 % the platform's
    own counts, nothing else."""
    assert DEFAULT_POLICY.rho_nano_per_release == RHO_NANO_PER_RELEASE
    assert RHO_NANO_PER_DAY == 2 * RHO_NANO_PER_RELEASE
    assert RHO_NANO_PER_30_DAYS == (30 + 10) * RHO_NANO_PER_RELEASE
    firsts = ("platform.first_of_month", "platform.first_of_week")
    groups = (
        (28, ("video.viewers", "creator.viewers")),
        (27, ("video.watch_seconds", "creator.watch_seconds", "platform.watch_seconds")),
        (27, ("video.furthest_bin",)),
        (7, ("creator.continent", "region.viewers")),
        (5, ("provider.rebuffer", "provider.startup", "provider.viewers")),
        (6, (*firsts, "platform.peak_viewers", "platform.viewers", "platform.views")),
    )
    for percent, names in groups:
        share = sum(DEFAULT_RHO_NANO[name] for name in names)
        assert share == RHO_NANO_PER_RELEASE * percent // 100
    assert set(DEFAULT_RHO_NANO) == {name for _, names in groups for name in names}


def test_sensitivities_are_those_derived_by_hand() -> None:
    """The figures of the default bounds and units, as spec/policy.md states them."""
    assert sensitivities_squared(Bounds(), DEFAULT_UNITS) == {
        "creator.continent": 10,
        "creator.viewers": 10,
        "creator.watch_seconds": 12**2 + 6,
        "platform.first_of_month": 1,
        "platform.first_of_week": 1,
        "platform.peak_viewers": 1,
        "platform.viewers": 1,
        "platform.views": 1,
        "platform.watch_seconds": 1,
        "provider.rebuffer": 1,
        "provider.startup": 1,
        "provider.viewers": 1,
        "region.viewers": 1,
        "video.furthest_bin": 10,
        "video.viewers": 10,
        "video.watch_seconds": 4 * 9**2 + 4**2 + 5,
    }
    ones = dict.fromkeys(DEFAULT_UNITS, 1)
    assert sensitivities_squared(Bounds(), ones) == {
        **sensitivities_squared(Bounds(), DEFAULT_UNITS),
        "creator.watch_seconds": 3600**2,
        "platform.views": 100,
        "platform.watch_seconds": 3600**2,
        "video.watch_seconds": 1800**2,
    }


def test_a_query_over_several_metrics_names_them_all() -> None:
    """One histogram, one ρ; every metric belongs to exactly one query of its scope."""
    sizes = {q.name: len(q.metrics) for q in DEFAULT_POLICY.queries if len(q.metrics) > 1}
    assert sizes == {
        "creator.continent": 8,
        "provider.rebuffer": 8,
        "provider.startup": 8,
        "video.furthest_bin": 20,
    }
    assert len(DEFAULT_POLICY.by_row) == sum(len(q.metrics) for q in DEFAULT_POLICY.queries)
    assert DEFAULT_POLICY.by_row["creator", "viewers_eu"].name == "creator.continent"
    assert len(DEFAULT_POLICY.metrics_of("provider")) == 17


def units_of(amount: int, unit: int) -> int:
    return -(-amount // unit)


SMALL_BOUNDS = [Bounds(3, 4, 10), Bounds(2, 5, 10), Bounds(4, 3, 7), Bounds(1, 9, 4)]


@pytest.mark.parametrize("bounds", [*SMALL_BOUNDS, Bounds(3, 3, 20), Bounds(4, 2, 3)])
@pytest.mark.parametrize("unit", [1, 2, 3, 4, 25])
def test_watch_sensitivity_is_the_largest_of_all_viewer_days(bounds: Bounds, unit: int) -> None:
    """Every possible viewer-day under small bounds, its videos dealt to creators in every way: the
    stated Δ₂² is attained for videos and the platform, and never passed for creators."""
    largest = dict.fromkeys(("video", "creator", "platform"), 0)
    cells = [range(bounds.seconds_per_video + 1)] * bounds.videos_per_viewer_day
    owners = list(itertools.product(*(range(place + 1) for place in range(len(cells)))))
    for seconds in itertools.product(*cells):
        if sum(seconds) > bounds.seconds_per_day or list(seconds) != sorted(seconds, reverse=True):
            continue
        squares = sum(units_of(s, unit) ** 2 for s in seconds)
        largest["video"] = max(largest["video"], squares)
        largest["platform"] = max(largest["platform"], units_of(sum(seconds), unit) ** 2)
        for dealt in owners:
            sums = Counter[int]()
            for owner, amount in zip(dealt, seconds, strict=True):
                sums[owner] += amount
            squares = sum(units_of(s, unit) ** 2 for s in sums.values())
            largest["creator"] = max(largest["creator"], squares)
    stated = sensitivities_squared(bounds, dict.fromkeys(DEFAULT_UNITS, unit))
    assert stated["video.watch_seconds"] == largest["video"]
    assert stated["platform.watch_seconds"] == largest["platform"]
    assert stated["creator.watch_seconds"] >= largest["creator"]
    if unit == 1:
        assert stated["creator.watch_seconds"] == largest["creator"]


def test_watch_sensitivities_of_the_default_policy_are_attained() -> None:
    """Dynamic programming over (cells, seconds, videos) finds the very same maxima, also for
    creators, whose videos are limited together."""
    bounds = DEFAULT_POLICY.bounds

    def maximum(unit: int, most: int, videos_per_cell: bool) -> int:
        prices = [(q - 1) * unit + 1 for q in range(1, units_of(most, unit) + 1)]
        if videos_per_cell:
            videos = [units_of(price, bounds.seconds_per_video) for price in prices]
        else:
            videos = [1] * len(prices)

        @cache
        def best(seconds: int, left: int) -> int:
            return max(
                (
                    (q + 1) ** 2 + best(seconds - prices[q], left - videos[q])
                    for q in range(len(prices))
                    if prices[q] <= seconds and videos[q] <= left
                ),
                default=0,
            )

        return best(bounds.seconds_per_day, bounds.videos_per_viewer_day)

    for query in DEFAULT_POLICY.queries:
        if query.name == "video.watch_seconds":
            assert query.sensitivity_squared == maximum(query.unit, 900, False)
        if query.name == "creator.watch_seconds":
            assert query.sensitivity_squared == maximum(query.unit, 3600, True)


@pytest.mark.parametrize("unit", [1, 2, 7])
def test_dither_leaves_no_more_than_the_units_rounded_up(unit: int) -> None:
    """Write exact + dither as unit·units + digit. The digit is uniform whatever the exact value;
    given the digit, amounts that differ by c differ by ⌊c / unit⌋ or ⌈c / unit⌉ units, the latter
    for some digit. So units are all that noise must hide, and ⌈c / unit⌉ is exact."""
    for exact, change in itertools.product(range(3 * unit), repeat=2):
        with_digit: defaultdict[int, list[int]] = defaultdict(list)
        for amount in (exact, exact + change):
            split = [divmod(amount + dither, unit) for dither in range(unit)]
            assert sorted(digit for _, digit in split) == list(range(unit))
            for units, digit in split:
                with_digit[digit].append(units)
        moved = {after - before for before, after in with_digit.values()}
        assert moved <= {change // unit, units_of(change, unit)}
        assert max(moved) == units_of(change, unit)


contributions = st.lists(
    st.tuples(st.integers(0, 30), st.integers(0, 4000), st.integers(0, 19)),
    max_size=25,
    unique_by=lambda item: item[0],
)
viewer_days = st.tuples(
    st.sampled_from(DEFAULT_POLICY.providers),
    st.sampled_from(STARTUP_METRICS),
    st.sampled_from(REBUFFER_METRICS),
    st.booleans(),
    st.booleans(),
    st.booleans(),
)


@given(contributions, viewer_days)
def test_no_viewer_day_moves_a_query_further_than_stated(
    watched: list[tuple[int, int, int]], viewer_day: tuple[str, str, str, bool, bool, bool]
) -> None:
    """A viewer-day, bounded as in spec/kpis.md, changes every query's vector by at most Δ₂. (What
    SQL makes of a viewer-day: tests/dbt/test_sensitivity.py.)"""
    provider, startup, rebuffer, week, month, at_peak = viewer_day
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
        change["creator", creator, "viewers_eu"] = 1
        change["creator", creator, "watch_seconds"] += seconds
        change["platform", "", "views"] += 1
        change["platform", "", "watch_seconds"] += seconds
    if kept:
        change["platform", "", "viewers"] = 1
        change["platform", "", "first_of_week"] = week
        change["platform", "", "first_of_month"] = month
        change["platform", "", "peak_viewers"] = at_peak
        change["region", "DE", "viewers"] = 1
        for metric in ("viewers", startup, rebuffer):
            change["provider", provider, metric] = 1
    moved: Counter[str] = Counter()
    for (scope, _, metric), amount in change.items():
        query = DEFAULT_POLICY.by_row[scope, metric]
        moved[query.name] += units_of(amount, query.unit) ** 2
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
        assert query.threshold == math.ceil(round(3000 * query.sigma) / 1000)
        assert 0 <= query.error_95 - 1.96 * query.sigma < 0.0011


@given(st.integers(1, 10**9), st.integers(1, 5000), st.integers(1, 10**6))
def test_the_public_sigma_counts_noise_and_dither(squared: int, unit: int, rho_nano: int) -> None:
    """The standard deviation of unit·gaussian + uniform dither, rounded up to 3 decimals."""
    query = replace(
        DEFAULT_POLICY.queries[0], sensitivity_squared=squared, unit=unit, rho_nano=rho_nano
    )
    stated = round(query.sigma * 1000)
    twelvefold = 12 * (unit * query.sigma_thousandths) ** 2 + (unit**2 - 1) * 10**6
    assert 12 * (stated - 1) ** 2 < twelvefold <= 12 * stated**2
    if unit == 1:
        assert stated == query.sigma_thousandths


@pytest.mark.parametrize("releases", [1, 2, 30, 60])
def test_epsilon_equals_dp_accounting(releases: int) -> None:
    """Composing the queries one by one in Google's RDP accountant gives our ε, to 0.1 %."""
    orders = [1 + 1.003**i / 100 for i in range(3000)]
    accountant = rdp.RdpAccountant(orders)
    for query in DEFAULT_POLICY.queries:
        multiplier = query.sigma_thousandths / 1000 / math.sqrt(query.sensitivity_squared)
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
    assert published["per_30_days_at_most"] == accounting.published_epsilon(40 * 125_000_000)
    wide = build_policy(rho_nano_per_30_days=10**12).to_json()["epsilon"]
    assert wide["per_30_days_at_most"] == accounting.published_epsilon(60 * 125_000_000)


def test_policy_bytes_round_trip() -> None:
    """policy.json parses to the policy it was made of; its hash is a fixed part of the format."""
    assert parse_policy(DEFAULT_POLICY.canonical_bytes) == DEFAULT_POLICY
    other = build_policy(
        Bounds(5, 600, 1800),
        regions=("FR", "ZZ"),
        rho_nano_per_30_days=4_000_000_000,
        providers=("cdn",),
    )
    assert parse_policy(other.canonical_bytes) == other
    assert other.policy_hash != DEFAULT_POLICY.policy_hash
    coarser = build_policy(units={**DEFAULT_UNITS, "video.watch_seconds": 900})
    assert parse_policy(coarser.canonical_bytes) == coarser
    assert coarser.policy_hash != DEFAULT_POLICY.policy_hash


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
        ({"rho_nano": {"video.viewers": 1}}, "queries.creator.continent"),
        ({"rho_nano": {**DEFAULT_RHO_NANO, "video.likes": 1}}, "queries.video.likes"),
        ({"units": {**DEFAULT_UNITS, "planet.viewers": 1}}, "queries.planet.viewers"),
        (
            {"rho_nano": {**DEFAULT_RHO_NANO, "region.viewers": -5}},
            "queries.region.viewers.rho_nano",
        ),
        ({"rho_nano": {**DEFAULT_RHO_NANO, "video.viewers": 0}}, "queries.video.viewers.rho_nano"),
        ({"rho_nano_per_day": 124_999_999}, "rho_nano_per_day"),
        ({"rho_nano_per_30_days": 124_999_999}, "rho_nano_per_30_days"),
        ({"rho_nano_per_30_days": 249_999_999}, "rho_nano_per_30_days"),
        ({"rho_nano_per_30_days": 0}, "rho_nano_per_30_days"),
        ({"rho_nano_per_30_days": 10**12 + 1}, "rho_nano_per_30_days"),
        ({"units": {**DEFAULT_UNITS, "platform.views": 0}}, "queries.platform.views.unit"),
        (
            {"units": {**DEFAULT_UNITS, "video.watch_seconds": 1}},
            "queries.video.watch_seconds.unit",
        ),
        ({"regions": ("US", "DE")}, "regions"),
        ({"regions": ("de",)}, "regions"),
        ({"providers": ("ipfs", "cdn")}, "providers"),
        ({"providers": ("ipfs", "ipfs")}, "providers"),
        ({"providers": ("IPFS",)}, "providers"),
    ],
)
def test_senseless_policies_are_refused(arguments: dict[str, object], field: str) -> None:
    """A bound, share, unit, cap or list of keys that makes no sense is named, and so is a metric
    that nobody knows; also a unit so fine that no table could hold its noise."""
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
