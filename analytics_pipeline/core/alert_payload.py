"""What an alert call says: a JSON document about one rule and one day.

    {"type": "alert.drop.raised", "timestamp": …, "data": {rule, day, revision, what was compared,
     the record on chain, how to check it}}

Everything in it is public already: released figures with their errors, fields of the record, the
rule as its owner set it (without its address). Belongs here: the document and the ids. Does not
belong here: signing and addresses (`core.webhooks`), deciding (`core.alerts`).
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Any, Final
from urllib.parse import urlencode

from analytics_pipeline.core import canonical
from analytics_pipeline.core.alert_conditions import Condition, build_condition, type_of
from analytics_pipeline.core.alerts import DatedFigure, Decision, iso, threshold_of
from analytics_pipeline.core.record import ChainEvidence, ReleaseRecord

_UNITS: Final = {"watch_seconds": "seconds", "views": "views"}
_ID_CHARACTERS: Final = 32


class Kind(StrEnum):
    """Why a call is made."""

    RAISED = "raised"
    WITHDRAWN = "withdrawn"
    TEST = "test"


@dataclass(frozen=True)
class Subject:
    """What a call is about.

    Args:
        rule_id: as the rule's owner knows it.
        record: the newest release of the day; None: there is none.
    """

    rule_id: str
    condition: Condition
    day: date
    record: ReleaseRecord | None
    evidence: ChainEvidence


def event_id(rule_id: str, day: date, kind: Kind) -> str:
    """The ``webhook-id``: one for each rule, day and kind, whoever works it out and how often."""
    digest = hashlib.sha256(f"viewership-alert/1\n{rule_id}\n{day}\n{kind}".encode()).hexdigest()
    return f"msg_{digest[:_ID_CHARACTERS]}"


def build_call(subject: Subject, kind: Kind, decision: Decision, decided_at: datetime) -> bytes:
    """The body of a call.

    Args:
        decided_at: aware; stays the same however often the call is repeated.
    """
    evidence, record = subject.evidence, subject.record
    data: dict[str, Any] = {
        "rule": rule_json(subject.rule_id, subject.condition),
        "platform": evidence.platform,
        "day": subject.day.isoformat(),
        "revision": record.revision if record else None,
        "says": decision.says,
        "compared": dict(decision.numbers or {}),
        "figures": [figure_json(figure) for figure in decision.figures],
        "record": record_json(evidence, record) if record else None,
        "check": {
            "day": f"/api/v1/days/{subject.day}",
            "command": verify_command(evidence, subject.day, record),
        },
    }
    if kind is Kind.WITHDRAWN:
        data["withdraws"] = event_id(subject.rule_id, subject.day, Kind.RAISED)
    return build_body(f"alert.{type_of(subject.condition)}.{kind}", decided_at, data)


def build_body(type_name: str, at: datetime, data: Mapping[str, Any]) -> bytes:
    """Type, time and data, as canonical JSON (RFC 8785)."""
    return canonical.encode({"type": type_name, "timestamp": iso(at), "data": dict(data)})


def rule_json(rule_id: str, condition: Condition) -> dict[str, Any]:
    """A rule as its owner set it, without its address."""
    return {"id": rule_id, "condition": build_condition(condition)}


def figure_json(figure: DatedFigure) -> dict[str, Any]:
    """A figure, with where the read API proves it."""
    row, day, revision = figure.row, figure.day.isoformat(), figure.revision
    query = urlencode({"scope": row.scope, "key": row.key, "metric": row.metric})
    return {
        "day": day,
        "revision": revision,
        "scope": row.scope,
        "key": row.key,
        "metric": row.metric,
        "unit": _UNITS.get(row.metric, "viewers"),
        "value": row.value,
        "suppressed": row.suppressed,
        "threshold": threshold_of(row),
        "error_95": row.error_95,
        "sigma": row.sigma,
        "proof": {"href": f"/api/v1/days/{day}/revisions/{revision}/proof?{query}"},
    }


def record_json(evidence: ChainEvidence, record: ReleaseRecord) -> dict[str, Any]:
    """Where on chain the release stands, and what it names."""
    return {
        "chain_id": evidence.chain_id,
        "registry": evidence.registry,
        "block_number": record.block_number,
        "block_time": record.block_time,
        "report_root": canonical.hash_text(record.report_root),
        "report_cid": record.report_cid,
        "bundle_cid": record.bundle_cid,
    }


def verify_command(evidence: ChainEvidence, day: date, record: ReleaseRecord | None) -> str:
    """What anybody can run against endpoints of their own choice."""
    revision = f" --revision {record.revision}" if record else ""
    return (
        f"analytics-pipeline verify {evidence.platform} {day}{revision} "
        f"--chain $RPC_URL --registry {evidence.registry} --gateway $IPFS_GATEWAY"
    )
