"""``python -m analytics_pipeline.alerts``: the alerts process; with ``--test``, one signed test
call, and what became of it as JSON.

Exit codes: 0 done or told to stop, 1 chain, content or store failed, 2 wrong arguments or settings,
75 another alerts process is running (EX_TEMPFAIL).
"""

import argparse
import asyncio
import fcntl
import json
import logging
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from secrets import token_hex

from analytics_pipeline.alerts.days import Published, PublishedDays
from analytics_pipeline.alerts.delivery import Delivery
from analytics_pipeline.alerts.worker import DEFAULT_INTERVAL_SECONDS, run_forever, run_once
from analytics_pipeline.core.alert_payload import Kind, build_body, rule_json
from analytics_pipeline.core.checks.proof import ProofTerms
from analytics_pipeline.core.errors import EXPECTED, AlertsRunning, InvalidSettings, describe_error
from analytics_pipeline.published.proof_verifiers import VerifierChoice, open_verifier
from analytics_pipeline.published.sources import open_sources
from analytics_pipeline.settings import Settings, load_settings, prepare_home
from analytics_pipeline.storage.alerts import AlertStore, load_rule
from analytics_pipeline.storage.webhook_signer import WebhookSigner


@contextmanager
def open_published(settings: Settings) -> Iterator[Published]:
    """Chain and content store, as a verifier has them. Raises PipelineError."""
    with open_sources(settings) as sources:
        terms = ProofTerms(verifier=open_verifier(VerifierChoice.AUTO))
        yield PublishedDays(sources, settings.platform, terms, settings.confirmations)


@contextmanager
def _sole(path: Path) -> Iterator[None]:
    """One alerts process at a time; a kill gives the lock back. Two would do no harm but make
    calls twice."""
    with path.open("a+", encoding="ascii") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise AlertsRunning(f"another alerts process is running; it holds {path}") from None
        yield


def _now() -> datetime:
    return datetime.now(UTC)


async def _run(
    settings: Settings, store: AlertStore, delivery: Delivery, arguments: argparse.Namespace
) -> None:
    work = (store, partial(open_published, settings), delivery, settings.read_keys_path)
    if arguments.once:
        await run_once(*work)
        return
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    await run_forever(*work, stop, arguments.interval)


async def _test(store: AlertStore, delivery: Delivery, rule_id: str) -> dict[str, object]:
    """One signed call that no day asked for; it is not repeated and not remembered."""
    rule = load_rule(store, rule_id)
    data = {
        "rule": rule_json(rule.rule_id, rule.condition),
        "says": "This is a test. Nothing has happened.",
    }
    event_id = f"msg_test_{token_hex(12)}"
    body = build_body(f"alert.{Kind.TEST}", _now(), data)
    answer = await delivery.send(event_id, rule.target, body)
    return {"event_id": event_id, "status": answer.status, "problem": answer.problem}


def _arguments(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m analytics_pipeline.alerts")
    parser.description = "Watch what is published, and call who asked to be called: docs/alerts.md."
    parser.add_argument(
        "--once", action="store_true", help="decide and call what is due, then stop"
    )
    parser.add_argument("--test", metavar="RULE", help="make one signed test call, nothing else")
    parser.add_argument(
        "--interval",
        type=float,
        default=DEFAULT_INTERVAL_SECONDS,
        metavar="SECONDS",
        help="pause between two looks at the chain (default: %(default)s)",
    )
    arguments = parser.parse_args(argv)
    if arguments.interval <= 0:
        parser.error("--interval must be positive")
    return arguments


def main(argv: list[str] | None = None) -> int:
    """Run the process; returns the exit code."""
    arguments = _arguments(argv)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    os.umask(0o077)
    try:
        settings = load_settings()
        prepare_home(settings)
        with closing(AlertStore(settings.alerts_path)) as store:
            delivery = Delivery(WebhookSigner.create(settings.keys_dir, _now()), _now)
            if arguments.test is not None:
                result = asyncio.run(_test(store, delivery, arguments.test))
                print(json.dumps({"result": result}))
                return 0
            with _sole(settings.home / "alerts.lock"):
                asyncio.run(_run(settings, store, delivery, arguments))
    except AlertsRunning as error:
        print(describe_error(error), file=sys.stderr)
        return 75
    except InvalidSettings as error:
        print(describe_error(error), file=sys.stderr)
        return 2
    except EXPECTED as error:
        print(describe_error(error), file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
