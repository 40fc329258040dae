"""Everything can be reached and done without a pointer, and one sees where one is."""

import pytest
from playwright.sync_api import Page, expect

from tests.dashboard.conftest import Published
from tests.dashboard.support import PAGES, Visit, long_day, words

pytestmark = pytest.mark.browser

#: What has the focus: its name, and whether anything marks it.
FOCUSED = """() => {
  const it = document.activeElement;
  if (!it || it === document.body) return null;
  const marked = [it, it.closest("label")].some((each) => {
    const { outlineStyle, outlineWidth } = each ? getComputedStyle(each) : {};
    return each && outlineStyle !== "none" && parseFloat(outlineWidth) >= 2;
  });
  const name = it.getAttribute("aria-label") || it.textContent.trim() || it.id || it.value;
  return { marked, name };
}"""


def walk(page: Page, most: int = 200) -> list[str]:
    """Press Tab from the top until the page is left; the names of what had the focus."""
    names = []
    for _ in range(most):
        page.keyboard.press("Tab")
        focused = page.evaluate(FOCUSED)
        if focused is None:
            break
        assert focused["marked"], focused["name"]
        names.append(focused["name"])
    return names


@pytest.mark.parametrize("name", ["overview", "video", "privacy", "storage"])
def test_tab_walks_through_the_page(visit: Visit, published: Published, name: str) -> None:
    """Focus is always visible, starts at the way past the navigation, and misses no control."""
    page = visit.open(PAGES[name].format(**published.names))
    names = walk(page)
    assert names[0] == "Skip to the figures"
    groups = page.evaluate(
        """() => {
          const controls = "a[href], button, select, summary, input, [tabindex='0']";
          const shown = [...document.querySelectorAll(controls)]
            .filter((each) => each.checkVisibility() && !each.disabled);
          // radio buttons of a group share one stop
          return new Set(shown.map((each) => (each.type === "radio" ? each.name : each))).size;
        }"""
    )
    assert len(names) == groups


def test_the_way_past_the_navigation(visit: Visit) -> None:
    """The first Tab and Enter lead to the figures."""
    page = visit.open("/")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"


def test_arrows_choose_metric_and_day(visit: Visit, published: Published) -> None:
    """Tiles are one group; the chart is a slider over days that says what it shows."""
    page = visit.open("/")
    page.locator("#metric-viewers").focus()
    page.keyboard.press("ArrowRight")
    expect(page.locator("#metric-views")).to_be_checked()
    slider = page.get_by_role("slider")
    slider.focus()
    page.keyboard.press("Home")
    first, second = published.days[:2]
    assert long_day(first) in words(page.locator(".detail").first)
    page.keyboard.press("ArrowRight")
    assert long_day(second) in words(page.locator(".detail").first)
    spoken = slider.get_attribute("aria-valuetext") or ""
    assert str(second.day) in spoken
    assert "±" in spoken or "too few to show" in spoken


def test_a_new_page_begins_at_its_title(visit: Visit) -> None:
    """Following a link moves the focus to the title, and the change is announced."""
    page = visit.open("/")
    page.get_by_role("link", name="Regions", exact=True).focus()
    page.keyboard.press("Enter")
    expect(page.locator("h1")).to_have_text("Regions")
    assert page.evaluate("document.activeElement.tagName") == "H1"
    expect(page.locator("[role=status]")).to_have_text("Regions")


def test_choosing_days_keeps_the_focus(visit: Visit) -> None:
    """The page is drawn anew with other days; the keyboard stays where it was."""
    page = visit.open("/")
    page.locator("#range").focus()
    page.locator("#range").select_option("7")
    page.wait_for_url("**from=*")
    page.wait_for_selector("main:not([aria-busy])")
    assert page.evaluate("document.activeElement.id") == "range"


def test_the_theme_is_chosen_and_kept(visit: Visit) -> None:
    """A theme chosen by keyboard holds against the system's, and after loading anew."""
    page = visit.open("/")
    background = "getComputedStyle(document.documentElement).backgroundColor"
    light = page.evaluate(background)
    page.locator("input[name=theme][value=system]").focus()
    page.keyboard.press("ArrowLeft")
    assert page.locator("input[name=theme][value=dark]").is_checked()
    dark = page.evaluate(background)
    assert dark != light
    page.reload()
    page.wait_for_selector("main:not([aria-busy]) h1")
    assert page.evaluate(background) == dark
