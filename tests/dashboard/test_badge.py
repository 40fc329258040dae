"""A badge over a deployment that really ran, with real proofs. Lies: tests/browser_verify."""

import pytest
from playwright.sync_api import expect

from tests.dashboard.conftest import Published
from tests.dashboard.support import Visit, row_of

pytestmark = pytest.mark.browser


def test_a_published_figure_verifies_in_the_browser(visit: Visit, published: Published) -> None:
    """The panel names the value of the report on IPFS, and who checked the proof of the day."""
    page = visit.open("/")
    badge = page.locator(".badge").first
    badge.click()
    panel = page.get_by_role("dialog", name="Verify this figure")
    expect(panel).to_have_attribute("data-state", "verified")
    value = row_of(published.newest, "platform", "", "viewers").value
    expect(panel.locator(".panel-subject")).to_contain_text(f"{value:,} ± ")
    root = published.newest.root.hex()
    recorded = panel.locator(".step[data-step=release] code").first
    expect(recorded).to_have_attribute("title", f"0x{root}")
    expect(panel).to_contain_text("the registry's verifier contract accepted it")
    page.keyboard.press("Escape")
    expect(badge).to_contain_text("Verified")
