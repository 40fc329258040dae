"""The verification of a whole history, for machines: `docs/verify.md` lists the members.

Belongs here: the JSON document. Does not belong here: verifying (`core.verify_all`), what people
read (`cli.history_table`).
"""

import json
from typing import Any, Final

import typer

from analytics_pipeline.cli.checks_table import is_development_setup
from analytics_pipeline.core.canonical import hash_text
from analytics_pipeline.core.checks.across_days import PolicySpan
from analytics_pipeline.core.errors import describe_error
from analytics_pipeline.core.history import History, ReleaseResult, ReleaseState
from analytics_pipeline.core.policy import Policy
from analytics_pipeline.core.verify_errors import VerificationFailed
from analytics_pipeline.published.history import HistorySource

FORMAT: Final = "viewership-verification/1"


def print_history_json(
    history: History | None,
    source: HistorySource | None,
    error: BaseException | None = None,
    *,
    refuted: bool = False,
) -> None:
    """``verified`` is null when nothing is refuted and not everything could be looked at.

    Args:
        refuted: of an error, that it is a lie, by the exit code.
    """
    document: dict[str, Any] = {
        "format": FORMAT,
        "verified": history.verified if history else (False if refuted else None),
        "error": type(error).__name__ if error else None,
        "message": describe_error(error).partition(": ")[2] if error else None,
        "records_from": source.records_from if source else None,
        "bundles_from": source.bundles_from if source else None,
        "registry_asked": source.registry_head is not None if source else None,
    }
    if history is not None:
        document |= _history_json(history)
    typer.echo(json.dumps(document, indent=2))


def _history_json(history: History) -> dict[str, Any]:
    evidence, days = history.evidence, [each.release.day for each in history.releases]
    failures: dict[int, list[VerificationFailed]] = {}
    for number, failure in history.failures:
        failures.setdefault(number, []).append(failure)
    return {
        "platform": evidence.platform,
        "chain_id": evidence.chain_id,
        "registry": evidence.registry,
        "head": hash_text(evidence.head),
        "first_day": min(days).isoformat(),
        "last_day": max(days).isoformat(),
        "days": len(set(days)),
        "missing": [
            {"first": first.isoformat(), "last": last.isoformat()} for first, last in history.gaps
        ],
        "committed": [day.isoformat() for day in history.committed],
        "counts": {state.value: len(history.of_state(state)) for state in ReleaseState},
        "development_setup": any(is_development_setup(r.results) for r in history.releases),
        "reservations": [
            {"name": each.name, "text": each.text, "count": each.count}
            for each in history.reservations
        ],
        "policies": [_policy_json(span, policy) for span, policy in history.policies],
        "rules": [
            {
                "number": rule.number,
                "name": rule.name,
                "state": rule.state.value,
                "passed": rule.passed,
                "detail": rule.detail,
                "errors": [
                    {"name": failure.name, "detail": str(failure)}
                    for failure in failures.get(rule.number, [])
                ],
            }
            for rule in history.rules
        ],
        "releases": [_release_json(result) for result in history.releases],
    }


def _policy_json(span: PolicySpan, policy: Policy | None) -> dict[str, Any]:
    return {
        "first": span.first.isoformat(),
        "last": span.last.isoformat(),
        "policy_hash": hash_text(span.policy_hash),
        "rho_nano_per_release": policy.rho_nano_per_release if policy else None,
        "rho_nano_per_day": policy.rho_nano_per_day if policy else None,
        "rho_nano_per_30_days": policy.rho_nano_per_30_days if policy else None,
    }


def _release_json(result: ReleaseResult) -> dict[str, Any]:
    release, error = result.release, result.error
    return {
        "day": release.day.isoformat(),
        "revision": release.revision,
        "state": result.state.value,
        "checks": sum(each.passed for each in result.results),
        "reason": result.reason or None,
        "bundle_cid": release.bundle_cid,
        "block_number": release.block_number,
        "block_time": release.block_time,
        "spend_nano_rho": release.spend_nano_rho,
        "trusted": [each.name for each in result.trusted],
        "reservations": [each.name for each in result.reservations],
        "error": {
            "number": result.number,
            "name": type(error).__name__,
            "detail": describe_error(error).partition(": ")[2],
        }
        if error
        else None,
    }
