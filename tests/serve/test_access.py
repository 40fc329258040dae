"""Who sees what: open platforms, read keys, grants, rates. And nothing of who asked is kept."""

from contextlib import suppress
from pathlib import Path

import pytest

from analytics_pipeline.core.errors import InvalidInput, KeyUnavailable
from analytics_pipeline.serve.access import Access
from analytics_pipeline.storage.read_keys import (
    create_read_key,
    load_read_keys,
    revoke_read_key,
)
from analytics_pipeline.web.problem import Problem
from tests.serve.support import (
    NOW,
    SAMPLE_DAY,
    Served,
    WorldSources,
    assert_problem,
    serve_sample,
    serve_world,
)
from tests.support.world import DAYS, World

DAY = "2026-11-21"
OWN, OTHER = "creator-000", "creator-001"
OWN_VIDEO, OTHER_VIDEO = "video-0000", "video-0001"
#: route → what an anonymous caller, a creator's, a platform's and an operator's key get
GRANTS = {
    "/api/v1/platform": (200, 200, 200, 200),
    "/api/v1/days": (200, 200, 200, 200),
    f"/api/v1/days/{DAY}": (200, 200, 200, 200),
    f"/api/v1/days/{DAY}/revisions/1": (200, 200, 200, 200),
    "/api/v1/budget": (200, 200, 200, 200),
    "/api/v1/records": (200, 200, 200, 200),
    "/api/v1/erasures": (200, 200, 200, 200),
    "/api/v1/figures": (200, 200, 200, 200),
    "/api/v1/figures?scope=video": (200, 200, 200, 200),
    f"/api/v1/figures?scope=creator&key={OWN}": (200, 200, 200, 200),
    f"/api/v1/figures?scope=creator&key={OTHER}": (200, 403, 200, 200),
    f"/api/v1/figures?key={OTHER_VIDEO}": (200, 403, 200, 200),
    "/api/v1/figures?scope=platform": (200, 403, 200, 200),
    "/api/v1/figures?scope=region": (200, 403, 200, 200),
    "/api/v1/platform/figures": (200, 403, 200, 200),
    "/api/v1/concurrency": (200, 403, 200, 200),
    "/api/v1/regions": (200, 403, 200, 200),
    "/api/v1/storage-providers": (200, 403, 200, 200),
    "/api/v1/storage-providers/ipfs": (200, 403, 200, 200),
    "/api/v1/videos": (200, 200, 200, 200),
    f"/api/v1/videos/{OWN_VIDEO}": (200, 200, 200, 200),
    f"/api/v1/videos/{OWN_VIDEO}/retention": (200, 200, 200, 200),
    f"/api/v1/videos/{OTHER_VIDEO}": (200, 403, 200, 200),
    f"/api/v1/videos/{OTHER_VIDEO}/retention": (200, 403, 200, 200),
    "/api/v1/creators": (200, 200, 200, 200),
    f"/api/v1/creators/{OWN}": (200, 200, 200, 200),
    f"/api/v1/creators/{OTHER}": (200, 403, 200, 200),
    f"/api/v1/days/{DAY}/revisions/1/bundle/report.json": (200, 403, 200, 200),
    f"/api/v1/days/{DAY}/revisions/1/proof?scope=video&key={OWN_VIDEO}&metric=viewers": (
        *(200, 200, 200, 200),
    ),
    f"/api/v1/days/{DAY}/revisions/1/proof?scope=video&key={OTHER_VIDEO}&metric=viewers": (
        *(200, 403, 200, 200),
    ),
    f"/api/v1/days/{DAY}/revisions/1/proof?scope=platform&metric=viewers": (200, 403, 200, 200),
    "/api/v1/operations": (401, 403, 403, 503),  # 503: there is no catalogue here
    # no rules and no webhook key either; what keys may do with rules: tests/alerts/test_api.py
    "/api/v1/alerts": (401, 503, 503, 503),
    "/api/v1/alerts/al_0123456789abcdef": (401, 503, 503, 503),
    "/api/v1/alerts/key": (503, 503, 503, 503),
}
ALWAYS_OPEN = ("/healthz", "/openapi.json", "/problems/invalid")


@pytest.fixture(scope="module")
def open_api(tmp_path_factory: pytest.TempPathFactory) -> Served:
    return serve_sample(tmp_path_factory.mktemp("open"))


@pytest.fixture(scope="module")
def keys_api(tmp_path_factory: pytest.TempPathFactory) -> Served:
    return serve_sample(tmp_path_factory.mktemp("keys"), mode="keys")


@pytest.mark.parametrize("mode", ["open_api", "keys_api"])
def test_grants(mode: str, request: pytest.FixtureRequest) -> None:
    """Every route, by every kind of caller. Without a key, a platform that asks for keys shows
    nothing."""
    served: Served = request.getfixturevalue(mode)
    secrets = [served.new_key(grant) for grant in (f"creator:{OWN}", "platform", "operator")]
    for path, expected in GRANTS.items():
        anonymous = expected[0] if mode == "open_api" else 401
        found = [served.get(path, secret).status_code for secret in (None, *secrets)]
        assert found == [anonymous, *expected[1:]], path
    for path in ALWAYS_OPEN:
        assert served.get(path).status_code == 200


