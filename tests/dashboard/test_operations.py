"""What an operator cannot hide, and what only the operator sees: corrections, erasures, keys."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.dashboard.conftest import DAYS, Published, Visiting
from tests.dashboard.support import Site, free_port, open_site, visiting, words
from tests.support.world import DAYS as WORLD_DAYS
from tests.support.world import REGISTRY

pytestmark = pytest.mark.browser
CORRECTED = WORLD_DAYS[1]


@pytest.fixture(scope="module")
def world() -> Iterator[Site]:
    """Three days; the second was corrected, the first erased."""
    with open_site(len(WORLD_DAYS), dict(os.environ), "tests.dashboard.world_site") as site:
        yield site


def new_key(environ: dict[str, str], grant: str) -> str:
    """A read key, made by the command that the page names."""
    command = ("read-keys", "create", "a test", "--grant", grant)
    made = subprocess.run(
        [sys.executable, "-m", "analytics_pipeline", *command],
        env=environ,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return made.stdout.strip()


def enter_key(page: Page, key: str) -> None:
    page.get_by_label("Access key").fill(key)
    page.get_by_role("button", name="Use key").click()


def test_a_correction_says_what_it_corrected(browser: Browser, world: Site) -> None:
    """Lists, charts and the day's own page name revision, predecessor and reason."""
    note = "revision 2, corrects revision 1: late events"
    with visiting(browser, world) as visit:
        page = visit.open("/operations")
        expect(page.get_by_role("region", name="Released days")).to_contain_text(note)
        page = visit.open(f"/?day={CORRECTED}")
        expect(page.locator(".detail").first).to_contain_text(note)

        page = visit.open(f"/days/{CORRECTED}")
        expect(page.locator(".page-head")).to_contain_text(note)
        table = page.get_by_role("region", name="Figures")
        heads = table.locator("thead th").all_inner_texts()
        assert heads == ["Figure", "Revision 2", "Revision 1, superseded"]
        figures = {
            revision: {
                figure["metric"]: figure["value"]
                for figure in world.get(
                    "/api/v1/figures",
                    scope="platform",
                    revision=revision,
                    **{"from": CORRECTED, "to": CORRECTED},
                ).json()["data"]
            }
            for revision in (1, 2)
        }
        head = page.get_by_role("rowheader", name="Viewers", exact=True)
        viewers = table.get_by_role("row").filter(has=head)
        assert f"{figures[2]['viewers']:,}" in words(viewers.locator("td").nth(0))
        assert f"{figures[1]['viewers']:,}" in words(viewers.locator("td").nth(1))


def test_a_receipt_of_erasure(browser: Browser, world: Site) -> None:
    """The erased day, how many keys went, and the release whose receipt it is."""
    (receipt,) = world.get("/api/v1/erasures").json()["data"]
    with visiting(browser, world) as visit:
        page = visit.open("/operations")
        row = page.get_by_role("region", name="Erasures").locator("tbody tr")
        expect(row).to_contain_text("Mar 1, 2026")
        expect(row).to_contain_text(receipt["reason"])
        assert words(row.locator("td").nth(2)) == str(receipt["data_keys"])


def test_records_in_the_order_of_the_chain(browser: Browser, world: Site) -> None:
    """Commits and releases stand as the registry has them, the withheld commit among them."""
    records = world.get("/api/v1/records").json()["data"]
    with visiting(browser, world) as visit:
        page = visit.open("/operations")
        rows = page.get_by_role("region", name="Records").locator("tbody tr")
        kinds = [words(row.locator("th")).split()[0].lower() for row in rows.all()]
        assert kinds == [record["kind"] for record in records]


def test_counts_are_for_the_operator(
    visiting_site: Visiting, environ: dict[str, str], published: Published
) -> None:
    """Without a key nothing is asked; a platform key is refused; an operator's shows exact counts,
    and stays in this tab alone."""
    with visiting_site(quiet=False) as visit:
        page = visit.open("/operations")
        card = page.get_by_role("region", name="Events received")
        expect(card).to_contain_text("These counts need an operator's key")
        enter_key(page, new_key(environ, "platform"))
        expect(card).to_contain_text("This key does not open it")
        key = new_key(environ, "operator")
        enter_key(page, key)
        rows = card.locator("tbody tr")
        expect(rows).to_have_count(DAYS)
        stored = page.evaluate("[JSON.stringify(localStorage), JSON.stringify(sessionStorage)]")
        assert key not in stored[0]
        assert key in json.loads(stored[1]).values()
        assert key not in page.url
        accepted = {
            day["day"]: day["accepted"]
            for day in replace(visit.site, key=key).get("/api/v1/operations").json()["data"]
        }
        shown = [words(row.locator("td").nth(1)) for row in rows.all()]
        assert sorted(shown) == sorted(f"{count:,}" for count in accepted.values())
        page.get_by_role("button", name="Forget the key").click()
        expect(card).to_contain_text("These counts need an operator's key")


@pytest.fixture(scope="module")
def closed(environ: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A server that asks for keys, and whose chain does not answer."""
    home = tmp_path_factory.mktemp("closed")
    settings = {
        "ANALYTICS_HOME": str(home),
        "ANALYTICS_SERVE_ACCESS": "keys",
        "ANALYTICS_CHAIN": f"http://127.0.0.1:{free_port()}",
        "ANALYTICS_REGISTRY": REGISTRY,
    }
    key = new_key({**environ, **settings}, "platform")
    with open_site(0, {**environ, **settings}, key=key) as site:
        yield site


def test_a_platform_that_asks_for_keys(browser: Browser, closed: Site) -> None:
    """Where reading needs a key the whole dashboard asks for one, once; downloads send it, too."""
    with visiting(browser, closed, quiet=False) as visit:
        page = visit.page
        page.goto(closed.url)
        expect(page.locator("main h2")).to_have_text("This page needs a key")
        enter_key(page, "rk_wrong")
        expect(page.locator("main h2")).to_have_text("This key does not open it")
        enter_key(page, closed.key)
        expect(page.locator("h1")).to_have_text("Overview")
        page.get_by_role("link", name="Videos", exact=True).click()
        expect(page.locator("h1")).to_have_text("Videos")


def test_a_chain_that_does_not_answer(browser: Browser, closed: Site) -> None:
    """Figures that may not be of now say since when nothing new was read."""
    with visiting(browser, closed, quiet=False) as visit:
        visit.page.goto(closed.url)
        enter_key(visit.page, closed.key)
        expect(visit.page.get_by_role("complementary")).to_contain_text("Not of now")


def test_downloads_send_the_key(visiting_site: Visiting, environ: dict[str, str]) -> None:
    """With a key a file is fetched with it: a link alone would not send it."""
    with visiting_site() as visit:
        page = visit.open("/videos")
        page.evaluate(
            "(key) => sessionStorage.setItem('analytics-access-key', key)",
            new_key(environ, "platform"),
        )
        link = page.get_by_label("Videos as CSV")
        with (
            page.expect_request("**/api/v1/figures*format=csv*") as asked,
            page.expect_download() as waiting,
        ):
            link.click()
        assert asked.value.headers["authorization"].startswith("Bearer ")
        assert waiting.value.suggested_filename == "videos.csv"
        plain = visit.site.get(link.get_attribute("href") or "").content
        assert Path(waiting.value.path()).read_bytes() == plain
