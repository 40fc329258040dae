"""The shapes of `/api/v1/alerts`, with examples: rules, their calls, the keys that sign them."""

from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Final, Self

from msgspec import Struct

from analytics_pipeline.core.alert_conditions import Condition, Drop
from analytics_pipeline.storage.alert_calls import CallState, PastCall
from analytics_pipeline.storage.alerts import AlertRule


class NewAlertRule(Struct, frozen=True, forbid_unknown_fields=True):
    """A rule to be made: an https address to call, and what about."""

    url: str
    condition: Condition


class CallCounts(Struct, frozen=True):
    """How many calls wait, were taken, found nobody for three days."""

    pending: int
    delivered: int
    dead: int


class AlertRuleDocument(Struct, frozen=True):
    """A rule; ``owner`` is the id of the read key it was made with, or ``operator``. An operator's
    key sees of another owner's ``url`` no more than its host: the rest may be a secret."""

    id: str
    owner: str
    url: str
    condition: Condition
    created_at: datetime
    calls: CallCounts

    @classmethod
    def of(cls, rule: AlertRule, counts: Mapping[CallState, int], seen_by: str | None) -> Self:
        """A rule as the key of that id sees it."""
        url = rule.target.url if rule.owner == seen_by else rule.target.origin
        states = (CallState.PENDING, CallState.DELIVERED, CallState.DEAD)
        calls = CallCounts(*(counts.get(state, 0) for state in states))
        return cls(rule.rule_id, rule.owner, url, rule.condition, rule.created_at, calls)


class AlertRuleList(Struct, frozen=True):
    """Rules, the oldest first."""

    data: list[AlertRuleDocument]


class AlertCall(Struct, frozen=True):
    """A call, or the attempts at it; ``id`` is its webhook-id."""

    id: str
    day: date
    kind: str
    state: CallState
    decided_at: datetime
    settled_at: datetime | None
    attempts: int
    last_error: str | None

    @classmethod
    def of(cls, call: PastCall) -> Self:
        return cls(
            call.event_id,
            call.day,
            call.kind,
            call.state,
            call.created_at,
            call.settled_at,
            call.attempts,
            call.last_error,
        )


class AlertDetail(Struct, frozen=True):
    """A rule, and its newest calls first."""

    rule: AlertRuleDocument
    calls: list[AlertCall]


class AlertKey(Struct, frozen=True):
    """A public key (Ed25519), as the Standard Webhooks specification writes it."""

    key_id: str
    public_key: str
    created_at: datetime


class AlertKeys(Struct, frozen=True):
    """The keys that sign now, the newest first."""

    keys: list[AlertKey]


EXAMPLE_NEW_RULE: Final = NewAlertRule(
    "https://example.org/hooks/viewership", Drop("creator", "creator-000")
)
EXAMPLE_RULE: Final = AlertRuleDocument(
    "al_9f3c51d07be24a68",
    "4be0643f1d98",
    EXAMPLE_NEW_RULE.url,
    EXAMPLE_NEW_RULE.condition,
    datetime(2026, 11, 1, 9, 30, tzinfo=UTC),
    CallCounts(pending=0, delivered=1, dead=0),
)
EXAMPLE_DETAIL: Final = AlertDetail(
    EXAMPLE_RULE,
    [
        AlertCall(
            "msg_8d1f0a7c2b3e4f5061728394a5b6c7d8",
            date(2026, 11, 21),
            "raised",
            CallState.DELIVERED,
            datetime(2026, 11, 22, 0, 41, tzinfo=UTC),
            datetime(2026, 11, 22, 0, 41, 1, tzinfo=UTC),
            attempts=1,
            last_error=None,
        )
    ],
)
EXAMPLE_KEYS: Final = AlertKeys(
    [
        AlertKey(
            "webhook-000001-9f3c51d0",
            "whpk_vURNCj0YXidOULoP/fJZJGJ30QKCki/2c6p2bXjPL3c=",
            datetime(2026, 11, 1, tzinfo=UTC),
        )
    ]
)
