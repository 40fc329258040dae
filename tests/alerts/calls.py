"""Decisions that ask for calls, made up: for tests of what becomes of them."""

from analytics_pipeline.core.alert_conditions import MissingDay
from analytics_pipeline.core.alerts import Course, State
from analytics_pipeline.core.webhooks import parse_url
from analytics_pipeline.storage.alert_calls import Decided, NewCall
from analytics_pipeline.storage.alerts import OPERATOR, AlertRule, AlertStore, add_rule
from tests.alerts.days import RULE_MADE_AT, day

CONDITION = MissingDay()


def rule_to(store: AlertStore, url: str) -> AlertRule:
    return add_rule(store, OPERATOR, CONDITION, parse_url(url, inward=True), RULE_MADE_AT)


def decided(rule: AlertRule, number: int = 0, kind: str = "raised") -> Decided:
    """A decision that asks for a call."""
    state = State.RAISED if kind == "raised" else State.WITHDRAWN
    call = NewCall(f"msg_{rule.rule_id}{number}{kind}", kind, f'{{"day":{number}}}'.encode())
    return Decided(rule.rule_id, day(number), Course(state, 1, 1), "inputs", "says", call)