def test_grants_cover_every_route(open_api: Served) -> None:
    """A new route must be thought about here."""
    described = open_api.json("/openapi.json")["paths"]
    templates = [path for path in described if path.startswith("/api/")]
    assert len(templates) == 24
    for template in templates:
        start = template.partition("{")[0]
        assert any(path.startswith(start) for path in GRANTS), template


def test_a_creator_sees_their_own_in_lists(open_api: Served) -> None:
    """And nothing of others, not even that it is there."""
    secret = open_api.new_key(f"creator:{OWN}")
    videos = open_api.json("/api/v1/videos", secret)["data"]
    assert {video["creator_id"] for video in videos} == {OWN}
    creators = open_api.json("/api/v1/creators", secret)["data"]
    assert [creator["creator_id"] for creator in creators] == [OWN]
    own = {video["video_id"] for video in videos}
    figures = open_api.json("/api/v1/figures", secret, limit=1000)["data"]
    assert {(f["scope"], f["key"]) for f in figures} == {
        ("creator", OWN),
        *(("video", video) for video in own),
    }
    csv = open_api.get("/api/v1/figures", secret, format="csv").text
    assert len(csv.splitlines()) == 1 + len(figures)
    assert OTHER not in csv


def test_a_video_that_changed_hands(tmp_path: Path) -> None:
    """Each of its creators sees the days on which it was theirs, on every route, and no other."""
    world = World()
    for day, creator in zip(DAYS, ("ana", "ben", "ana"), strict=True):
        world.creator = creator
        world.publish(day)
    served = serve_world(WorldSources(world), tmp_path)
    first, second, third = map(str, DAYS)
    theirs = {"ana": [first, third], "ben": [second]}
    for creator, days in theirs.items():
        secret = served.new_key(f"creator:{creator}")
        video = served.json("/api/v1/videos/clip-0", secret)
        assert [entry["day"] for entry in video["days"]] == days
        assert video["creator_id"] == creator
        assert video["totals"]["watch_seconds"]["days"] == len(days)
        listed = served.json("/api/v1/videos", secret)["data"]
        assert [(v["video_id"], v["creator_id"]) for v in listed] == [
            ("clip-0", creator),
            ("clip-1", creator),
        ]
        assert {v["watch_seconds"]["days"] for v in listed} == {len(days)}
        assert served.json(f"/api/v1/creators/{creator}", secret)["videos"] == listed
        figures = served.json("/api/v1/figures", secret, key="clip-0", limit=1000)["data"]
        assert {f["day"] for f in figures} == set(days)
        retention = "/api/v1/videos/clip-0/retention"
        assert served.json(retention, secret)["day"] == days[-1]
        other = second if creator == "ana" else first
        assert_problem(served.get(retention, secret, day=other), 404, kind="not-found")
    stranger = served.new_key("creator:eve")
    for path in ("/api/v1/videos/clip-0", "/api/v1/figures?key=clip-0"):
        assert_problem(served.get(path, stranger), 403, kind="not-granted")
    assert served.json("/api/v1/videos", stranger)["data"] == []
    everybody = served.json("/api/v1/videos/clip-0")
    assert (len(everybody["days"]), everybody["creator_id"]) == (3, "ana")


def test_what_one_caller_was_given_is_not_given_to_another(keys_api: Served) -> None:
    """Kept answers belong to a grant; caches on the way must not share them either."""
    one, other = (keys_api.new_key(f"creator:{name}") for name in (OWN, OTHER))
    platform = keys_api.new_key("platform")
    lists = [keys_api.get("/api/v1/videos", secret) for secret in (one, platform, other, one)]
    assert lists[0].content == lists[3].content
    assert len({answer.content for answer in lists}) == 3
    for answer in lists:
        assert answer.headers["cache-control"].startswith("private, ")
        assert {"Authorization", "X-API-Key"} <= set(answer.headers["vary"].split(", "))
    assert "access-control-allow-origin" not in lists[0].headers


def test_keys_come_in_either_header_and_unknown_ones_are_refused(keys_api: Served) -> None:
    secret = keys_api.new_key("platform")
    for name, value in (("authorization", f"bearer {secret}"), ("x-api-key", secret)):
        assert keys_api.request("GET", "/api/v1/days", {name: value}).status_code == 200
    refused = keys_api.get("/api/v1/days", f"{secret}x")
    assert_problem(refused, 401, kind="unknown-read-key")
    assert refused.headers["www-authenticate"] == "Bearer"
    assert secret not in refused.text


def test_an_unknown_key_is_refused_on_an_open_platform_too(open_api: Served) -> None:
    """Who sends a key wants what it stands for, not something else."""
    assert_problem(open_api.get("/api/v1/days", "rk_nonsense"), 401)


