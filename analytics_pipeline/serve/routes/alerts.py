"""`/api/v1/alerts`: rules about released figures, by read key. They are stored here and nothing
more: deciding and calling is another process's business, and this one never calls out.

Belongs here: who may make which rule, and what is shown of one. Does not belong here: what a rule
can watch (`core.alert_conditions`), deciding (`core.alerts`).
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Annotated, Any, Final

import msgspec
from fastapi import APIRouter, Path, Request, Response
from msgspec import Struct
from starlette.concurrency import run_in_threadpool

from analytics_pipeline.core.alert_conditions import (
    Condition,
    Drop,
    FailedVerification,
    MissingDay,
    check_condition,
)
from analytics_pipeline.core.errors import InvalidInput, StoreError, TooManyRules
from analytics_pipeline.core.event import describe_validation_error
from analytics_pipeline.core.webhooks import Target, parse_url
from analytics_pipeline.serve.access import Grant
from analytics_pipeline.serve.alert_documents import (
    EXAMPLE_DETAIL,
    EXAMPLE_KEYS,
    EXAMPLE_NEW_RULE,
    EXAMPLE_RULE,
    AlertCall,
    AlertDetail,
    AlertKey,
    AlertKeys,
    AlertRuleDocument,
    AlertRuleList,
    NewAlertRule,
)
from analytics_pipeline.serve.answers import UNKEPT, json_answer
from analytics_pipeline.serve.openapi import Responses, answers
from analytics_pipeline.serve.problems import (
    NOT_GRANTED,
    RATE_LIMITED,
    RULES_FULL,
    UNAVAILABLE,
    UNKNOWN_READ_KEY,
)
from analytics_pipeline.serve.routes.common import NO_PARAMETERS, grant_of
from analytics_pipeline.serve.service import ReadService
from analytics_pipeline.storage.alert_calls import count_calls, list_calls
from analytics_pipeline.storage.alerts import (
    AlertRule,
    AlertStore,
    add_rule,
    list_rules,
    load_rule,
    remove_rule,
)
from analytics_pipeline.web.http import build_headers, read_body
from analytics_pipeline.web.limits import TokenBuckets
from analytics_pipeline.web.problem import (
    INVALID,
    NOT_FOUND,
    TOO_LARGE,
    UNSUPPORTED,
    Kind,
    Problem,
)

RULES_PER_KEY: Final = 20
MAX_BODY_BYTES: Final = 4096
_NEW_RULES_PER_SECOND: Final = 1
_SHOWN_CALLS: Final = 50
_RETRY_AFTER_SECONDS: Final = 30

RuleId = Annotated[str, Path(pattern="^al_[0-9a-f]{16}$", examples=[EXAMPLE_RULE.id])]


def router(service: ReadService, clock: Callable[[], float] = time.monotonic) -> APIRouter:
    """The routes of this file; `clock` counts seconds, monotonic."""
    routes = APIRouter(prefix="/api/v1/alerts", dependencies=NO_PARAMETERS)
    new_rules = TokenBuckets(_NEW_RULES_PER_SECOND)

    @routes.get("/key", responses=_answers(EXAMPLE_KEYS, UNAVAILABLE))
    def alert_key() -> Response:
        """The public keys that calls are signed with, the newest first (Standard Webhooks, v1a)."""
        with _available("no key yet"):
            keys = service.webhook_keys(datetime.now(UTC)).signing
        found = [AlertKey(key.key_id, key.public_key, key.created_at) for key in keys]
        return json_answer(AlertKeys(found), UNKEPT)

    @routes.get("", responses=_answers(AlertRuleList([EXAMPLE_RULE]), UNAVAILABLE))
    def alert_rules(request: Request) -> Response:
        """The rules of this key; of an operator's key, all."""
        grant = _keyed(request)
        with _available():
            store = service.alerts
            found = [
                AlertRuleDocument.of(rule, count_calls(store, rule.rule_id), grant.key_id)
                for rule in list_rules(store, None if grant.operator else grant.key_id)
            ]
        return json_answer(AlertRuleList(found), UNKEPT)

    @routes.post("", status_code=201, responses=_made(), openapi_extra=_takes(EXAMPLE_NEW_RULE))
    async def make_alert_rule(request: Request) -> Response:
        """Make a rule: where to call, and what about. It looks at what is released from now on."""
        grant = _keyed(request)
        target, condition = parse_new_rule(await _read_json(request))
        require_allowed(grant, condition, service)
        wait_seconds = new_rules.take(str(grant.key_id), clock())
        if wait_seconds:
            raise Problem(RATE_LIMITED, "one rule a second", None, wait_seconds)
        # the store waits for its disk and its lock: in a thread, other requests do not
        rule = await run_in_threadpool(_store_rule, service, grant, target, condition)
        made = json_answer(AlertRuleDocument.of(rule, {}, grant.key_id), UNKEPT)
        made.status_code = 201
        made.headers["location"] = f"/api/v1/alerts/{rule.rule_id}"
        return made

    @routes.get("/{rule_id}", responses=_answers(EXAMPLE_DETAIL, NOT_FOUND, UNAVAILABLE))
    def alert_rule(request: Request, rule_id: RuleId) -> Response:
        """A rule and its newest calls."""
        grant = _keyed(request)
        with _available():
            store = service.alerts
            rule = _own_rule(store, grant, rule_id)
            document = AlertRuleDocument.of(rule, count_calls(store, rule_id), grant.key_id)
            calls = [AlertCall.of(call) for call in list_calls(store, rule_id, _SHOWN_CALLS)]
        return json_answer(AlertDetail(document, calls), UNKEPT)

    @routes.delete("/{rule_id}", status_code=204, responses=_removed())
    def remove_alert_rule(request: Request, rule_id: RuleId) -> Response:
        """Forget a rule and its address; calls that nobody has taken yet are not made any more."""
        grant = _keyed(request)
        with _available():
            store = service.alerts
            remove_rule(store, _own_rule(store, grant, rule_id).rule_id)
        return Response(status_code=204, headers={"cache-control": UNKEPT})

    return routes


