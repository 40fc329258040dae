"""HTTP around the answers: problems, caching, methods, CORS."""

import asyncio
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import pytest

from analytics_pipeline.serve.front import EXPORTS_AT_ONCE, EXPORTS_WAITING
from analytics_pipeline.serve.kept import Answer, KeptAnswers
from analytics_pipeline.serve.problems import KINDS
from analytics_pipeline.storage.catalogue import open_catalogue
from tests.serve.examples import REQUESTS
from tests.serve.support import (
    Served,
    WorldSources,
    assert_problem,
    one_day,
    serve_sample,
    serve_world,
)
from tests.support.world import DAYS

DAY = "2026-11-21"


FIGURES = "/api/v1/figures"


@pytest.mark.parametrize(
    ("path", "params", "field"),
    [
        (FIGURES, {"limit": "0"}, "limit"),
        (FIGURES, {"limit": "1.0"}, "limit"),
        (FIGURES, {"limit": " 1"}, "limit"),
        (FIGURES, {"limit": "100001"}, "limit"),
        ("/api/v1/videos", {"limit": "1001"}, "limit"),
        (FIGURES, {"from": "2026-02-30"}, "from"),
        (FIGURES, {"from": "20260301"}, "from"),
        (FIGURES, {"from": "1780000000"}, "from"),
        (FIGURES, {"to": "yesterday"}, "to"),
        (FIGURES, {"from": "2026-03-02", "to": "2026-03-01"}, "to"),
        (FIGURES, {"scope": "viewer"}, "scope"),
        (FIGURES, {"key": "no spaces"}, "key"),
        (FIGURES, {"metric": "Viewers"}, "metric"),
        (FIGURES, {"proofs": "all"}, "proofs"),
        (FIGURES, {"format": "xlsx"}, "format"),
        (FIGURES, {"revision": "0"}, "revision"),
        (FIGURES, {"colour": "red"}, "colour"),
        ("/api/v1/videos", {"sort": "-viewers"}, "sort"),
        ("/api/v1/videos", {"format": "csv"}, "format"),
        ("/api/v1/creators", {"sort": "completion"}, "sort"),
        (f"/api/v1/days/{DAY}x", {}, "day"),
        (f"/api/v1/days/{DAY}/revisions/01x", {}, "revision"),
        (f"/api/v1/days/{DAY}/revisions/1/bundle/keys.json", {}, "file"),
        (f"/api/v1/days/{DAY}/revisions/1/proof", {"scope": "platform"}, "metric"),
        ("/api/v1/videos/a%20b", {}, "video_id"),
    ],
)
def test_a_bad_parameter_is_named(
    sample: Served, path: str, params: dict[str, str], field: str
) -> None:
    """Strictly: nothing is guessed, cut or ignored."""
    assert_problem(sample.get(path, **params), 400, field, "invalid")


def test_no_route_ignores_a_parameter(sample: Served) -> None:
    """Every one that is described names what it does not know."""
    paths = sample.json("/openapi.json")["paths"]
    described = [path for path, operations in paths.items() if "get" in operations]
    assert {"/healthz", "/api/v1/alerts", "/api/v1/alerts/{rule_id}"} < set(described)
    key = sample.new_key("operator")
    for path in described:
        request = REQUESTS.get(path, path.replace("{rule_id}", "al_0123456789abcdef"))
        and_more = f"{request}{'&' if '?' in request else '?'}colour=red"
        assert_problem(sample.get(and_more, key), 400, "colour", "invalid")


@pytest.mark.parametrize(
    "path",
    [
        "/api/v1/days/2026-11-22",
        f"/api/v1/days/{DAY}/revisions/2",
        f"/api/v1/days/{DAY}/revisions/1/proof?scope=region&key=XX&metric=viewers",
        "/api/v1/videos/no-such-video",
        "/api/v1/videos/no-such-video/retention",
        "/api/v1/videos/video-0000/retention?day=2026-11-22",
        "/api/v1/creators/nobody",
        "/api/v1/storage-providers/s3",
        "/api/v1/nothing",
        "/api/v2/figures",
        "/problems/no-such-problem",
        "/nothing",
    ],
)
def test_what_is_not_there_is_404(sample: Served, path: str) -> None:
    assert_problem(sample.get(path), 404, kind="not-found")


def test_every_problem_type_has_a_page(sample: Served) -> None:
    """Where its `type` leads to."""
    for name, kind in KINDS.items():
        page = sample.json(f"/problems/{name}")
        assert page == {"title": kind.title, "status": kind.status, "advice": kind.advice}


