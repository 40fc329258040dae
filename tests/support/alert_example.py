"""The worked example of docs/alerts.md: a call as it is sent, and the table of what is caught."""

import json
import math
from datetime import UTC, datetime
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from analytics_pipeline.core.alert_conditions import Drop
from analytics_pipeline.core.alert_payload import Kind, Subject, build_call, event_id
from analytics_pipeline.core.alerts import ALARM_SIGMAS, decide_drop
from analytics_pipeline.core.policy import DEFAULT_POLICY, Query
from analytics_pipeline.core.record import ReleaseRecord, parse_evidence
from analytics_pipeline.core.report import parse_report
from analytics_pipeline.core.webhooks import build_headers, public_key_text, signed_content
from tests.support.world import DAYS, World

RULE_ID: Final = "al_9f3c51d07be24a68"
DROP: Final = Drop("creator", "ana", "viewers", percent=30, days=2)
DECIDED_AT: Final = datetime(2026, 3, 4, 0, 41, 7, tzinfo=UTC)
KEY: Final = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
#: which figures the table of the page has
CAUGHT: Final = (
    *(("platform", "viewers"), ("platform", "watch_seconds")),
    *(("creator", "viewers"), ("creator", "watch_seconds")),
    *(("video", "viewers"), ("video", "watch_seconds")),
    *(("region", "viewers"), ("provider", "viewers")),
)


def example_call() -> tuple[dict[str, str], bytes, str]:
    """Headers and body of a call, and the public key that it is signed with."""
    world = World(videos=1)
    for day, scale in zip(DAYS, (4, 4, 1), strict=True):
        world.scales[day, 1] = scale
        world.publish(day)
    evidence = parse_evidence(world.chain_file())
    reports = [parse_report(world.bundles[day, 1]["report.json"]) for day in reversed(DAYS)]
    decision = decide_drop(DROP, reports[0], reports[1:])
    record = evidence.records[-1]
    assert decision.alert
    assert isinstance(record, ReleaseRecord)
    subject = Subject(RULE_ID, DROP, DAYS[2], record, evidence)
    body = build_call(subject, Kind.RAISED, decision, DECIDED_AT)
    name, timestamp = event_id(RULE_ID, DAYS[2], Kind.RAISED), int(DECIDED_AT.timestamp()) + 1
    signature = KEY.sign(signed_content(name, timestamp, body))
    public_key = public_key_text(KEY.public_key().public_bytes_raw())
    return build_headers(name, timestamp, [signature]), body, public_key


def alert_example() -> str:
    """The call of the page."""
    headers, body, public_key = example_call()
    lines = "\n".join(f"{name}: {value}" for name, value in headers.items())
    shown = json.dumps(json.loads(body), indent=2, ensure_ascii=False)
    return (
        f"```http\nPOST /hooks/viewership HTTP/1.1\n{lines}\n```\n\n```json\n{shown}\n```\n\n"
        f"Signed with the key whose public half is `{public_key}`; the body is sent as "
        f"canonical JSON (RFC 8785), here {len(body):,} bytes on one line.\n"
    )


def smallest_halving(query: Query, percent: int = 30, days: int = 7) -> int:
    """From which figure on a halving is caught in 95 of 100 cases."""
    kept = 1 - percent / 100
    noise = query.sigma * math.hypot(1, kept / math.sqrt(days))
    return math.ceil((ALARM_SIGMAS + 1.645) * noise / (kept - 0.5))


def caught_table() -> str:
    """The rows of the page's table."""
    rows = []
    for scope, metric in CAUGHT:
        query = DEFAULT_POLICY.by_row[scope, metric]
        unit = " s" if metric == "watch_seconds" else ""
        start = f"{smallest_halving(query):,}{unit}"
        rows.append(f"| `{scope}` `{metric}` | {query.sigma:,.1f}{unit} | {start} |")
    return "\n".join(rows)


if __name__ == "__main__":
    print(caught_table())
