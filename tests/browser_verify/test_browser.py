"""Badges in a real browser: green over an honest site, red with the step's name over every lie."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, Locator, Page, expect, sync_playwright

from tests.browser_verify import liar as lies
from tests.browser_verify.liar import Alter, AlterRpc, Liar, each_figure, lying, pages, result_of

pytestmark = pytest.mark.browser
CHROMIUM = "/usr/bin/chromium"
ENDED = re.compile("verified|failed|unavailable")
#: a busy machine's, for whatever is waited for
PATIENCE_MS = 30_000
expect.set_options(timeout=PATIENCE_MS)


@pytest.fixture(scope="module")
def server(upstream: str) -> Iterator[Liar]:
    """What the browser takes for the site."""
    with lying(upstream) as liar:
        yield liar


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        arguments = ["--no-sandbox", "--disable-background-networking"]
        opened = playwright.chromium.launch(executable_path=CHROMIUM, args=arguments)
        yield opened
        opened.close()


@pytest.fixture
def page(browser: Browser, server: Liar) -> Iterator[Page]:
    """A visitor who was never here before; the server is honest to begin with."""
    server.honest()
    context = browser.new_context(locale="en-US", timezone_id="UTC")
    context.set_default_timeout(PATIENCE_MS)
    yield context.new_page()
    context.close()


def first_badge(page: Page, server: Liar) -> Locator:
    """Of the figure that the front page begins with."""
    page.goto(server.url)
    badge = page.locator(".badge").first
    badge.wait_for()
    return badge


def verify(page: Page, badge: Locator) -> Locator:
    """Press the badge; the panel, once it has a verdict."""
    badge.click()
    panel = page.locator("dialog.verify-panel")
    expect(panel).to_have_attribute("data-state", ENDED)
    return panel


def step_states(panel: Locator) -> dict[str, str]:
    """State of each step by its id."""
    states = panel.locator(".step").evaluate_all(
        "steps => steps.map(({dataset}) => [dataset.step, dataset.state])"
    )
    return dict(states)


def test_an_honest_figure_turns_green_by_keyboard_alone(page: Page, server: Liar) -> None:
    """Enter opens and verifies; the steps say what was compared; Escape gives the focus back."""
    badge = first_badge(page, server)
    expect(badge).to_have_attribute("data-state", "unverified")
    expect(badge).to_contain_text("Verify")
    badge.focus()
    page.keyboard.press("Enter")
    panel = page.get_by_role("dialog", name="Verify this figure")
    expect(panel).to_have_attribute("data-state", "verified")
    expect(panel.get_by_role("status")).to_have_text("Verified: what you see is what is on record.")
    states = step_states(panel)
    assert states.pop("proof") == "trusted"
    assert set(states.values()) == {"passed"}
    assert len(states) == 7
    expect(panel).to_contain_text("the registry demanded none of this release")
    expect(panel).to_contain_text("whose operator could make up a whole chain")
    command = panel.locator(".command code").inner_text()
    assert re.match(
        r"analytics-pipeline verify demo 2026-03-03 --chain http://\S+/rpc --registry 0x\w{40} "
        r"--gateway GATEWAY --require-proof$",
        command,
    )
    for _ in range(30):  # a modal dialog keeps the focus
        page.keyboard.press("Tab")
        inside = (
            "document.activeElement === document.body || document.activeElement.closest('dialog')"
        )
        assert page.evaluate(f"Boolean({inside})")
    page.keyboard.press("Escape")
    expect(panel).to_have_count(0)
    expect(badge).to_be_focused()
    expect(badge).to_have_attribute("data-state", "verified")
    expect(badge).to_contain_text("Verified")


API_LIES: list[tuple[str, Alter, str, str]] = [
    ("figures", each_figure(lies.larger), "row", "RootMismatch"),
    ("proofs", each_figure(lies.other_sibling), "row", "RootMismatch"),
    ("figures, proofs and reports alike", lies.consistently, "release", "RootMismatch"),
    ("the report", lies.report_altered, "report", "ReportMismatch"),
    ("the report, which is withheld", lies.withheld, "report", "ReportMismatch"),
    ("the policy", lies.policy_altered, "policy", "PolicyMismatch"),
    ("the loss of privacy", each_figure(lies.less_private), "policy", "NoiseMisstated"),
    ("the registry", lies.other_registry, "records", "RecordNotOnChain"),
]


@pytest.mark.parametrize(
    ("alter", "step", "error"), [lie[1:] for lie in API_LIES], ids=[lie[0] for lie in API_LIES]
)
def test_a_lying_api_turns_the_badge_red(
    page: Page, server: Liar, upstream: str, alter: Alter, step: str, error: str
) -> None:
    """The visitor's node is honest; whatever the server alters, the badge names the step."""
    remember(page, server, rpc=f"{upstream}/rpc")
    server.alter = alter
    badge = first_badge(page, server)
    panel = verify(page, badge)
    assert_failed(badge, panel, step, error)


