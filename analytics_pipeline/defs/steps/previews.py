"""What *release* and *record* show as pictures: retention of a day, the trend up to it.

Belongs here: which figures go into a picture, and that one which cannot be drawn stops no release.
Drawing: `defs.plots`.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from functools import partial
from typing import Any, Final

import dagster as dg

from analytics_pipeline.defs.plots import Point, draw_retention, draw_trend, read_points
from analytics_pipeline.defs.steps.reports import load_report
from analytics_pipeline.defs.steps.state import present
from analytics_pipeline.defs.stores import Stores
from analytics_pipeline.storage.catalogue import Release, list_releases

TREND_DAYS: Final = 30
_NOTHING: Final = "Nothing to draw: every part of every video is suppressed."


def preview_retention(stores: Stores, release: Release) -> Mapping[str, Any]:
    """How far viewers came into the day's fullest videos."""
    cache = stores.settings.cache
    return {"retention": _shown(lambda: draw_retention(load_report(release), cache) or _NOTHING)}


def preview_trends(stores: Stores, published: Sequence[Release]) -> dict[str, Mapping[str, Any]]:
    """ISO day -> the platform's figures of the 30 released days up to it."""
    found = list_releases(stores.catalogue, stores.platform)
    reports = {each.day: each.report_json for each in found if each.released}  # newest revisions
    points: dict[date, Mapping[str, Point]] = {}

    def draw(last: date) -> str:
        days = [day for day in sorted(reports) if day <= last][-TREND_DAYS:]
        points.update((d, read_points(present(reports[d]))) for d in days if d not in points)
        return draw_trend({day: points[day] for day in days}, stores.settings.cache)

    return {item.day.isoformat(): {"trend": _shown(partial(draw, item.day))} for item in published}


def _shown(draw: Callable[[], str]) -> dg.MarkdownMetadataValue:
    try:
        return dg.MetadataValue.md(draw())
    except Exception as error:
        return dg.MetadataValue.md(f"Could not be drawn ({type(error).__name__}).")
