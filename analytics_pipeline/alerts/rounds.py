"""One round: from the rules and the records to decisions on disk.

Belongs here: the order of steps that makes a kill harmless. Does not belong here: when rounds run
(`worker`), making calls (`delivery`).
"""

import logging
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from analytics_pipeline.alerts.days import History, Published
from analytics_pipeline.alerts.deciding import build_decided, decide, due_days
from analytics_pipeline.storage.alert_calls import store_decision
from analytics_pipeline.storage.alerts import (
    AlertRule,
    AlertStore,
    Remembered,
    list_rules,
    load_courses,
    remove_rules_of_others,
)
from analytics_pipeline.storage.read_keys import load_read_keys

_log = logging.getLogger(__name__)


def drop_orphans(store: AlertStore, read_keys_path: Path) -> None:
    """A rule lives as long as the read key that it was made with. A file of keys that is not there
    says of none that it was revoked: it may be about to be restored. Raises StoreError."""
    keys = [key.key_id for key in load_read_keys(read_keys_path)]
    if not keys and not read_keys_path.exists():
        return
    for rule in remove_rules_of_others(store, keys):
        _log.warning("%s removed: its read key %s was revoked", rule.rule_id, rule.owner)


def run_round(
    store: AlertStore,
    published: Published,
    now: datetime,
    stopped: Callable[[], bool] = lambda: False,
) -> int:
    """Decide everything that can be decided now; returns how many calls that asks for.

    Args:
        stopped: asked before each day; the next round decides what was left.
    Raises:
        ChainError, StoreError: the records could not be read, or a decision not be stored; the
            next round starts over.
    """
    rules = list_rules(store)
    if not rules:
        return 0
    history = published.load_history()
    return sum(_decide_rule(store, rule, history, published, now, stopped) for rule in rules)


def _decide_rule(
    store: AlertStore,
    rule: AlertRule,
    history: History,
    published: Published,
    now: datetime,
    stopped: Callable[[], bool],
) -> int:
    courses = load_courses(store, rule.rule_id)
    calls = 0
    for due in due_days(rule, history, courses):
        if stopped():
            break
        decision = decide(rule, due, history, published)
        if decision is None:
            continue
        known = courses.get(due.day)
        decided = build_decided(rule, due, known, decision, history, now)
        courses[due.day] = Remembered(decided.course, decided.inputs)
        if store_decision(store, decided, now):
            calls += 1
            _log.info("%s, %s: %s", rule.rule_id, due.day, decided.says)
    return calls
