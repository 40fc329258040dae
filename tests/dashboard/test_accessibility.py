"""axe-core finds nothing on any main page, in both themes, wide and narrow."""

import pytest
from playwright.sync_api import Page

from tests.dashboard.conftest import Published, Visiting
from tests.dashboard.support import PAGES, SIZES, viewport
from tests.dashboard.test_bundle import install_dashboard
from tests.dashboard.test_pages import colour_of

pytestmark = pytest.mark.browser

#: Text and what it stands on. axe cannot tell where a bar lies below its words.
PAIRS = [
    *(
        (text, below)
        for text in ("--ink", "--ink-2", "--ink-3")
        for below in ("--page", "--sunken")
    ),
    *((text, "--surface") for text in ("--ink-3", "--accent", "--good", "--bad", "--second")),
    *((text, "--series-soft") for text in ("--ink", "--ink-2")),
    *((f"--{state}", f"--{state}-soft") for state in ("good", "warn", "bad", "accent")),
    ("--on-accent", "--accent"),
    ("--series", "--surface"),
]


@pytest.fixture(scope="module")
def axe(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The checker, as dashboard/package-lock.json pins it."""
    installed = install_dashboard(tmp_path_factory.mktemp("axe"))
    return (installed / "node_modules" / "axe-core" / "axe.min.js").read_text("utf-8")


def violations(page: Page) -> list[str]:
    """What axe-core complains of, with the elements."""
    found = page.evaluate(
        """axe.run().then(({ passes, violations }) => [
          passes.length,
          violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(" | ")}`),
        ])"""
    )
    assert found[0] > 20, "hardly anything was looked at"
    complaints: list[str] = found[1]
    return complaints


@pytest.mark.node
@pytest.mark.parametrize(
    ("theme", "size"),
    [("light", SIZES[0]), ("dark", SIZES[0]), ("light", SIZES[2])],
    ids=["light", "dark", "narrow"],
)
def test_no_violations(
    visiting_site: Visiting, published: Published, axe: str, theme: str, size: tuple[int, int]
) -> None:
    """Roles, names, contrast, order of headings, landmarks; tables once, for they have no colours
    or sizes of their own."""
    with visiting_site(color_scheme=theme, bypass_csp=True, **viewport(size)) as visit:
        for name, path in PAGES.items():
            page = visit.open(path.format(**published.names))
            page.evaluate(axe)
            assert violations(page) == [], name
            tables = page.get_by_label("Table", exact=True).all()
            if theme == "light" and size == SIZES[0] and tables:
                for table in tables:
                    table.check()
                assert violations(page) == [], f"{name}, as tables"


@pytest.mark.node
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_panel_of_a_badge(visiting_site: Visiting, axe: str, theme: str) -> None:
    """With every step and the choice of sources opened."""
    with visiting_site(color_scheme=theme, bypass_csp=True) as visit:
        page = visit.open("/")
        page.evaluate(axe)
        page.locator(".badge").first.click()
        page.locator("dialog[data-state=verified]").wait_for()
        for summary in page.locator("dialog details:not([open]) > summary").all()[::-1]:
            summary.click()
        assert violations(page) == []


def luminance(colour: tuple[int, int, int]) -> float:
    """Relative luminance, as WCAG 2 defines it."""
    parts = [part / 255 for part in colour]
    red, green, blue = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_every_text_colour_has_its_contrast(visiting_site: Visiting, theme: str) -> None:
    """Level AA: 4.5 to 1 on whatever it stands on."""
    with visiting_site(color_scheme=theme) as visit:
        page = visit.open("/")
        for pair in PAIRS:
            dark, light = sorted(luminance(colour_of(page, token)) for token in pair)
            assert (light + 0.05) / (dark + 0.05) >= 4.5, pair
