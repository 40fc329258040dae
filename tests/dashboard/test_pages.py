"""Every page at every size: it fits, complains of nothing, and draws what it is to draw."""

import io

import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from tests.dashboard.conftest import Published, Visiting
from tests.dashboard.support import PAGES, SIZES, Visit, viewport, words

pytestmark = pytest.mark.browser

#: Main pages whose first plot is looked at, pixel by pixel.
PLOTS = ("overview", "video", "creator", "provider")


def colour_of(page: Page, token: str) -> tuple[int, int, int]:
    """A token of the style sheet in the theme of this moment."""
    text = page.evaluate(
        """(token) => {
          const probe = document.createElement("i");
          document.body.append(probe);
          probe.style.color = `var(${token})`;
          const found = getComputedStyle(probe).color;
          probe.remove();
          return found;
        }""",
        token,
    )
    red, green, blue = (int(part) for part in text.strip("rgb()").split(",")[:3])
    return red, green, blue


def pixels(page: Page, selector: str, colour: tuple[int, int, int]) -> int:
    """How many pixels of an element have a colour, but for rounding."""
    element = page.locator(selector).first
    element.scroll_into_view_if_needed()
    image = Image.open(io.BytesIO(element.screenshot())).convert("RGB")
    return sum(
        count
        for count, found in image.getcolors(maxcolors=1 << 24)
        if max(abs(a - b) for a, b in zip(found, colour, strict=True)) <= 3
    )


@pytest.mark.parametrize("size", SIZES, ids=lambda size: str(size[0]))
def test_every_page_fits(
    visiting_site: Visiting, published: Published, size: tuple[int, int]
) -> None:
    """No page is wider than the screen or complains; cards stand below each other, in order."""
    with visiting_site(**viewport(size)) as visit:
        for name, path in PAGES.items():
            page = visit.open(path.format(**published.names))
            assert page.evaluate("document.documentElement.scrollWidth") <= size[0], name
            assert page.locator("h1").count() == 1, name
            overlaps = page.evaluate(
                """() => {
                  const boxes = [...document.querySelectorAll("main > *")]
                    .map((each) => each.getBoundingClientRect()).filter(({ height }) => height);
                  return boxes.slice(1).filter((box, i) => box.top < boxes[i].bottom - 1).length;
                }"""
            )
            assert overlaps == 0, name
            assert visit.complaints == [], name


@pytest.mark.parametrize("name", PLOTS)
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_plots_are_drawn_in_the_colours_of_the_theme(
    visiting_site: Visiting, published: Published, name: str, theme: str
) -> None:
    """A line and its label are there, and so is the card they stand on."""
    with visiting_site(color_scheme=theme) as visit:
        page = visit.open(PAGES[name].format(**published.names))
        series, surface = colour_of(page, "--series"), colour_of(page, "--surface")
        assert (sum(series) < sum(surface)) == (theme == "light")
        assert pixels(page, ".plot", series) > 300
        assert pixels(page, ".plot", surface) > 50_000


def test_the_error_band_is_as_wide_as_the_error(visit: Visit, published: Published) -> None:
    """Retention has a band around its line: pixels between the colours of both."""
    page = visit.open(PAGES["video"].format(**published.names))
    card = page.get_by_role("region", name="Audience retention")
    expect(card.locator(".plot canvas")).to_be_visible()
    surface = colour_of(page, "--surface")
    series = colour_of(page, "--series")
    band = tuple(round(a + 0.17 * (b - a)) for a, b in zip(surface, series, strict=True))
    assert pixels(page, "section:has(> header h2:text-is('Audience retention')) .plot", band) > 1000


def test_every_figure_has_a_badge(visit: Visit, published: Published) -> None:
    """Published figures stand beside the badge that verifies them."""
    for name in ("overview", "video", "creator", "day", "provider"):
        page = visit.open(PAGES[name].format(**published.names))
        for view in page.get_by_label("Table", exact=True).all():
            view.check()
        figures = page.locator(".figure-with-badge")
        assert figures.count() > 0
        bare = page.evaluate(
            """[...document.querySelectorAll(".figure-with-badge")]
                 .filter((each) => !each.querySelector("button, [role=button]")).length"""
        )
        assert bare == 0, name


def test_a_shared_link_shows_what_was_chosen(
    visiting_site: Visiting, visit: Visit, published: Published
) -> None:
    """Days, metric and day stand in the address; another visitor sees the same."""
    page = visit.open("/")
    first = published.days[0].isoformat()
    page.locator("#metric-views").check()
    page.get_by_role("slider").press("Home")
    page.locator("#range").select_option("all")
    page.wait_for_url(f"**from={first}*")
    expect(page.locator("main")).not_to_have_attribute("aria-busy", "true")
    page.get_by_role("slider").press("Home")
    assert f"day={first}" in page.url
    with visiting_site() as other:
        shared = other.open(page.url.removeprefix(other.site.url))
        assert words(shared.locator(".detail").first) == words(page.locator(".detail").first)
        assert shared.locator("#metric-views").is_checked()
        assert shared.locator("#range").input_value() == page.locator("#range").input_value()


def test_back_returns_to_the_page_before(visit: Visit) -> None:
    """Pages are in the browser's history, and the navigation says where one is."""
    page = visit.open("/")
    page.get_by_role("link", name="Privacy", exact=True).click()
    expect(page.locator("h1")).to_have_text("Privacy")
    assert page.locator("nav [aria-current]").inner_text() == "Privacy"
    page.go_back()
    expect(page.locator("h1")).to_have_text("Overview")
    assert page.title().startswith("Overview")


def test_numbers_and_days_are_the_visitors(visiting_site: Visiting, published: Published) -> None:
    """A German visitor reads German numbers and months; days stay UTC days everywhere."""
    value = published.newest.by_name["platform", "", "viewers"].value
    with visiting_site(locale="de-DE", timezone_id="Pacific/Auckland") as visit:
        page = visit.open("/")
        detail = words(page.locator(".detail").first)
        assert f"{value:,}".replace(",", ".") in detail
        assert f"{published.days[-1].day}. " in detail


def test_development_proofs_are_announced(visit: Visit) -> None:
    """On a development set-up every page says that proofs convince nobody."""
    page = visit.open("/videos")
    assert "proofs convince nobody" in words(page.get_by_role("complementary"))


def test_paper_is_light_and_plain(visiting_site: Visiting) -> None:
    """Printed from a dark screen: dark on light, without navigation and buttons."""
    with visiting_site(color_scheme="dark") as visit:
        page = visit.open("/")
        page.emulate_media(media="print", color_scheme="dark")
        assert sum(colour_of(page, "--page")) > 600
        assert not page.locator("nav").is_visible()
        assert not page.locator(".card-tools").first.is_visible()
        assert page.locator(".figure-value").first.is_visible()


def test_a_badge_verifies_what_the_page_shows(visit: Visit) -> None:
    """One click checks the chosen figure against the chain; the badge says so from then on."""
    page = visit.open("/")
    badge = page.locator(".detail .badge").first
    badge.click()
    panel = page.get_by_role("dialog")
    expect(panel.get_by_role("status")).to_contain_text("Verified", timeout=60_000)
    panel.get_by_role("button", name="Close").click()
    expect(badge).to_contain_text("Verified")
    page.locator("#metric-views").check()
    page.locator("#metric-viewers").check()
    expect(page.locator(".detail .badge").first).to_contain_text("Verified")