def test_an_unexpected_error_says_nothing_of_the_request(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Neither to the caller nor to the log."""
    served = serve_world(WorldSources(one_day()), tmp_path)

    class Broken:
        def of(self, _: object) -> None:
            raise RuntimeError("scope=platform&metric=viewers")

    served.service.trees = Broken()  # type: ignore[assignment]
    path = f"/api/v1/days/{DAYS[0]}/revisions/1/proof"
    response = served.get(path, scope="platform", metric="viewers")
    assert_problem(response, 500, kind="internal")
    assert response.json()["detail"] == "RuntimeError"
    assert "metric" not in caplog.text
    assert "RuntimeError" in caplog.text


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
@pytest.mark.parametrize("path", [FIGURES, f"/api/v1/days/{DAY}", "/healthz", "/openapi.json"])
def test_wrong_methods_name_the_right_ones(sample: Served, method: str, path: str) -> None:
    response = sample.request(method, path)
    assert_problem(response, 405, kind="wrong-method")
    assert response.headers["allow"] == "GET, HEAD, OPTIONS"


def test_preflights_are_answered_for_what_is_there(sample: Served) -> None:
    """So that a page elsewhere may send a key and read ETag and Link."""
    answer = sample.request("OPTIONS", FIGURES, {"origin": "https://x.example"})
    assert answer.status_code == 204
    assert answer.headers["access-control-allow-origin"] == "*"
    assert answer.headers["access-control-allow-methods"] == "GET, HEAD, OPTIONS"
    allowed = answer.headers["access-control-allow-headers"].split(", ")
    assert {"authorization", "x-api-key", "if-none-match"} <= set(allowed)
    exposed = sample.get(FIGURES).headers["access-control-expose-headers"]
    assert exposed == "ETag, Link, Retry-After"
    assert_problem(sample.request("OPTIONS", "/api/v1/nothing"), 404)


@pytest.mark.parametrize("path", [FIGURES, "/api/v1/platform", "/healthz", "/api/v1/nothing"])
def test_head_is_get_without_the_body(sample: Served, path: str) -> None:
    head, get = sample.request("HEAD", path), sample.request("GET", path)
    assert head.content == b""
    assert head.status_code == get.status_code
    assert dict(head.headers) == dict(get.headers)


def test_a_client_that_has_the_answer_gets_304(sample: Served) -> None:
    """By its strong ETag, also one of several, weakened on the way, or `*`."""
    first = sample.get(FIGURES)
    etag = first.headers["etag"]
    assert etag.startswith('"')
    for sent in (etag, f'"other", {etag}', f"W/{etag}", "*"):
        again = sample.request("GET", FIGURES, {"if-none-match": sent})
        assert (again.status_code, again.content) == (304, b"")
        assert again.headers["etag"] == etag
        assert again.headers["cache-control"] == first.headers["cache-control"]
        assert "content-type" not in again.headers
    assert sample.request("GET", FIGURES, {"if-none-match": '"other"'}).content == first.content
    assert sample.get(FIGURES, limit=2).headers["etag"] != etag


def test_the_compressed_answer_is_another_one(sample: Served) -> None:
    """The same document, other bytes: an ETag of its own."""
    plain = sample.get(FIGURES)
    packed = sample.request("GET", FIGURES, {"accept-encoding": "br, gzip"})
    assert packed.headers["content-encoding"] == "gzip"
    assert packed.json() == plain.json()
    assert packed.headers["etag"] != plain.headers["etag"]
    assert int(packed.headers["content-length"]) < int(plain.headers["content-length"]) / 2
    for accepted in ("gzip", "identity"):
        for known in (plain, packed):
            sent = {"accept-encoding": accepted, "if-none-match": known.headers["etag"]}
            found = sample.request("GET", FIGURES, sent)
            same = (known is packed) == (accepted == "gzip")
            assert found.status_code == (304 if same else 200)
    small = sample.request("GET", "/api/v1/erasures", {"accept-encoding": "gzip"})
    assert "content-encoding" not in small.headers
    assert "Accept-Encoding" in plain.headers["vary"]


def test_answers_say_how_long_they_are_true(tmp_path: Path) -> None:
    """What concerns one superseded revision, for ever; the rest until the next look."""
    world = one_day()
    world.publish(DAYS[0], 2)
    served = serve_world(WorldSources(world), tmp_path)
    day = f"/api/v1/days/{DAYS[0]}/revisions"
    name = {"scope": "platform", "metric": "viewers"}
    one = {"from": DAYS[0], "to": DAYS[0]}
    immutable = "public, max-age=31536000, immutable"
    current = "public, max-age=60, must-revalidate"
    for path, params, expected in (
        (f"{day}/1/bundle/report.json", {}, immutable),
        (f"{day}/2/bundle/report.json", {}, current),
        (f"{day}/1/proof", name, immutable),
        (f"{day}/2/proof", name, current),
        (FIGURES, {**one, "revision": 1}, immutable),
        (FIGURES, {**one, "revision": 2}, current),
        (FIGURES, {"revision": 1}, current),
        (FIGURES, one, current),
        (f"{day}/1", {}, current),  # its list of revisions may grow
        ("/api/v1/platform", {}, "public, no-cache"),
        ("/healthz", {}, "no-store"),
    ):
        found = served.get(path, **params).headers["cache-control"]
        assert found == expected, (path, params)


def test_an_answer_is_made_once_until_there_is_news(tmp_path: Path) -> None:
    """And anew for everybody after that."""
    world = one_day()
    served = serve_world(WorldSources(world), tmp_path)
    made: list[str] = []
    api = served.app._api

    async def counting(scope: Any, receive: Any, send: Any) -> None:
        made.append(scope["path"])
        await api(scope, receive, send)

    served.app._api = counting
    first = served.get(FIGURES)
    assert served.get(FIGURES).content == first.content
    served.get(FIGURES, limit=5)
    assert len(made) == 2
    served.get("/api/v1/nothing")
    served.get("/api/v1/nothing")
    assert len(made) == 4  # problems are not kept
    world.publish(DAYS[0], 2)
    served.refresh()
    second = served.get(FIGURES)
    assert second.json()["data"][0]["revision"] == 2
    assert second.headers["etag"] != first.headers["etag"]
    assert len(made) == 5


def at_once(served: Served, *requests: tuple[str, dict[str, str]]) -> list[httpx.Response]:
    """Requests that all begin before any is answered."""

    async def send() -> list[httpx.Response]:
        transport = httpx.ASGITransport(served.app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://api") as client:
            return await asyncio.gather(*(client.get(p, headers=h) for p, h in requests))

    return asyncio.run(send())


def test_many_who_ask_at_once_wait_for_one_answer(tmp_path: Path) -> None:
    """When a day is released, everybody's page asks for it in the same second."""
    served = serve_sample(tmp_path)
    made: list[str] = []
    api = served.app._api

    async def counting(scope: Any, receive: Any, send: Any) -> None:
        made.append(scope["path"])
        await api(scope, receive, send)

    served.app._api = counting
    answers = at_once(served, *[(FIGURES, {})] * 20)
    assert made == [FIGURES]
    assert len({answer.content for answer in answers}) == 1


def test_nobody_waits_for_the_answer_to_another_key(tmp_path: Path) -> None:
    """What an operator asks for at the same moment is not given to anybody else."""
    served = serve_sample(tmp_path)
    with closing(open_catalogue(served.service.catalogue_location)):
        keys = [{"x-api-key": served.new_key(grant)} for grant in ("operator", "platform")]
    served.now_seconds += 60
    path = "/api/v1/operations"
    answers = at_once(served, *[(path, headers) for headers in (keys[0], {}, keys[1])])
    assert [answer.status_code for answer in answers] == [200, 401, 403]


def test_whatever_the_spelling_of_accept_others_get_what_they_ask_for(tmp_path: Path) -> None:
    """Media types have no case: an export that is asked for in capitals is an export."""
    served = serve_sample(tmp_path)
    for spelling in ("text/CSV", "TEXT/CSV", "application/vnd.apache.PARQUET"):
        export = served.request("GET", FIGURES, {"accept": spelling})
        assert "json" not in export.headers["content-type"]
        assert served.get(FIGURES).headers["content-type"] == "application/json"


def test_exports_leave_room_for_everything_else(tmp_path: Path) -> None:
    """However many are asked for, other answers are made; the last exports are refused."""
    served = serve_sample(tmp_path)
    api, made = served.app._api, list[str]()

    async def slow(scope: Any, receive: Any, send: Any) -> None:
        if b"csv" in scope["query_string"]:
            await asyncio.sleep(0.1)
        await api(scope, receive, send)
        made.append(scope["path"])

    served.app._api = slow
    most = EXPORTS_AT_ONCE + EXPORTS_WAITING
    paths = [f"{FIGURES}?format=csv&limit={number}" for number in range(1, most + 3)]
    answers = at_once(served, *((path, {}) for path in (*paths, "/healthz", "/api/v1/days")))
    assert {*made[:2]} == {"/healthz", "/api/v1/days"}
    assert [answer.status_code for answer in answers] == [200] * most + [503, 503, 200, 200]
    assert served.get(FIGURES, format="csv").status_code == 200


def test_questions_count_for_what_is_kept() -> None:
    """Short answers to long questions, or to very many, take no more memory than long answers."""
    for question, most in ((b"key=" + b"x" * 60_000, 20), (b"", 500)):
        kept = KeptAnswers(2**20)
        for number in range(2 * most):
            kept.put((FIGURES, b"%d" % number + question, b"", None), Answer(200, [], b"[]"))
        newest = [kept.get((FIGURES, b"%d" % n + question, b"", None)) for n in range(2 * most)]
        assert newest[-1] is not None
        assert most / 2 < sum(answer is not None for answer in newest) <= most + 12


def test_the_platform_is_as_of_the_last_look(tmp_path: Path) -> None:
    """It names the block, which moves on without news."""
    world = one_day()
    served = serve_world(WorldSources(world), tmp_path)
    before = served.json("/api/v1/platform")
    figures = served.app._kept
    served.get(FIGURES)
    world.block += 1
    served.refresh()
    assert served.json("/api/v1/platform")["block_number"] == before["block_number"] + 1
    assert served.app._kept is figures
    assert served.app._kept_of is served.service.content
