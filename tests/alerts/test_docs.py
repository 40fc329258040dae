"""docs/alerts.md: its recipes check our calls, its numbers are those of the code."""

import base64
import json
import re
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from analytics_pipeline.alerts.calling import TIMEOUT_SECONDS
from analytics_pipeline.alerts.deciding import REACH_DAYS
from analytics_pipeline.alerts.worker import DEFAULT_INTERVAL_SECONDS
from analytics_pipeline.core.alerts import ALARM_SIGMAS, LOOKS_PER_DAY
from analytics_pipeline.core.webhooks import FIRST_PAUSE, GIVE_UP_AFTER, LONGEST_PAUSE
from analytics_pipeline.serve.routes.alerts import RULES_PER_KEY
from analytics_pipeline.storage.webhook_keys import OVERLAP_DAYS
from tests.chain.node_tools import node_command
from tests.support.alert_example import caught_table, example_call

PAGE = (Path(__file__).parents[2] / "docs" / "alerts.md").read_text()
HEADERS, BODY, PUBLIC_KEY = example_call()
SENT_AT = float(HEADERS["webhook-timestamp"])
OTHER_KEY = "whpk_vURNCj0YXidOULoP/fJZJGJ30QKCki/2c6p2bXjPL3c="
#: (headers, body, public key, now): what a receiver knows of a call
Case = tuple[dict[str, str], bytes, str, float]
Recipe = Callable[[list[Case], Path], list[bool]]


def code(language: str) -> str:
    """The page's block of that language."""
    block = re.search(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)
    assert block is not None
    return block[1]


def python_recipe(cases: list[Case], _: Path) -> list[bool]:
    names: dict[str, Any] = {}
    exec(code("python"), names)
    return [names["verify"](*case) for case in cases]


def node_recipe(cases: list[Case], folder: Path) -> list[bool]:
    (folder / "verify.mjs").write_text(code("js"))
    (folder / "run.mjs").write_text(
        'import { readFileSync } from "node:fs"; import { verify } from "./verify.mjs";\n'
        'const cases = JSON.parse(readFileSync(0, "utf8"));\n'
        "const believe = ([headers, body, key, now]) =>"
        ' verify(headers, Buffer.from(body, "base64"), key, now);\n'
        "console.log(JSON.stringify(cases.map(believe)));\n"
    )
    sent = json.dumps([[h, base64.b64encode(body).decode(), *rest] for h, body, *rest in cases])
    command = [*node_command(), "run.mjs"]
    ran = subprocess.run(
        command, cwd=folder, input=sent, capture_output=True, text=True, timeout=60, check=True
    )
    believed: list[bool] = json.loads(ran.stdout)
    return believed


@pytest.mark.parametrize("recipe", [python_recipe, node_recipe])
def test_the_recipes_believe_our_calls_and_no_others(recipe: Recipe, tmp_path: Path) -> None:
    """As printed: the example, also beside signatures of other keys and kinds; nothing altered,
    nothing old, nobody else's key."""
    signature = HEADERS["webhook-signature"]
    others = {**HEADERS, "webhook-signature": f"v1,AAAA v1a,{'A' * 86}== {signature}"}
    another_kind = {**HEADERS, "webhook-signature": signature.replace("v1a", "v1")}
    good: list[Case] = [
        (HEADERS, BODY, PUBLIC_KEY, SENT_AT),
        (others, BODY, PUBLIC_KEY, SENT_AT + 299),
    ]
    bad: list[Case] = [
        (HEADERS, BODY.replace(b"ana", b"bob"), PUBLIC_KEY, SENT_AT),
        ({**HEADERS, "webhook-id": "msg_other"}, BODY, PUBLIC_KEY, SENT_AT),
        (another_kind, BODY, PUBLIC_KEY, SENT_AT),
        (HEADERS, BODY, OTHER_KEY, SENT_AT),
        (HEADERS, BODY, PUBLIC_KEY, SENT_AT + 301),
        (HEADERS, BODY, PUBLIC_KEY, SENT_AT - 301),
    ]
    assert recipe(good + bad, tmp_path) == [True] * len(good) + [False] * len(bad)


def test_the_table_of_what_is_caught() -> None:
    """`python -m tests.support.alert_example` prints it."""
    assert caught_table() in PAGE


def test_the_numbers_of_the_page_are_those_of_the_code() -> None:
    """Written there in words, so looked for here."""
    assert f"margin of\n{ALARM_SIGMAS} standard deviations" in PAGE
    assert f"{LOOKS_PER_DAY} · 3,653 = {LOOKS_PER_DAY * 3653:,}" in PAGE
    assert f"{REACH_DAYS} days at most" in PAGE
    assert f"within {TIMEOUT_SECONDS:.0f} seconds" in PAGE
    assert f"after {FIRST_PAUSE.seconds} s, " in PAGE
    assert f"up to {LONGEST_PAUSE.seconds // 3600} hours" in PAGE
    assert (GIVE_UP_AFTER.days, DEFAULT_INTERVAL_SECONDS) == (3, 60)
    assert f"for {OVERLAP_DAYS}\ndays" in PAGE
    assert f"| {RULES_PER_KEY} a key, one new a second" in PAGE


def test_the_example_is_a_call_of_this_day() -> None:
    """Its time is that of the decision, and each attempt has its own."""
    document = json.loads(BODY)
    decided_at = datetime.fromisoformat(document["timestamp"])
    assert decided_at < datetime.fromtimestamp(SENT_AT, UTC)
    assert document["data"]["compared"]["value_at_most"] == document["data"]["figures"][0]["value"]