def require_allowed(grant: Grant, condition: Condition, service: ReadService) -> None:
    """Whether a caller may have a rule of this kind. A creator's key watches the figures of its own
    creator and videos, and whether the days they are in are there and verify.

    Raises:
        Problem: 403.
    """
    if grant.creator_id is None or isinstance(condition, MissingDay | FailedVerification):
        return
    if isinstance(condition, Drop) and condition.scope == "creator":
        grant.require_creator(condition.key)
    elif isinstance(condition, Drop) and condition.scope == "video":
        contents = service.content.latest_contents
        videos = contents.listing.videos if contents else ()
        owners = {video.video_id: video.creator_id for video in videos}
        grant.require_creator(owners.get(condition.key))
    else:
        raise Problem(NOT_GRANTED, "the key covers one creator's figures, not the platform's")


def _store_rule(
    service: ReadService, grant: Grant, target: Target, condition: Condition
) -> AlertRule:
    with _available():
        return add_rule(
            service.alerts,
            str(grant.key_id),
            condition,
            target,
            datetime.now(UTC),
            creator_id=grant.creator_id,
            limit=RULES_PER_KEY,
        )


def parse_new_rule(data: bytes) -> tuple[Target, Condition]:
    """The address and the condition of a request. Raises Problem (400) naming the field."""
    try:
        rule = msgspec.json.decode(data, type=NewAlertRule)
    except msgspec.ValidationError as error:
        field, problem = describe_validation_error(error)
        raise Problem(INVALID, problem, "body" if field == "event" else field) from None
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise Problem(INVALID, "is not JSON", "body") from None
    try:
        target = parse_url(rule.url)
    except InvalidInput as error:
        raise Problem(INVALID, error.problem, error.field) from None
    try:
        check_condition(rule.condition)
    except InvalidInput as error:
        raise Problem(INVALID, error.problem, f"condition.{error.field}") from None
    return target, rule.condition


async def _read_json(request: Request) -> bytes:
    headers = build_headers(request.scope["headers"])
    media_type = headers.get(b"content-type", b"").split(b";")[0].strip().lower()
    if media_type != b"application/json":
        raise Problem(UNSUPPORTED, "send application/json", "Content-Type")
    return await read_body(headers, request.receive, MAX_BODY_BYTES)


def _keyed(request: Request) -> Grant:
    """The grant of a caller with a key. Raises Problem (401)."""
    grant = grant_of(request)
    if grant.key_id is None:
        raise Problem(UNKNOWN_READ_KEY, "rules are made and seen with a read key")
    return grant


@contextmanager
def _available(detail: str = "the rules cannot be read now") -> Iterator[None]:
    """What the stores cannot do now becomes a problem."""
    try:
        yield
    except TooManyRules as error:
        raise Problem(RULES_FULL, str(error)) from None
    except StoreError:
        raise Problem(UNAVAILABLE, detail, None, _RETRY_AFTER_SECONDS) from None


def _own_rule(store: AlertStore, grant: Grant, rule_id: str) -> AlertRule:
    """A rule of the caller's; another one's is as good as none. Raises Problem (404)."""
    try:
        rule = load_rule(store, rule_id)
    except InvalidInput:
        raise Problem(NOT_FOUND, "no such rule of this key") from None
    if not (grant.operator or rule.owner == grant.key_id):
        raise Problem(NOT_FOUND, "no such rule of this key")
    return rule


def _answers(example: Struct, *problems: Kind) -> Responses:
    """As `serve.openapi.answers`, with an example: rules belong to nobody's sample day."""
    found = answers(type(example), *problems)
    found[200]["content"]["application/json"]["example"] = msgspec.to_builtins(example)
    return found


def _made() -> Responses:
    found = _answers(EXAMPLE_RULE, RULES_FULL, TOO_LARGE, UNSUPPORTED, UNAVAILABLE)
    return {201: found.pop(200), **found}


def _removed() -> Responses:
    found = answers(AlertDetail, NOT_FOUND, UNAVAILABLE)
    del found[200]
    return {204: {"description": "Removed"}, **found}


def _takes(example: Struct) -> dict[str, Any]:
    """The description of a request's body."""
    content = _answers(example)[200]["content"]
    return {"requestBody": {"required": True, "content": content}}