def test_revoking_works_without_a_restart(tmp_path: Path) -> None:
    served = serve_sample(tmp_path, mode="keys")
    secret = served.new_key("platform")
    assert served.get("/api/v1/days", secret).status_code == 200
    (key,) = load_read_keys(served.keys_path)
    revoke_read_key(served.keys_path, key.key_id)
    assert_problem(served.get("/api/v1/days", secret), 401)
    with pytest.raises(KeyUnavailable, match="read-keys list"):
        revoke_read_key(served.keys_path, key.key_id)


def test_more_than_the_rate_is_429_until_a_second_has_passed(tmp_path: Path) -> None:
    """By address without a key, by key with one, which may ask ten times as often."""
    served = serve_sample(tmp_path, rate=3)
    secret = served.new_key("platform")
    served.get("/healthz")  # moves the clock on, so that the key is known
    served.seconds_between = 0.0
    assert [served.get("/api/v1/days").status_code for _ in range(5)] == [200, 200, 200, 429, 429]
    keyed = [served.get("/api/v1/days", secret).status_code for _ in range(31)]
    assert keyed == [200] * 30 + [429]
    refused = served.get("/api/v1/days")
    assert_problem(refused, 429, kind="rate-limited")
    assert refused.headers["retry-after"] == "1"
    assert served.get("/healthz").status_code == 200
    served.now_seconds += 1
    assert served.get("/api/v1/days").status_code == 200


def test_guessing_keys_costs_what_asking_costs(tmp_path: Path) -> None:
    served = serve_sample(tmp_path, rate=3)
    served.seconds_between = 0.0
    found = [served.get("/api/v1/days", f"rk_{number}").status_code for number in range(5)]
    assert found == [401, 401, 401, 429, 429]


def test_addresses_are_not_kept(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Neither in the buckets nor in the log; of an IPv6 address the site counts."""
    served = serve_sample(tmp_path, rate=2)
    access = served.service.access
    for peer in ("203.0.113.9", "2001:db8::1", "2001:db8::2", "2001:db8:0:1::1"):
        access.caller({}, peer, 0.0)
    kept = access._anonymous._buckets
    assert len(kept) == 3
    assert not any("203" in name or "2001" in name for name in kept)
    assert "203.0.113.9" not in caplog.text
    other = serve_sample(tmp_path, rate=2).service.access
    other.caller({}, "203.0.113.9", 0.0)
    assert not set(other._anonymous._buckets) & set(kept)  # the hash is of this process


def test_a_proxy_speaks_for_its_clients_only_if_it_is_trusted(tmp_path: Path) -> None:
    trusting = Access(tmp_path / "keys.json", "open", 1, ("10.0.0.1",))
    plain = Access(tmp_path / "keys.json", "open", 1)
    for access, expected in ((trusting, 2), (plain, 1)):
        for client in (b"198.51.100.1", b"198.51.100.2"):
            with suppress(Problem):
                access.caller({b"x-forwarded-for": client}, "10.0.0.1", 0.0)
        assert len(access._anonymous._buckets) == expected


@pytest.mark.parametrize("grant", ["", "admin", "creator:", "creator:a b", "creator:ana\n"])
def test_only_known_grants_are_given(tmp_path: Path, grant: str) -> None:
    with pytest.raises(InvalidInput, match="grant"):
        create_read_key(tmp_path / "read_keys.json", "x", grant, NOW)
    assert not (tmp_path / "read_keys.json").exists()


def test_a_key_counts_as_soon_as_it_is_made(tmp_path: Path) -> None:
    """However short ago the file was looked at."""
    path = tmp_path / "read_keys.json"
    access = Access(path, "keys", 100)
    for grant, creator_id in (("platform", None), ("creator:ana", "ana")):
        secret = create_read_key(path, "x", grant, NOW)
        assert access.caller({b"x-api-key": secret.encode()}, "", 0.0).creator_id == creator_id


def test_the_key_file_holds_no_key(tmp_path: Path) -> None:
    """And is for its owner alone."""
    path = tmp_path / "read_keys.json"
    secret = create_read_key(path, "Ana's page", "creator:ana", NOW)
    assert secret.startswith("rk_")
    assert secret not in path.read_text()
    assert path.stat().st_mode & 0o777 == 0o600
    (key,) = load_read_keys(path)
    assert (key.label, key.grant) == ("Ana's page", "creator:ana")
    path.write_text('[{"sha256": "x"}]')
    with pytest.raises(KeyUnavailable, match=r"read_keys\.json"):
        load_read_keys(path)


def test_sample_day_is_what_these_tests_think() -> None:
    """The creators and videos named above."""
    catalogue = (SAMPLE_DAY / "bundle" / "catalogue.json").read_text()
    assert f'{{"creator_id":"{OWN}","video_id":"{OWN_VIDEO}"}}' in catalogue
    assert f'{{"creator_id":"{OTHER}","video_id":"{OTHER_VIDEO}"}}' in catalogue
