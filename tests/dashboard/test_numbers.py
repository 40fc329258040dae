"""Numbers on the pages are the numbers of the reports, read from chain and IPFS beside the API."""

import math

import pytest
from playwright.sync_api import Page, expect

from analytics_pipeline.core.accounting import published_epsilon
from analytics_pipeline.core.derived import (
    derive_average_watch_seconds,
    derive_completion,
    derive_retention,
    derive_total,
)
from analytics_pipeline.core.histograms import FURTHEST_BIN_METRICS, STARTUP_METRICS
from analytics_pipeline.core.quantiles import derive_startup_share
from tests.dashboard.conftest import Published
from tests.dashboard.support import Visit, counted, in_hours, lasted, long_day, row_of, shown, words

pytestmark = pytest.mark.browser


def as_table(page: Page, card: str) -> list[list[str]]:
    """A card's chart as a table: the texts of its rows' cells."""
    section = page.get_by_role("region", name=card, exact=True)
    section.get_by_label("Table", exact=True).check()
    rows = section.locator(".card-table tbody tr")
    expect(rows.first).to_be_visible()
    return [[words(cell) for cell in row.locator("th, td").all()] for row in rows.all()]


@pytest.mark.parametrize(
    ("metric", "title"),
    [
        ("viewers", "Viewers"),
        ("views", "Views"),
        ("watch_seconds", "Watch time"),
        ("peak_viewers", "Most at once"),
    ],
)
def test_days_of_the_platform(visit: Visit, published: Published, metric: str, title: str) -> None:
    """The table of each chart has every day's figure, newest first; the chosen day says its own."""
    page = visit.open(f"/?metric={metric}")
    threshold = published.threshold("platform", metric)
    rows = [row_of(report, "platform", "", metric) for report in published.reports[::-1]]
    cells = [cells[2] for cells in as_table(page, title)]
    detail = words(page.locator(".trend .detail"))
    assert long_day(published.days[-1]) in detail
    if metric == "watch_seconds":
        for row, cell in zip(rows, cells, strict=True):
            if row.value is None:
                assert f"too few to show (< {threshold / 3600:,.1f} hr)" in cell
            else:
                assert in_hours(row.value, row.error_95) in cell
        return
    for row, cell in zip(rows, cells, strict=True):
        assert shown(row, threshold) in cell
    assert shown(rows[0], threshold) in detail


def test_totals_of_the_platform(visit: Visit, published: Published) -> None:
    """Tiles have the sums over days with the errors of sums."""
    page = visit.open("/")
    for metric in ("viewers", "views"):
        total = derive_total(published.reports, "platform", "", metric)
        assert total is not None
        tile = page.locator(f".tile:has(#metric-{metric}) .tile-value")
        assert words(tile) == counted(total.value, total.error_95)


def test_weekly_and_monthly_viewers(visit: Visit, published: Published) -> None:
    """Weeks and months have the sums of first days, and say how many days are in them."""
    page = visit.open("/")
    months: dict[tuple[int, int], int] = {}
    for report in published.reports:
        value = row_of(report, "platform", "", "first_of_month").value
        month = (report.header.day.year, report.header.day.month)
        months[month] = months.get(month, 0) + (value or 0)
    listed = page.get_by_role("list", name="Viewers by month").locator("li")
    assert listed.count() == len(months)
    for text, sum_ in zip(listed.all_inner_texts(), reversed(months.values()), strict=True):
        assert f"{sum_:,}" in text or "too few to show" in text


def test_average_watch_time(visit: Visit, published: Published) -> None:
    """The average of a day is the ratio of its figures, or nothing where one is suppressed."""
    page = visit.open("/?metric=average_watch_seconds")
    for report, cells in zip(
        published.reports[::-1], as_table(page, "Average watch time"), strict=True
    ):
        average = derive_average_watch_seconds(report, "platform")
        if average is None:
            assert "too few to show" in cells[2]
        else:
            assert cells[2] == lasted(average.value, average.error_95)


def test_a_video(visit: Visit, published: Published) -> None:
    """Viewers by day, totals, completion and retention of one video."""
    video = published.names["video"]
    page = visit.open(f"/videos/{video}")
    threshold = published.threshold("video", "viewers")
    cells = [cells[2] for cells in as_table(page, "Viewers")]
    for report, cell in zip(published.reports[::-1], cells, strict=True):
        assert shown(row_of(report, "video", video, "viewers"), threshold) in cell

    curve = derive_retention(published.newest, video)
    assert curve is not None
    bins = as_table(page, "Audience retention")
    least = published.threshold("video", FURTHEST_BIN_METRICS[0])
    for place, (_, reached, left) in enumerate(bins):
        assert reached == counted(curve.reached[place], curve.errors_95[place])
        row = row_of(published.newest, "video", video, FURTHEST_BIN_METRICS[place])
        assert shown(row, least) in left
    hidden = f"{curve.suppressed_bins} of 20 parts"
    assert hidden in words(page.get_by_role("region", name="Audience retention"))

    completion = derive_completion(published.newest, video)
    visit.open(f"/videos/{video}?metric=completion")
    detail = words(page.locator(".trend .detail"))
    if completion is None:
        assert "too few to show" in detail
    else:
        digits = 1 if completion.error_95 < 0.02 else 0
        assert f"{completion.value * 100:.{digits}f}%" in detail


