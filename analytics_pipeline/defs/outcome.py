"""What a run did to each day, in words: the catalogue after the run, held against the one before.

Reads the catalogue only, so it tells what is stored, not what a step meant to do. The same words
are printed by the command line, stand at the record in Dagster and in the summary of a backfill.
"""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any, Final

from analytics_pipeline.core.accounting import NANO
from analytics_pipeline.core.day import parse_day
from analytics_pipeline.core.manifest import parse_manifest
from analytics_pipeline.core.policy import parse_policy
from analytics_pipeline.defs.steps.records import describe_spend
from analytics_pipeline.defs.steps.state import present
from analytics_pipeline.defs.stores import Stores
from analytics_pipeline.storage.catalogue import Release, list_releases, spent_nano

FIRST_RELEASE: Final = "first release"

#: What can become of a day, in the order in which a summary counts them.
KINDS: Final = ("released", "corrected", "unchanged", "failed")
RELEASED, CORRECTED, UNCHANGED, FAILED = KINDS
_OTHERS: Final = "other days of its run were refused"
#: Metadata of the check `verified`: all outcomes of the run.
OUTCOMES: Final = "outcomes"
Ended = dict[tuple[date, int], Release]


@dataclass(frozen=True)
class Outcome:
    """What became of a day.

    Args:
        kind: one of `KINDS`.
        revision: the newest release of the day; None if it has none.
        words: the same in a line, with what was withheld.
        rho: what the day has spent and may spend, e.g. ``0.125 of 0.25``.
        rho_left: what is left of it.
    """

    day: date
    kind: str
    revision: int | None
    words: str
    reason: str = ""
    rho: str = ""
    rho_left: str = ""


def outcomes_json(outcomes: Mapping[str, Outcome]) -> dict[str, Any]:
    """For the metadata of the run's last check, where `read_outcomes` finds it."""
    return {day: {**vars(each), "day": day} for day, each in outcomes.items()}


def read_outcomes(events: Iterable[Any]) -> dict[str, Outcome]:
    """What a run says it did; empty if it did not come so far.

    Args:
        events: the run's Dagster events.
    """
    for event in events:
        if event.event_type_value == "ASSET_CHECK_EVALUATION":
            metadata = event.event_specific_data.metadata
            if OUTCOMES in metadata:
                found = metadata[OUTCOMES].value
                return {k: Outcome(**{**v, "day": parse_day(v["day"])}) for k, v in found.items()}
    return {}


def load_ended(stores: Stores) -> Ended:
    """(day, revision) -> every release that is published or withheld, in order."""
    found = list_releases(stores.catalogue, stores.platform)
    return {(r.day, r.revision): r for r in found if r.released or not r.live}


def describe_outcomes(stores: Stores, before: Ended, days: Iterable[date]) -> dict[str, Outcome]:
    """ISO day -> what the run did: for the days it was asked for, and for others of which it
    published what an earlier run had drawn.

    Args:
        before: `load_ended` before the run.
    """
    asked = set(days)
    ended = load_ended(stores)
    new = [release for key, release in ended.items() if key not in before]
    outcomes = {}
    for day in sorted(asked | {release.day for release in new}):
        newest = next((r for r in reversed(ended.values()) if r.day == day and r.released), None)
        lines = [_describe_new(stores, release) for release in new if release.day == day]
        kind = _kind(newest, new)
        if kind in (UNCHANGED, FAILED):
            lines.append(f"unchanged (revision {newest.revision})" if newest else "not released")
        if day not in asked:
            lines.append("drawn by an earlier run")
        outcomes[day.isoformat()] = _build(stores, day, kind, newest, "; ".join(lines))
    return outcomes


def _kind(newest: Release | None, new: Sequence[Release]) -> str:
    if newest is None:
        return FAILED
    if newest not in new:
        return UNCHANGED
    return RELEASED if newest.reason == FIRST_RELEASE else CORRECTED


def _build(stores: Stores, day: date, kind: str, newest: Release | None, words: str) -> Outcome:
    if newest is None:
        return Outcome(day, kind, None, words)
    cap = parse_policy(present(newest.policy_json)).rho_nano_per_day
    left = cap - spent_nano(stores.catalogue, stores.platform, day)
    return Outcome(
        day,
        kind,
        newest.revision,
        words,
        reason=_reason(newest),
        rho=describe_spend(stores, newest),
        rho_left=f"{left / NANO:g}",
    )


def _describe_new(stores: Stores, release: Release) -> str:
    if not release.released:
        return f"revision {release.revision} withheld: {release.withheld_reason}"
    why = _reason(release)
    what = f"revision {release.revision} released{': ' if why else ''}{why}"
    return f"{what}; rho {describe_spend(stores, release)}"


def _reason(release: Release) -> str:
    why = [] if release.reason == FIRST_RELEASE else [release.reason]
    if not parse_manifest(present(release.manifest_json)).segments:
        why.append("no events")
    return ", ".join(why)


def mark_failed(
    outcomes: Mapping[str, Outcome], days: Iterable[date], error: str
) -> dict[str, Outcome]:
    """The outcomes after a run over ``days`` has failed: of those that it did not release it is
    said why. A run is refused as a whole, so most of its days are only in bad company."""
    marked = dict(outcomes)
    for day in days:
        found = marked[day.isoformat()]
        if found.kind in (UNCHANGED, FAILED):
            why = " ".join(_why(error, day).split())
            marked[day.isoformat()] = replace(
                found, kind=FAILED, reason=why, words=f"{found.words}; failed: {why}"
            )
    return marked


def _why(error: str, day: date) -> str:
    """The part of a run's error that is about the day."""
    for line in error.splitlines():
        if day.isoformat() in line:
            return line.removeprefix("- ")
    names_others = re.search(r"\b\d{4}-\d{2}-\d{2}\b", error)
    return _OTHERS if names_others else error


def count_outcomes(outcomes: Iterable[Outcome]) -> str:
    """E.g. ``30 days: 2 corrected, 28 unchanged``."""
    counts = Counter(outcome.kind for outcome in outcomes)
    parts = [f"{counts[kind]} {kind}" for kind in KINDS if counts[kind]]
    total = counts.total()
    return f"{total} day{'' if total == 1 else 's'}: {', '.join(parts)}"


def outcomes_table(outcomes: Mapping[str, Outcome]) -> str:
    """Markdown: a line for each day that changed or failed; the others are counted."""
    shown = [outcome for outcome in outcomes.values() if outcome.kind != UNCHANGED]
    lines = [f"**{count_outcomes(outcomes.values())}**"]
    if shown:
        lines += [
            "",
            "| day | what | newest revision | why | rho spent | rho left |",
            "|---|---|---|---|---|---|",
        ]
    for each in shown:
        cells = (each.day, each.kind, each.revision or "none", each.reason, each.rho, each.rho_left)
        lines.append(f"| {' | '.join(' '.join(str(cell).split()) for cell in cells)} |")
    return "\n".join(lines)
