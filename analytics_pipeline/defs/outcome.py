"""What a run did to each day, in words: the catalogue after the run, held against the one before.

Reads the catalogue only, so it tells what is stored, not what a step meant to do.
"""

from collections.abc import Iterable
from datetime import date

from analytics_pipeline.core.manifest import parse_manifest
from analytics_pipeline.defs.steps.records import describe_spend
from analytics_pipeline.defs.steps.state import present
from analytics_pipeline.defs.stores import Stores
from analytics_pipeline.storage.catalogue import Release, list_releases

FIRST_RELEASE = "first release"


def load_ended(stores: Stores) -> dict[tuple[date, int], Release]:
    """(day, revision) -> every release that is published or withheld, in order."""
    found = list_releases(stores.catalogue, stores.platform)
    return {(r.day, r.revision): r for r in found if r.released or not r.live}


def describe_outcomes(
    stores: Stores, before: dict[tuple[date, int], Release], days: Iterable[date]
) -> dict[str, str]:
    """ISO day -> what the run did: for the days it was asked for, and for others of which it
    published what an earlier run had drawn.

    Args:
        before: `load_ended` before the run.
    """
    asked = set(days)
    new = [release for key, release in load_ended(stores).items() if key not in before]
    outcomes = {}
    for day in sorted(asked | {release.day for release in new}):
        lines = [_describe_new(stores, release) for release in new if release.day == day]
        if not any(release.released for release in new if release.day == day):
            lines.append(_describe_kept(before, day))
        if day not in asked:
            lines.append("drawn by an earlier run")
        outcomes[day.isoformat()] = "; ".join(lines)
    return outcomes


def _describe_new(stores: Stores, release: Release) -> str:
    if not release.released:
        return f"revision {release.revision} withheld: {release.withheld_reason}"
    why = [] if release.reason == FIRST_RELEASE else [release.reason]
    if not parse_manifest(present(release.manifest_json)).segments:
        why.append("no events")
    what = f"revision {release.revision} released{': ' if why else ''}{', '.join(why)}"
    return f"{what}; rho {describe_spend(stores, release)}"


def _describe_kept(before: dict[tuple[date, int], Release], day: date) -> str:
    kept = [release for (of_day, _), release in before.items() if of_day == day]
    released = [release.revision for release in kept if release.released]
    return f"unchanged (revision {released[-1]})" if released else "not released"
