"""What readers compute from reports: by hand, and against many draws of the noise itself."""

import math
import random
from collections.abc import Mapping
from dataclasses import replace
from datetime import date, timedelta

import pytest

from analytics_pipeline.core.derived import (
    derive_average_watch_seconds,
    derive_completion,
    derive_monthly_viewers,
    derive_ratio,
    derive_retention,
    derive_total,
    derive_total_ratio,
    derive_weekly_viewers,
)
from analytics_pipeline.core.errors import InvalidInput
from analytics_pipeline.core.policy import furthest_bin_metric
from analytics_pipeline.core.quantiles import (
    derive_rebuffer_quantile,
    derive_rebuffer_share,
    derive_startup_quantile,
    derive_startup_share,
)
from analytics_pipeline.core.report import (
    Report,
    ReportHeader,
    ReportRow,
    build_report,
    parse_report,
)

MONDAY = date(2026, 3, 2)
HEADER = ReportHeader("demo", MONDAY, 1, bytes(32), bytes(32), 125_000_000, 3)
Values = Mapping[tuple[str, str, str], int | None]


def report_of(values: Values, day: date = MONDAY) -> Report:
    """Every figure ± 19.6 (σ 10)."""
    rows = [ReportRow(*name, value, 10.0, 19.6) for name, value in sorted(values.items())]
    return parse_report(build_report(replace(HEADER, day=day), rows))


def histogram(name: str, *values: int | None) -> Report:
    return report_of({("provider", "ipfs", f"{name}_{i}"): value for i, value in enumerate(values)})


def test_averages_carry_their_error() -> None:
    """1000 ± 19.6 seconds over 100 ± 19.6 viewers: 10 seconds, off by a fifth."""
    report = report_of({("platform", "", "watch_seconds"): 1000, ("platform", "", "viewers"): 100})
    average = derive_average_watch_seconds(report, "platform")
    assert average is not None
    assert average.value == 10
    assert average.error_95 == pytest.approx(1.97, abs=0.01)


def test_nothing_is_derived_from_what_is_suppressed() -> None:
    """A suppressed or absent ingredient gives None."""
    report = report_of({("platform", "", "watch_seconds"): None, ("platform", "", "viewers"): 100})
    assert derive_average_watch_seconds(report, "platform") is None
    assert derive_ratio(report, "platform", "", "viewers", "watch_seconds") is None
    assert derive_average_watch_seconds(report, "video", "clip") is None
    assert derive_retention(report, "clip") is None


def test_retention_sums_from_the_end() -> None:
    """Who got to bin 19 also passed bin 0; suppressed bins are counted, not guessed."""
    values: dict[tuple[str, str, str], int | None] = {
        ("video", "clip", furthest_bin_metric(i)): None for i in range(20)
    }
    assert derive_retention(report_of(values), "clip") is None
    values["video", "clip", furthest_bin_metric(0)] = 60
    values["video", "clip", furthest_bin_metric(19)] = 40
    curve = derive_retention(report_of(values), "clip")
    assert curve is not None
    assert (curve.reached[0], curve.reached[1], curve.reached[19]) == (100, 40, 40)
    assert curve.suppressed_bins == 18
    assert curve.errors_95[0] == pytest.approx(19.6 * math.sqrt(2))
    assert curve.errors_95[1] == curve.errors_95[19] == 19.6


def test_completion_is_the_share_of_the_last_bin() -> None:
    """40 ± 19.6 of 100 ± 19.6 viewers: 40 %, off by half a hundred percent of itself."""
    values: Values = {
        ("video", "clip", "furthest_bin_19"): 40,
        ("video", "clip", "viewers"): 100,
        ("video", "other", "furthest_bin_19"): None,
        ("video", "other", "viewers"): 100,
    }
    share = derive_completion(report_of(values), "clip")
    assert share is not None
    assert share.value == 0.4
    assert share.error_95 == pytest.approx(0.4 * math.hypot(0.49, 0.196))
    assert derive_completion(report_of(values), "other") is None


def week(*firsts: int | None) -> list[Report]:
    """Reports from Monday on."""
    return [
        report_of(
            {("platform", "", "first_of_week"): first, ("platform", "", "first_of_month"): first},
            MONDAY + timedelta(days=offset),
        )
        for offset, first in enumerate(firsts)
    ]


def test_a_week_is_the_sum_of_its_first_days() -> None:
    """Variances add up; a suppressed day makes the sum a lower bound, and says so."""
    total = derive_weekly_viewers(week(500, 300, 200, 100))
    assert total is not None
    assert (total.value, total.days, total.missing_days) == (1100, 4, 0)
    assert total.error_95 == pytest.approx(2 * 19.6)
    partly = derive_weekly_viewers(week(500, None, 200, None, None))
    assert partly is not None
    assert (partly.value, partly.days, partly.missing_days) == (700, 5, 3)
    assert partly.error_95 == pytest.approx(math.sqrt(2) * 19.6)
    assert derive_weekly_viewers(week(None, None)) is None
    assert derive_weekly_viewers([]) is None


def test_a_viewer_of_two_weeks_is_first_twice() -> None:
    """Days of two ISO weeks are no week; of one month they are a month. A day counts once."""
    days = week(*[100] * 8)
    with pytest.raises(InvalidInput, match="one period"):
        derive_weekly_viewers(days)
    month = derive_monthly_viewers(days)
    assert month is not None
    assert month.value == 800
    with pytest.raises(InvalidInput, match="one period"):
        derive_monthly_viewers([*days, report_of({}, date(2026, 4, 1))])
    with pytest.raises(InvalidInput, match="one revision of each"):
        derive_weekly_viewers([days[0], days[0]])


