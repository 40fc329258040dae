"""`/api/v1/alerts`: rules by read key. A creator's key watches its own, and sees its own."""

import asyncio
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis import GenerationMode
from schemathesis.specs.openapi.checks import ignored_auth, positive_data_acceptance

from analytics_pipeline.core.alert_conditions import MissingDay
from analytics_pipeline.core.alerts import Course, State
from analytics_pipeline.core.webhooks import Target
from analytics_pipeline.serve.access import Access
from analytics_pipeline.serve.app import build_app
from analytics_pipeline.serve.routes import alerts as routes
from analytics_pipeline.serve.service import ReadService
from analytics_pipeline.serve.snapshot import Content, Snapshot
from analytics_pipeline.storage.alert_calls import Decided, NewCall, store_decision
from analytics_pipeline.storage.alerts import OPERATOR, add_rule, list_rules
from analytics_pipeline.storage.read_keys import create_read_key
from analytics_pipeline.storage.webhook_signer import WebhookSigner
from tests.serve.support import WorldSources, serve_world
from tests.support.world import honest_world

NOW = datetime(2026, 11, 22, tzinfo=UTC)
RULE = {"url": "https://example.org/hook?t=1", "condition": {"type": "missing_day", "hours": 6}}


few = settings(
    max_examples=10,
    derandomize=True,
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
)


@dataclass
class Api:
    """A read API with alert rules, that has read nothing yet."""

    home: Path
    service: ReadService = field(init=False)
    app: Any = field(init=False)

    def __post_init__(self) -> None:
        self.service = ReadService(
            Snapshot(Content("demo")),
            Access(self.home / "read_keys.json", "open", 1_000_000),
            "",
            alerts_path=self.home / "alerts.sqlite",
            keys_dir=self.home / "keys",
            static_dir=self.home,
        )
        self.app = build_app(self.service)

    def key(self, grant: str) -> str:
        return create_read_key(self.home / "read_keys.json", grant, grant, NOW)

    def request(
        self, method: str, path: str = "", key: str | None = None, **sent: Any
    ) -> httpx.Response:
        async def send() -> httpx.Response:
            transport = httpx.ASGITransport(self.app, raise_app_exceptions=False)
            async with httpx.AsyncClient(transport=transport, base_url="http://api") as client:
                headers = {"authorization": f"Bearer {key}"} if key else {}
                url = f"/api/v1/alerts{path}"
                return await client.request(
                    method, url, headers=headers | sent.pop("more", {}), **sent
                )

        return asyncio.run(send())

    def make(self, key: str, document: Any = RULE) -> httpx.Response:
        return self.request("POST", "", key, json=document)