def test_a_figure_in_the_place_of_another_is_not_shown(page: Page, server: Liar) -> None:
    """Each is on record, and its badge would be green; the page says which it had asked for."""
    server.alter = lies.two_days_swapped
    page.goto(server.url)
    expect(page.get_by_role("alert")).to_contain_text("in the place of 2026-03-0")
    expect(page.locator(".badge")).to_have_count(0)


RPC_LIES: list[tuple[str, AlterRpc, str, str]] = [
    ("the head", lies.other_head, "records", "HeadMismatch"),
    ("its newest record", result_of("eth_getLogs", lambda logs: logs[:-1]), "records",
     "HeadMismatch"),
    ("a record in between", result_of("eth_getLogs", lambda logs: logs[:2] + logs[3:]), "records",
     "HistoryBroken"),
    ("what its records say", result_of("eth_getLogs", lies.roots_altered), "records",
     "HistoryBroken"),
    ("its chain", result_of("eth_chainId", lambda _: "0x1"), "records", "WrongChain"),
    ("randomness", result_of("eth_getBlockByNumber", lambda b: b | {"mixHash": "0x" + "55" * 32}),
     "beacon", "BeaconMismatch"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("alter", "step", "error"), [lie[1:] for lie in RPC_LIES], ids=[lie[0] for lie in RPC_LIES]
)
def test_a_lying_node_turns_the_badge_red(
    page: Page, server: Liar, alter: AlterRpc, step: str, error: str
) -> None:
    """The API is honest, and the node that was chosen is not."""
    server.alter_rpc = alter
    badge = first_badge(page, server)
    panel = verify(page, badge)
    assert_failed(badge, panel, step, error)


def test_another_node_can_be_chosen_and_is_remembered(
    page: Page, server: Liar, upstream: str
) -> None:
    """A node that answers nothing proves nothing: neither green nor red. Another one is asked, now
    and at the next visit."""
    server.alter_rpc = lies.refused
    badge = first_badge(page, server)
    panel = verify(page, badge)
    assert step_states(panel)["records"] == "unavailable"
    expect(badge).to_have_attribute("data-state", "unavailable")
    expect(badge).to_contain_text("Not checked")
    panel.get_by_label("JSON-RPC endpoint of the chain").fill(f"{upstream}/rpc")
    panel.get_by_role("button", name="Verify again").click()
    expect(panel).to_have_attribute("data-state", "verified")
    expect(panel).not_to_contain_text("could make up a whole chain")
    badge = first_badge(page, server)
    expect(verify(page, badge)).to_have_attribute("data-state", "verified")


def test_a_registry_that_changes_is_refused_until_the_visitor_says_otherwise(
    page: Page, server: Liar, upstream: str
) -> None:
    """What a server could do with a registry of its own: it would not be the remembered one."""
    expect(verify(page, first_badge(page, server))).to_have_attribute("data-state", "verified")
    server.alter = lies.other_registry
    badge = first_badge(page, server)
    panel = verify(page, badge)
    assert_failed(badge, panel, "records", "WrongRegistry")
    panel.get_by_role("button", name="Forget registry").click()
    expect(panel.locator(".step-error")).to_contain_text("RecordNotOnChain")


def remember(page: Page, server: Liar, rpc: str) -> None:
    """What the panel's form would have stored on an earlier visit."""
    page.goto(server.url)
    page.evaluate("rpc => localStorage.setItem('analytics-verify', JSON.stringify({rpc}))", rpc)


def assert_failed(badge: Locator, panel: Locator, step: str, error: str) -> None:
    """Red, by name, in the panel and on the badge; what stands before it passed."""
    expect(panel).to_have_attribute("data-state", "failed")
    states = step_states(panel)
    position = list(states).index(step)
    before = list(states.values())[:position]
    after = list(states.values())[position + 1 :]
    assert states[step] == "failed", states
    assert set(before) <= {"passed"}
    assert set(after) <= {"waiting"}
    title = panel.locator(".step[data-state=failed] .step-title").inner_text()
    expect(panel.get_by_role("status")).to_contain_text(f"{title}: {error}")
    expect(panel.locator(".step-error")).to_contain_text(error)
    expect(badge).to_have_attribute("data-state", "failed")
    expect(badge).to_contain_text(f"Failed: {title}")


# ---- on pages of others --------------------------------------------------------------------------

#: What such a page does to its own paragraphs must not reach the badge.
HOSTILE = "p, section, strong { color: rgb(1, 2, 3) !important; font-size: 99px !important }"


@contextmanager
def embedded(browser: Browser, server: Liar, tag: str) -> Iterator[Any]:
    """Somebody's page with a badge of `server` on it, under a strict policy of its own."""
    policy = f"default-src 'none'; style-src 'unsafe-inline'; script-src {server.url}; "
    policy += f"connect-src {server.url} {server.upstream}; frame-src {server.url}"
    html = f"<!doctype html><title>A blog</title><style>{HOSTILE}</style><p>Hello</p>{tag}"
    with pages(html, policy) as url:
        context = browser.new_context(locale="en-US", timezone_id="UTC")
        context.set_default_timeout(PATIENCE_MS)
        try:
            page = context.new_page()
            page.goto(url)
            yield page
        finally:
            context.close()


def script(server: Liar, **attributes: str | int) -> str:
    given = {"platform": "demo", "metric": "viewers", "days": 3} | attributes
    words = " ".join(f'data-{name.replace("_", "-")}="{value}"' for name, value in given.items())
    return f'<script src="{server.url}/embed.js" {words}></script>'


@pytest.fixture
def known(server: Liar, upstream: str) -> dict[str, str | int]:
    """What a careful host page states: its own node, and the platform's registry."""
    server.honest()
    platform = httpx.get(f"{upstream}/api/v1/platform").json()
    return {
        "rpc": f"{upstream}/rpc",
        "registry": platform["registry"],
        "chain_id": platform["chain_id"],
    }


def test_an_embedded_chart_verifies_on_the_host_page(
    browser: Browser, server: Liar, known: dict[str, str | int]
) -> None:
    """Across origins, under a policy without styles, untouched by the page's own styles."""
    with embedded(browser, server, script(server, **known)) as page:
        box = page.locator("section.embed")
        expect(box).to_have_attribute("data-state", "verified")
        expect(box.get_by_role("status")).to_contain_text("Verified: 3 of 3 released days against")
        assert (
            box.locator("svg.chart").get_attribute("aria-label") == "3 of 3 days shown, with errors"
        )
        size = "element => getComputedStyle(element).fontSize"
        assert box.locator(".value").evaluate(size) == "14px"
        box.locator("summary").first.click()
        expect(box).to_contain_text("Reports and policies of the days before were not fetched.")
        expect(box).not_to_contain_text("the server's word")


def test_who_named_the_registry_is_said(browser: Browser, server: Liar) -> None:
    """A page that states nothing takes the server's word, and its reader is told."""
    server.honest()
    with embedded(browser, server, script(server, days=1)) as page:
        box = page.locator("section.embed")
        expect(box).to_have_attribute("data-state", "verified")
        box.locator("summary").first.click()
        expect(box).to_contain_text("which one it is, is the server's word")


@pytest.mark.parametrize(
    ("alter", "days", "says"),
    [
        (lies.without_newest_day, 3, "Verified: 2 of 3 released days against registry 0x"),
        (lies.without_newest_day, 1,
         "Verified: an older day than the newest released, 2026-03-03, against registry 0x"),
        (lies.newest_day_twice, 3, "Verified: 2 of 3 released days against registry 0x"),
    ],
)  # fmt: skip
def test_days_that_are_kept_back_are_counted(
    browser: Browser,
    server: Liar,
    known: dict[str, str | int],
    alter: Alter,
    days: int,
    says: str,
) -> None:
    """What is shown is true; the records tell what is not shown, whatever stands in its place."""
    server.alter = alter
    with embedded(browser, server, script(server, **(known | {"days": days}))) as page:
        expect(page.locator("section.embed").get_by_role("status")).to_contain_text(says)


@pytest.mark.parametrize(
    ("alter", "alter_rpc", "words"),
    [
        (each_figure(lies.larger), None, "Row and path: RootMismatch"),
        (lies.consistently, None, "Release of the day: RootMismatch"),
        (lies.report_altered, None, "Report by its CID: ReportMismatch"),
        (None, lies.other_head, "Records on chain: HeadMismatch"),
    ],
    ids=["figures", "everything alike", "the report", "the node"],
)
def test_an_embed_over_lies_turns_red(
    browser: Browser,
    server: Liar,
    known: dict[str, str | int],
    alter: Alter | None,
    alter_rpc: AlterRpc | None,
    words: str,
) -> None:
    """With the step's name, whether server or node lies."""
    server.alter, server.alter_rpc = alter, alter_rpc
    rpc = f"{server.url}/rpc" if alter_rpc else known["rpc"]
    with embedded(browser, server, script(server, **(known | {"rpc": rpc}))) as page:
        box = page.locator("section.embed")
        expect(box).to_have_attribute("data-state", "failed")
        expect(box.get_by_role("status")).to_contain_text(f"Failed: {words}")
        assert box.evaluate("element => getComputedStyle(element).borderWidth") == "2px"


def test_a_lie_about_an_older_day_turns_the_whole_chart_red(
    browser: Browser, server: Liar, known: dict[str, str | int]
) -> None:
    """Every point that is drawn is held against the records."""

    def first_day_only(liar: Liar, figure: Any) -> None:
        if figure["day"] == "2026-03-01":
            lies.forge(liar, figure)

    server.alter = each_figure(first_day_only)
    with embedded(browser, server, script(server, **known)) as page:
        box = page.locator("section.embed")
        expect(box).to_have_attribute("data-state", "failed")
        expect(box.get_by_role("status")).to_contain_text("RootMismatch, 2026-03-01")


def test_the_iframe_is_the_same_badge(
    browser: Browser, server: Liar, known: dict[str, str | int]
) -> None:
    """`badge.html` may be framed by anybody, and takes its options from its address."""
    address = f"{server.url}/badge.html?platform=demo&metric=viewers&days=2&rpc={known['rpc']}"
    frame = f'<iframe src="{address}" title="Viewers"></iframe>'
    for alter, state in ((None, "verified"), (lies.consistently, "failed")):
        server.alter = alter
        with embedded(browser, server, frame) as page:
            box = page.frame_locator("iframe").locator("section.embed")
            expect(box).to_have_attribute("data-state", state)


@pytest.mark.parametrize(
    ("attributes", "says"),
    [
        ({"scope": "planet"}, "data-scope: one of platform, video"),
        ({"scope": "video"}, "data-key is missing"),
        ({"days": 0}, "data-days: 1 to 90"),
        ({"registry": "0x12"}, "data-registry: not"),
        ({"rpc": "javascript:1"}, "data-rpc: not"),
    ],
)
def test_wrong_options_are_named(
    browser: Browser, server: Liar, attributes: dict[str, str | int], says: str
) -> None:
    """A page's own mistake stands where the badge would be."""
    server.honest()
    with embedded(browser, server, script(server, **attributes)) as page:
        expect(page.get_by_role("alert")).to_contain_text(says)