def test_other_figures_can_be_summed_as_well() -> None:
    """Viewer-days of a country, say; a report without the row counts as missing."""
    reports = [report_of({("region", "DE", "viewers"): 50}), report_of({}, date(2026, 3, 9))]
    total = derive_total(reports, "region", "DE", "viewers")
    assert total is not None
    assert (total.value, total.missing_days) == (50, 1)


def test_an_average_over_days_is_of_the_days_that_show_both() -> None:
    """1000 over 100, and 3000 over 100: 20. A day that lacks one of the two would shift it."""

    def day(number: int, seconds: int | None, viewers: int | None) -> Report:
        values = {
            ("platform", "", "watch_seconds"): seconds,
            ("platform", "", "viewers"): viewers,
        }
        return report_of(values, MONDAY + timedelta(days=number))

    names = ("platform", "", "watch_seconds", "viewers")
    days = [day(0, 1000, 100), day(1, None, 400), day(2, 3000, 100), day(3, 9000, None)]
    average = derive_total_ratio(days, *names)
    assert average is not None
    assert average.value == 20
    relative = math.hypot(19.6 * math.sqrt(2) / 4000, 19.6 * math.sqrt(2) / 200)
    assert average.error_95 == pytest.approx(20 * relative)
    assert derive_total_ratio(days[:1], *names) == derive_ratio(days[0], *names)
    assert derive_total_ratio(days[1:2], *names) is None
    assert derive_total_ratio(days, "video", "v", "watch_seconds", "viewers") is None


def test_a_share_of_a_histogram() -> None:
    """100 of 400 reported start below 250 ms, 300 below 500 ms; the eighth bin is not reported."""
    report = histogram("startup", 100, 200, 100, None, None, None, None, 5000)
    share = derive_startup_share(report, "ipfs", 250)
    assert share is not None
    assert share.value == 0.25
    error = math.hypot(19.6 * 300, math.sqrt(2) * 19.6 * 100) / 400**2
    assert share.low == pytest.approx(100 / (400 + 4 * 49.6) - error)
    assert share.high == pytest.approx(0.25 + error)
    wide = derive_startup_share(report, "ipfs", 8000)
    assert wide is not None
    assert (wide.value, wide.high) == (1, 1)
    with pytest.raises(InvalidInput, match="one of the edges 250, 500"):
        derive_startup_share(report, "ipfs", 300)
    nothing = histogram("startup", *[None] * 7, 5000)
    assert derive_startup_share(nothing, "ipfs", 250) is None
    assert derive_startup_share(report, "cdn", 250) is None


def test_a_quantile_lies_in_a_bin_or_several() -> None:
    """10,000 in the second bin and little else: the median is 250 to 500 ms. On an edge, or with
    bins that hide a lot, it is wider."""
    report = histogram("startup", 100, 10_000, 100, None, None, None, None, None)
    median = derive_startup_quantile(report, "ipfs", 50)
    assert median is not None
    assert (median.low, median.high) == (250, 500)
    even = histogram("startup", 5000, 5000, None, None, None, None, None, None)
    edge = derive_startup_quantile(even, "ipfs", 50)
    assert edge is not None
    assert (edge.low, edge.high) == (0, 500)
    top = derive_startup_quantile(histogram("startup", *[None] * 6, 900, 40), "ipfs", 99)
    assert top is not None
    assert (top.low, top.high) == (8000, None)
    assert derive_startup_quantile(histogram("startup", *[None] * 7, 40), "ipfs", 50) is None
    with pytest.raises(InvalidInput, match="percent"):
        derive_startup_quantile(report, "ipfs", 100)


def test_most_do_not_stall() -> None:
    """9,000 of 10,000 viewer-days did not stall at all: the median is 0."""
    report = histogram("rebuffer", 9000, None, None, 500, 500, None, None, None)
    share = derive_rebuffer_share(report, "ipfs", 0)
    assert share is not None
    assert share.value == 0.9
    median = derive_rebuffer_quantile(report, "ipfs", 50)
    assert median is not None
    assert (median.low, median.high) == (0, 0)
    top = derive_rebuffer_quantile(report, "ipfs", 97)
    assert top is not None
    assert (top.low, top.high) == (20, 50)


@pytest.mark.parametrize("exact", [[900, 60, 30, 20, 10, 5, 1], [40, 45, 50, 300, 50, 45, 40]])
def test_stated_errors_hold_in_95_of_100_cases(exact: list[int]) -> None:
    """2,000 noised histograms: shares and quantiles lie where they are said to, nearly always more
    often than 95 in 100, for suppressed bins are taken at their worst."""
    random.seed(7)
    whole, held, rounds = sum(exact), 0, 2000
    for _ in range(rounds):
        noised = [round(random.gauss(value, 10)) for value in exact]
        shown = [value if value >= 30 else None for value in noised]
        report = histogram("startup", *shown, None)
        share = derive_startup_share(report, "ipfs", 500)
        median = derive_startup_quantile(report, "ipfs", 50)
        assert share is not None
        assert median is not None
        held += share.low <= sum(exact[:2]) / whole <= share.high
        assert median.low <= (0 if exact[0] == 900 else 1000)
        assert median.high is None or median.high >= (250 if exact[0] == 900 else 2000)
    assert held >= 0.95 * rounds - 3 * math.sqrt(rounds * 0.05 * 0.95)