def test_the_list_of_videos(visit: Visit, published: Published) -> None:
    """Every video of the listing is there, with its sums over days or none."""
    page = visit.open("/videos")
    rows = {
        words(row.locator("th")): words(row.locator("td").nth(1))
        for row in page.locator("tbody tr").all()
    }
    expected = {row.key for row in published.newest.rows if row.scope == "video"}
    assert rows.keys() == expected
    for video, cell in rows.items():
        total = derive_total(published.reports, "video", video, "viewers")
        if total is None:
            assert cell == f"too few to show (< {published.threshold('video', 'viewers')})"
        else:
            least = "at least " if total.missing_days else ""
            assert cell == least + counted(total.value, total.error_95)


def test_regions(visit: Visit, published: Published) -> None:
    """Countries are those that any day shows; the others are counted, not named."""
    page = visit.open("/regions")
    regions = {row.key for row in published.newest.rows if row.scope == "region"}
    totals = {
        region: total
        for region in regions
        if (total := derive_total(published.reports, "region", region, "viewers"))
    }
    page.evaluate("document.querySelectorAll('details').forEach((each) => { each.open = true; })")
    values = page.locator(".card").first.locator(".bar-value").all_inner_texts()
    expected = [
        ("at least " if total.missing_days else "") + counted(total.value, total.error_95)
        for total in totals.values()
    ]
    assert sorted(" ".join(value.split()) for value in values) == sorted(expected)
    assert f"{len(totals)} of {len(regions)} are shown" in words(page.locator(".card").first)


def test_a_storage_provider(visit: Visit, published: Published) -> None:
    """Histograms have the report's bins; shares have their ranges."""
    page = visit.open("/storage/ipfs")
    least = published.threshold("provider", "startup_0")
    for metric, cells in zip(
        STARTUP_METRICS, as_table(page, "Start-up time, seconds"), strict=True
    ):
        assert shown(row_of(published.newest, "provider", "ipfs", metric), least) in cells[1]
    share = derive_startup_share(published.newest, "ipfs", 1000)
    tile = words(page.locator(".tile:has(#metric-started) .tile-value"))
    if share is None:
        assert tile == "too few to show"
    else:
        assert tile == f"{share.value:.0%} {share.low:.0%} – {share.high:.0%}"


def test_a_creator(visit: Visit, published: Published) -> None:
    """The audience by continent is summed as the report says."""
    creator = published.names["creator"]
    page = visit.open(f"/creators/{creator}")
    text = words(page.get_by_role("region", name="Audience by continent"))
    continents = [f"viewers_{each}" for each in ("af", "an", "as", "eu", "na", "oc", "sa", "zz")]
    for metric in continents:
        total = derive_total(published.reports, "creator", creator, metric)
        least = published.threshold("creator", metric)
        expected = f"too few to show (< {least})" if total is None else f"{total.value:,} ±"
        assert expected in text


def test_the_privacy_page(visit: Visit, published: Published) -> None:
    """Errors, thresholds, shares of the budget and the number of suppressed figures."""
    page = visit.open("/privacy")
    epsilon = published_epsilon(published.policy.rho_nano_per_release)
    assert f"{epsilon:.2f}" in words(page.locator(".hero-figure"))
    rows = page.get_by_role("region", name="What is shown, and how exactly").locator("tbody tr")
    texts = [[words(cell) for cell in row.locator("td").all()] for row in rows.all()]
    whole = sum(query.rho_nano for query in published.policy.queries)
    order = ("platform", "video", "creator", "region", "provider")
    queries = sorted(published.policy.queries, key=lambda query: order.index(query.scope))
    for query, cells in zip(queries, texts, strict=True):
        own = [
            row
            for row in published.newest.rows
            if row.scope == query.scope and row.metric in query.metrics
        ]
        hidden = sum(row.suppressed for row in own)
        assert cells[2] == f"{query.rho_nano / whole:.0%}"
        assert cells[4] == f"{hidden:,} of {len(own):,}"
        if query.unit == 1:
            assert cells[:2] == [f"{math.ceil(query.error_95)}", f"{query.threshold}"]
