"""Nothing there, nothing found, nobody answers, no key: each says so, and what to do."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Route, expect

from tests.dashboard.conftest import Visiting
from tests.dashboard.support import READY, Site, open_site, visiting

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def empty(environ: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A server of a deployment that has published nothing."""
    home = tmp_path_factory.mktemp("empty")
    with open_site(0, {**environ, "ANALYTICS_HOME": str(home)}) as site:
        yield site


def test_a_platform_without_releases(browser: Browser, empty: Site) -> None:
    """Every page says that nothing is released, and nowhere stands a zero that nobody published."""
    with visiting(browser, empty) as visit:
        for path in ("/", "/videos", "/creators", "/regions", "/storage", "/privacy", "/verify"):
            page = visit.open(path)
            expect(page.locator("main .state h2")).to_have_text("Nothing is released yet")
            assert page.locator(".figure-value").count() == 0
        visit.open("/operations")
        expect(page.locator("main")).to_contain_text("No day has been erased yet")


def test_days_without_releases(visiting_site: Visiting) -> None:
    """A range before the first release says which days there are."""
    with visiting_site() as visit:
        page = visit.open("/?from=2020-01-01&to=2020-01-31")
        expect(page.locator("main .state h2")).to_have_text("No released day in this range")


@pytest.mark.parametrize(
    ("path", "title"),
    [
        ("/videos/no-such-video", "No such resource"),
        ("/days/2020-01-01", "No such resource"),
        ("/nowhere", "There is no such page"),
    ],
)
def test_what_is_not_there(visiting_site: Visiting, path: str, title: str) -> None:
    """A wrong link is told from an error."""
    with visiting_site(quiet=False) as visit:
        page = visit.page
        page.goto(visit.site.url + path)
        expect(page.locator("main .state h2")).to_have_text(title)


def test_a_wrong_address_names_its_mistake(visiting_site: Visiting) -> None:
    """The API's own words about a malformed day reach the reader."""
    with visiting_site(quiet=False) as visit:
        visit.page.goto(visit.site.url + "/?from=yesterday")
        expect(visit.page.locator("[role=alert]")).to_contain_text("Correct the address")


def test_a_server_that_stops_and_comes_back(browser: Browser, empty: Site) -> None:
    """The reader is told that nobody answers, and trying again is one key press."""
    with visiting(browser, empty, quiet=False) as visit:
        page = visit.open("/")
        empty.stop()
        page.get_by_role("link", name="Regions", exact=True).click()
        expect(page.locator("[role=alert]")).to_contain_text("The server does not answer")
        empty.start(0)
        page.get_by_role("button", name="Try again").press("Enter")
        expect(page.locator("h1")).to_have_text("Regions")


def test_skeletons_until_the_figures_are_there(visiting_site: Visiting) -> None:
    """While the API has not answered the page is busy, says so, and shows where figures will be."""
    with visiting_site() as visit:
        page = visit.page
        held: list[Route] = []
        figures = "**/api/v1/platform/figures*"
        page.route(figures, lambda route: held.append(route))
        with page.expect_request(figures):
            page.goto(visit.site.url)
        expect(page.locator("main[aria-busy=true] .skeletons")).to_be_visible()
        expect(page.locator("[role=status]")).to_have_text("Loading")
        held[0].continue_()
        page.wait_for_selector(READY)
        expect(page.locator(".skeletons")).to_have_count(0)
