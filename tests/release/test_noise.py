"""The noise of a release: as much as published, no less, and only where it is told."""

import math
from collections.abc import Sequence
from datetime import date
from statistics import fmean, pstdev

import pytest

from analytics_pipeline.core.accounting import NANO, published_epsilon
from analytics_pipeline.core.errors import InvalidInput, ReleaseError
from analytics_pipeline.core.policy import DEFAULT_POLICY, Query
from analytics_pipeline.core.report import MAX_VALUE, ReportHeader, parse_report
from analytics_pipeline.core.tally import MAX_TALLY_VALUE, TallyRow
from analytics_pipeline.release import noise
from analytics_pipeline.release.noise import draw_report, library_rho
from tests.support.world import SMALL_POLICY, small_tally


def header_of(tally: Sequence[TallyRow]) -> ReportHeader:
    return ReportHeader(
        "demo",
        date(2026, 3, 1),
        1,
        bytes(32),
        SMALL_POLICY.policy_hash,
        SMALL_POLICY.rho_nano_per_release,
        len(tally),
    )


def tally_of(value: int, videos: int = 2) -> list[TallyRow]:
    return [row._replace(value=value) for row in small_tally(SMALL_POLICY, videos)]


def test_the_library_spends_no_more_than_we_publish() -> None:
    """OpenDP's privacy map at each query's sensitivity and σ: at most its ρ, and not much less."""
    for query in DEFAULT_POLICY.queries:
        assert 0.999 * query.rho_nano < library_rho(query) * NANO <= query.rho_nano


def test_the_published_epsilon_covers_what_the_library_says() -> None:
    """The ε in policy.json is at least the one of the library's summed ρ (cf. opendp#2945)."""
    total = math.ceil(sum(library_rho(query) for query in DEFAULT_POLICY.queries) * NANO)
    published = DEFAULT_POLICY.to_json()["epsilon"]["per_release"]
    assert published_epsilon(total) <= published


def test_a_query_that_would_spend_more_is_not_drawn() -> None:
    """A mechanism whose map exceeds the policy's ρ raises before anything is drawn."""

    class Understated(Query):
        @property
        def sigma(self) -> float:
            return super().sigma / 2

    real = DEFAULT_POLICY.queries[0]
    lying = Understated(
        real.name, real.scope, real.metrics, real.rho_nano, real.sensitivity_squared
    )
    with pytest.raises(ReleaseError, match="more than its policy says"):
        library_rho(lying)


def test_noise_has_the_stated_spread() -> None:
    """Over many cells: mean 0, deviation σ, one in twenty beyond the 95 % error (6.5 σ slack)."""
    exact = 10**6
    tally = tally_of(exact, videos=400)
    report = parse_report(draw_report(tally, SMALL_POLICY, header_of(tally)))
    for query in SMALL_POLICY.queries:
        noises = [
            row.value - exact
            for row in report.rows
            if row.value is not None
            and (row.scope, row.metric) in {(query.scope, metric) for metric in query.metrics}
        ]
        if query.scope != "video":
            assert all(abs(noise) < 7 * query.sigma for noise in noises)
            continue
        count = len(noises)
        assert count in (400, 8000)
        assert abs(fmean(noises)) < 6.5 * query.sigma / math.sqrt(count)
        assert abs(pstdev(noises) / query.sigma - 1) < 6.5 / math.sqrt(2 * count)
        outside = sum(abs(noise) > query.error_95 for noise in noises) / count
        assert abs(outside - 0.05) < 6.5 * math.sqrt(0.05 * 0.95 / count) + 0.01


def test_noise_is_drawn_anew_and_rows_are_independent() -> None:
    """Two releases of one tally differ, and no two cells share their noise."""
    tally = tally_of(10**9, videos=20)
    first = parse_report(draw_report(tally, SMALL_POLICY, header_of(tally)))
    second = parse_report(draw_report(tally, SMALL_POLICY, header_of(tally)))
    assert first.rows != second.rows
    watch = [row.value for row in first.rows if row.metric == "watch_seconds"]
    assert len(set(watch)) > len(watch) * 0.9


def test_empty_days_are_suppressed() -> None:
    """Of zeros almost nothing is shown; what is shown is at its threshold or above."""
    tally = tally_of(0, videos=50)
    report = parse_report(draw_report(tally, SMALL_POLICY, header_of(tally)))
    shown = [row for row in report.rows if row.value is not None]
    assert len(shown) < 25  # 1106 cells at 0.13 %: 1.5 expected
    for row in shown:
        assert row.value is not None
        assert row.value >= SMALL_POLICY.by_row[row.scope, row.metric].threshold


def test_report_rows_are_complete_and_in_order() -> None:
    """The report has the tally's rows, sorted, whatever order they came in."""
    tally = tally_of(5)
    report = parse_report(draw_report(tally[::-1], SMALL_POLICY, header_of(tally)))
    assert [row.name for row in report.rows] == [row[:3] for row in tally]
    assert {row.sigma for row in report.rows} == {query.sigma for query in SMALL_POLICY.queries}


def test_a_catalogue_without_videos_is_released() -> None:
    """No video, no creator: the platform and its regions remain."""
    tally = [row for row in tally_of(10**6) if row.scope in ("platform", "region")]
    report = parse_report(draw_report(tally, SMALL_POLICY, header_of(tally)))
    assert len(report.rows) == 6


def test_the_largest_values_do_not_overflow() -> None:
    """At the tally's limit the noised value stays an exact JSON integer."""
    tally = tally_of(MAX_TALLY_VALUE)
    report = parse_report(draw_report(tally, SMALL_POLICY, header_of(tally)))
    assert all(row.value is not None and row.value <= MAX_VALUE for row in report.rows)


@pytest.mark.parametrize(
    ("field", "value"),
    [("policy_hash", bytes(32)), ("spend_nano_rho", 1), ("row_count", 1)],
)
def test_a_header_of_other_inputs_is_refused(field: str, value: object) -> None:
    """The header must state the policy, the spend and the rows that are drawn."""
    tally = tally_of(5)
    header = header_of(tally)
    with pytest.raises(InvalidInput, match=f"header.{field}"):
        draw_report(tally, SMALL_POLICY, type(header)(**{**vars(header), field: value}))


def test_an_incomplete_tally_is_refused() -> None:
    """Nothing is drawn for a tally that lacks a row."""
    tally = tally_of(5)[1:]
    with pytest.raises(InvalidInput):
        draw_report(tally, SMALL_POLICY, header_of(tally))


def test_there_is_no_other_randomness() -> None:
    """The module uses OpenDP's sampler and no generator of Python's."""
    assert not {"random", "secrets", "numpy", "np"} & set(vars(noise))
