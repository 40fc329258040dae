"""What a chart gives as CSV is what the API gives, byte for byte."""

import csv
import io
from pathlib import Path

import pytest
from playwright.sync_api import Locator

from tests.dashboard.conftest import Published
from tests.dashboard.support import PAGES, Visit

pytestmark = pytest.mark.browser
WITHOUT_CHARTS = ("operations", "day", "verify")


def downloaded(link: Locator) -> bytes:
    with link.page.expect_download() as waiting:
        link.click()
    return Path(waiting.value.path()).read_bytes()


@pytest.mark.parametrize("name", [name for name in PAGES if name not in WITHOUT_CHARTS])
def test_every_chart_has_its_csv(visit: Visit, published: Published, name: str) -> None:
    """Each card with a chart offers a file; those of figures are the API's own."""
    page = visit.open(PAGES[name].format(**published.names))
    links = page.locator("a[download]")
    charts = page.locator(".plot, .columns, .bars, .spans, .budget-days, .gauge")
    assert links.count() > 0
    for card in page.locator("section.card").filter(has=charts).all():
        assert card.locator("a[download]").count() == 1
    for link in links.all():
        target = link.get_attribute("href") or ""
        body = downloaded(link)
        rows = list(csv.DictReader(io.StringIO(body.decode())))
        assert rows
        if target.startswith("/api/"):
            assert body == visit.site.get(target).content
            assert {"day", "value", "error_95", "suppressed"} <= rows[0].keys()


def test_the_csv_of_a_chart_has_its_figures(visit: Visit, published: Published) -> None:
    """The file of the platform's viewers has every day's figure and nothing else."""
    page = visit.open("/")
    rows = list(
        csv.DictReader(
            io.StringIO(downloaded(page.get_by_label("Viewers as CSV", exact=True)).decode())
        )
    )
    found = [(row["day"], row["scope"], row["metric"], row["value"]) for row in rows]
    expected = [
        (str(report.header.day), "platform", "viewers", str(value or ""))
        for report in published.reports
        for value in [report.by_name["platform", "", "viewers"].value]
    ]
    assert found == expected


def test_the_budget_of_days_is_the_apis(visit: Visit) -> None:
    """The one chart that no CSV route has writes what the API's JSON says."""
    page = visit.open("/privacy")
    body = downloaded(page.get_by_label("Each day's budget as CSV"))
    rows = list(csv.DictReader(io.StringIO(body.decode())))
    days = visit.site.get("/api/v1/budget").json()["days"]
    assert [row["day"] for row in rows] == [day["day"] for day in days]
    for row, day in zip(rows, days, strict=True):
        for name in ("releases", "rho_spent", "rho_left", "epsilon"):
            assert float(row[name]) == day[name]