@pytest.fixture
def api(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Api:
    ticks = iter(range(0, 10**6, 10))
    original = routes.router
    monkeypatch.setattr(routes, "router", lambda service: original(service, lambda: next(ticks)))
    return Api(tmp_path)


def refused(response: httpx.Response, status: int, kind: str, field: str | None = None) -> None:
    assert response.status_code == status, response.text
    assert response.json()["type"] == f"/problems/{kind}"
    assert response.json().get("field") == field


def test_a_rule_is_made_seen_and_removed(api: Api) -> None:
    """By its key; the process that serves has called nobody."""
    key = api.key("platform")
    made = api.make(key)
    assert made.status_code == 201
    rule = made.json()
    assert made.headers["location"] == f"/api/v1/alerts/{rule['id']}"
    assert rule["url"] == RULE["url"]
    assert rule["condition"] == RULE["condition"]
    assert rule["calls"] == {"pending": 0, "delivered": 0, "dead": 0}
    listed = api.request("GET", "", key)
    assert listed.json() == {"data": [rule]}
    assert listed.headers["cache-control"] == "no-store"
    assert api.request("GET", f"/{rule['id']}", key).json() == {"rule": rule, "calls": []}
    assert api.request("DELETE", f"/{rule['id']}", key).status_code == 204
    assert api.request("GET", "", key).json() == {"data": []}
    refused(api.request("DELETE", f"/{rule['id']}", key), 404, "not-found")


def test_the_store_holds_up_no_other_request(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    """It may wait for a lock; never in the thread that answers everybody."""
    serving: list[bool] = []

    def add(*arguments: Any, **options: Any) -> Any:
        with suppress(RuntimeError):
            serving.append(asyncio.get_running_loop().is_running())
        return add_rule(*arguments, **options)

    monkeypatch.setattr(routes, "add_rule", add)
    assert api.make(api.key("platform")).status_code == 201
    assert serving == []


def test_without_a_key_there_are_no_rules(api: Api) -> None:
    """Also on an open platform; only the public signing key is for everybody."""
    refused(api.request("POST", json=RULE), 401, "unknown-read-key")
    refused(api.request("GET"), 401, "unknown-read-key")
    refused(api.request("GET", "/al_0123456789abcdef"), 401, "unknown-read-key")
    refused(api.request("DELETE", "/al_0123456789abcdef"), 401, "unknown-read-key")


def test_the_signing_key_is_public(api: Api) -> None:
    """Not there before it is made, then as the specification writes it; never its private half."""
    refused(api.request("GET", "/key"), 503, "unavailable")
    signer = WebhookSigner.create(api.home / "keys", NOW)
    [shown] = api.request("GET", "/key").json()["keys"]
    assert shown["public_key"].startswith("whpk_")
    new_id = signer.rotate(datetime.now(UTC))
    keys = api.request("GET", "/key").json()["keys"]
    assert [key["key_id"] for key in keys] == [new_id, shown["key_id"]]
    assert all(key.keys() == {"key_id", "public_key", "created_at"} for key in keys)


MAY_WATCH = [
    {"type": "drop", "scope": "creator", "key": "ana"},
    {"type": "drop", "scope": "video", "key": "clip-1"},
    {"type": "missing_day"},
    {"type": "failed_verification"},
]
MAY_NOT_WATCH = [
    {"type": "drop", "scope": "creator", "key": "bob"},
    {"type": "drop", "scope": "video", "key": "clip-9"},
    {"type": "drop", "scope": "platform"},
    {"type": "drop", "scope": "region", "key": "DE"},
    {"type": "drop", "scope": "provider", "key": "ipfs"},
    {"type": "rebuffer", "provider": "ipfs"},
]


def test_what_a_creators_key_may_watch(api: Api) -> None:
    """Its own creator and videos, and whether days are there and verify; nothing of others."""
    served = serve_world(WorldSources(honest_world()), api.home / "served")
    api.service.replace_snapshot(served.service.snapshot)
    key, platform = api.key("creator:ana"), api.key("platform")
    for condition in MAY_NOT_WATCH:
        made = api.make(key, {"url": RULE["url"], "condition": condition})
        refused(made, 403, "not-granted")
        assert api.make(platform, {**RULE, "condition": condition}).status_code == 201
    for condition in MAY_WATCH:
        assert api.make(key, {"url": RULE["url"], "condition": condition}).status_code == 201
    owned = [rule.creator_id for rule in list_rules(api.service.alerts)]
    assert owned == [None] * len(MAY_NOT_WATCH) + ["ana"] * len(MAY_WATCH)


def test_nobody_sees_or_removes_anothers_rules(api: Api) -> None:
    """Two keys of one creator are two; an operator's key sees all."""
    one, other, operator = api.key("creator:ana"), api.key("creator:ana"), api.key("operator")
    rule_id = api.make(one).json()["id"]
    by_hand = add_rule(
        api.service.alerts, OPERATOR, MissingDay(), Target("https://localhost/", True), NOW
    )
    assert api.request("GET", "", other).json() == {"data": []}
    refused(api.request("GET", f"/{rule_id}", other), 404, "not-found")
    refused(api.request("DELETE", f"/{rule_id}", other), 404, "not-found")
    refused(api.request("GET", f"/{by_hand.rule_id}", one), 404, "not-found")
    seen = api.request("GET", "", operator).json()["data"]
    assert {rule["id"] for rule in seen} == {rule_id, by_hand.rule_id}
    own_id = api.make(operator).json()["id"]
    detail = api.request("GET", f"/{rule_id}", operator).json()
    assert detail["rule"]["url"] == "https://example.org"  # the rest may be its owner's secret
    seen = api.request("GET", "", operator).json()["data"]
    assert {rule["url"] for rule in seen if rule["id"] != own_id} == {
        "https://example.org",
        "https://localhost",
    }
    assert [rule["url"] for rule in seen if rule["id"] == own_id] == [RULE["url"]]
    assert api.request("GET", f"/{rule_id}", one).json()["rule"]["url"] == RULE["url"]
    assert api.request("DELETE", f"/{rule_id}", operator).status_code == 204


def test_answers_on_their_way_are_shared_with_nobody(api: Api) -> None:
    """Two keys that ask at the same moment, with the same grant, get what is their own."""
    keys = [api.key("creator:ana"), api.key("creator:ana")]
    ids = [api.make(key).json()["id"] for key in keys]

    async def ask() -> list[Any]:
        transport = httpx.ASGITransport(api.app)
        async with httpx.AsyncClient(transport=transport, base_url="http://api") as client:
            asked = [client.get("/api/v1/alerts", headers={"x-api-key": key}) for key in keys * 5]
            return [answer.json()["data"] for answer in await asyncio.gather(*asked)]

    assert [[rule["id"] for rule in found] for found in asyncio.run(ask())] == [
        [i] for i in ids
    ] * 5


PLATFORM_DROP = {"type": "drop", "scope": "platform"}
NO_RULES: list[tuple[Any, str]] = [
    (b"", "body"),
    (b"[]", "body"),
    (b"{", "body"),
    (b'{"url": "\xff"}', "body"),
    ({"url": RULE["url"]}, "condition"),
    ({"condition": RULE["condition"]}, "url"),
    ({**RULE, "owner": "me"}, "owner"),
    ({**RULE, "inward": True}, "inward"),
    ({**RULE, "url": "http://example.org/"}, "url"),
    ({**RULE, "url": "https://127.0.0.1/"}, "url"),
    ({**RULE, "url": "https://[::ffff:10.0.0.1]/"}, "url"),
    ({**RULE, "url": 7}, "url"),
    ({**RULE, "condition": {"type": "missing_day", "hours": 0}}, "condition.hours"),
    ({**RULE, "condition": {**PLATFORM_DROP, "key": "x"}}, "condition.key"),
    ({**RULE, "condition": {**PLATFORM_DROP, "sigmas": 1}}, "condition.sigmas"),
    ({**RULE, "condition": {"type": "rise"}}, "condition.type"),
]


def test_what_is_no_rule_is_refused_by_field(api: Api) -> None:
    """And a rule cannot say that it may call inwards: that is for the command line."""
    key = api.key("operator")
    for body, name in NO_RULES:
        sent: dict[str, Any] = {"json": body}
        if isinstance(body, bytes):
            sent = {"content": body, "more": {"content-type": "application/json"}}
        refused(api.request("POST", "", key, **sent), 400, "invalid", name)
    assert list_rules(api.service.alerts) == []


def test_other_media_types_and_long_bodies_are_refused(api: Api) -> None:
    """Before they are read, and at the first byte too many."""
    key = api.key("platform")
    form = {"content": b"x=1", "more": {"content-type": "text/plain"}}
    refused(api.request("POST", "", key, **form), 415, "unsupported", "Content-Type")
    long = {**RULE, "url": "https://example.org/" + "x" * routes.MAX_BODY_BYTES}
    refused(api.make(key, long), 413, "too-large")


def test_a_key_has_so_many_rules(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    """Then it has to remove one; others have their own."""
    monkeypatch.setattr(routes, "RULES_PER_KEY", 2)
    key, other = api.key("platform"), api.key("platform")
    rule_ids = [api.make(key).json()["id"] for _ in range(2)]
    refused(api.make(key), 409, "rules-full")
    assert api.make(other).status_code == 201
    api.request("DELETE", f"/{rule_ids[0]}", key)
    assert api.make(key).status_code == 201


def test_a_key_makes_one_rule_a_second(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever its rate of reading is; another key is another matter."""
    original = routes.router
    monkeypatch.setattr(routes, "router", lambda service: original(service, lambda: 0.0))
    api = Api(tmp_path)
    key, other = api.key("platform"), api.key("platform")
    assert api.make(key).status_code == 201
    refused(api.make(key), 429, "rate-limited")
    assert api.make(other).status_code == 201


def test_a_rule_shows_its_calls(api: Api) -> None:
    """What became of each, by its webhook-id; not what it said."""
    key = api.key("platform")
    rule_id = api.make(key).json()["id"]
    course = Course(State.RAISED, 0, 0)
    call = NewCall("msg_1", "raised", b"{}")
    store_decision(api.service.alerts, Decided(rule_id, NOW.date(), course, "", "", call), NOW)
    detail = api.request("GET", f"/{rule_id}", key).json()
    assert detail["rule"]["calls"] == {"pending": 1, "delivered": 0, "dead": 0}
    assert detail["calls"] == [
        {
            "id": "msg_1",
            "day": "2026-11-22",
            "kind": "raised",
            "state": "pending",
            "decided_at": "2026-11-22T00:00:00Z",
            "settled_at": None,
            "attempts": 0,
            "last_error": None,
        }
    ]


@pytest.fixture(scope="module")
def described(tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, str]:
    """What a read API says of itself, and a key to ask it with; rules may be made at any rate."""
    ticks = iter(range(0, 10**6, 10))
    original = routes.router
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(routes, "router", lambda service: original(service, lambda: next(ticks)))
        api = Api(tmp_path_factory.mktemp("described"))
    WebhookSigner.create(api.home / "keys", NOW)
    key = api.key("platform")
    return schemathesis.openapi.from_asgi("/openapi.json", api.app), key


def test_it_is_described(described: tuple[Any, str]) -> None:
    """Every route with an example, the body of a rule, and all four conditions."""
    document = described[0].raw_schema
    paths = {path: found for path, found in document["paths"].items() if "alerts" in path}
    assert {path: sorted(found) for path, found in paths.items()} == {
        "/api/v1/alerts": ["get", "post"],
        "/api/v1/alerts/key": ["get"],
        "/api/v1/alerts/{rule_id}": ["delete", "get"],
    }
    post = paths["/api/v1/alerts"]["post"]
    assert "200" not in post["responses"]
    for shown in (
        post["requestBody"],
        post["responses"]["201"],
        *(found["get"]["responses"]["200"] for found in paths.values()),
    ):
        assert shown["content"]["application/json"]["example"]
    schemas = document["components"]["schemas"]
    assert {"NewAlertRule", "Drop", "MissingDay", "FailedVerification"} <= schemas.keys()
    edges = schemas["Rebuffer"]["properties"]["stalled_permille"]["enum"]
    assert edges == [0, 5, 10, 20, 50, 100, 200]


@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE])
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/api/v1/alerts/key"),
        ("GET", "/api/v1/alerts"),
        ("POST", "/api/v1/alerts"),
        ("GET", "/api/v1/alerts/{rule_id}"),
        ("DELETE", "/api/v1/alerts/{rule_id}"),
    ],
)
def test_requests_are_answered_as_described(
    described: tuple[Any, str], method: str, path: str, mode: GenerationMode
) -> None:
    """schemathesis asks; what no schema can say of a rule (a public address, a figure that there
    is) may be refused. Nothing ends in a 500."""
    description, key = described
    operation = description[path][method]
    if mode is GenerationMode.NEGATIVE and not (operation.body or operation.path_parameters):
        return  # nothing to get wrong

    @few
    @given(case=operation.as_strategy(generation_mode=mode))
    def ask(case: Any) -> None:
        case.headers = {**(case.headers or {}), "x-api-key": key}
        case.call_and_validate(excluded_checks=[positive_data_acceptance, ignored_auth])

    ask()
