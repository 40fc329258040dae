"""The dashboard's files as the read API serves them: pages, their policy, assets."""

import httpx
import pytest

from tests.serve.support import (
    Served,
    assert_problem,
    serve_sample,
)


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Served:
    """An API with a dashboard of sorts."""
    home = tmp_path_factory.mktemp("pages")
    static = home / "static"
    (static / "assets").mkdir(parents=True)
    for name, text in {
        "index.html": "<!doctype html><title>Index</title>",
        "badge.html": "<!doctype html><title>Badge</title>",
        "embed.js": "export {};",
        "assets/app-0a1b2c3d.js": "const figures = 1;" * 50,
        "assets/app-0a1b2c3d.css": "body {}",
    }.items():
        (static / name).write_text(text)
    return serve_sample(home, static_dir=static)


def html(served: Served, path: str) -> httpx.Response:
    return served.request("GET", path, {"accept": "text/html,*/*;q=0.8"})


@pytest.mark.parametrize("path", ["/", "/videos/video-0000", "/privacy?days=7", "/index.html"])
def test_every_page_is_the_dashboard(pages: Served, path: str) -> None:
    """Its own routes are the dashboard's business."""
    response = html(pages, path)
    assert response.status_code == 200
    assert "<title>Index</title>" in response.text
    assert response.headers["content-type"] == "text/html; charset=utf-8"
    assert response.headers["cache-control"] == "public, no-cache"


def test_unknown_routes_of_the_api_are_no_pages(pages: Served) -> None:
    assert_problem(html(pages, "/api/v1/nothing"), 404)
    assert_problem(pages.request("GET", "/nothing", {"accept": "application/json"}), 404)
    assert_problem(pages.request("POST", "/videos/x", {"accept": "text/html"}), 404)
    assert_problem(html(pages, "/problems/nothing"), 404)


def test_pages_run_our_scripts_alone(pages: Served) -> None:
    """And may ask any node: the visitor chooses whom to believe. Only the badge may be framed."""
    policy = html(pages, "/").headers["content-security-policy"]
    rules = dict(rule.split(" ", 1) for rule in policy.split("; "))
    assert rules["default-src"] == "'none'"
    assert rules["script-src"] == "'self'"
    assert rules["connect-src"] == "'self' http: https:"
    assert rules["frame-ancestors"] == "'none'"
    badge = html(pages, "/badge.html").headers["content-security-policy"]
    assert badge.endswith("frame-ancestors *")
    for path in ("/", "/badge.html", "/embed.js", "/assets/app-0a1b2c3d.js"):
        headers = html(pages, path).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer"
    assert pages.get("/embed.js").headers["cross-origin-resource-policy"] == "cross-origin"


def test_assets_are_kept_for_ever_and_come_compressed(pages: Served) -> None:
    """Their names change with their content; what would not get smaller comes as it is."""
    path = "/assets/app-0a1b2c3d.js"
    plain = pages.get(path)
    assert plain.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert plain.headers["content-type"] == "text/javascript; charset=utf-8"
    packed = pages.request("GET", path, {"accept-encoding": "gzip"})
    assert packed.headers["content-encoding"] == "gzip"
    assert packed.text == plain.text
    assert packed.headers["etag"] != plain.headers["etag"]
    again = {"accept-encoding": "gzip", "if-none-match": packed.headers["etag"]}
    assert pages.request("GET", path, again).status_code == 304
    head = pages.request("HEAD", path)
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-length"] == str(len(plain.content))
    small = pages.request("GET", "/embed.js", {"accept-encoding": "gzip"})
    assert "content-encoding" not in small.headers
    assert_problem(pages.get("/assets/../../keys/read_keys.json"), 404)


def test_without_a_dashboard_the_api_still_serves(sample: Served) -> None:
    assert_problem(html(sample, "/"), 404)
