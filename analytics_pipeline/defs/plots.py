"""Small pictures of released figures, for the metadata of *release* and *record*.

Everything drawn here is public once the day is recorded: figures with their noise and 95 % errors,
gaps where they are suppressed. Exact figures are drawn nowhere. Belongs here: drawing. matplotlib
is imported when the first picture is drawn, so that nothing else waits for it.
"""

import base64
import io
import json
import os
from collections.abc import Mapping, Sequence
from datetime import date
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Final

from analytics_pipeline.core.derived import RetentionCurve, derive_retention
from analytics_pipeline.core.report import Report

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MAX_BYTES: Final = 40_000
_VIDEOS_SHOWN: Final = 4
_SHADES: Final = 64
_INCHES: Final = (7.2, 2.7)
_COLOURS: Final = ("#2563eb", "#c2410c", "#047857", "#7e22ce")
#: metric, title, what the figure is divided by
_TRENDS: Final = (("viewers", "viewers", 1), ("watch_seconds", "hours watched", 3600))
#: (value, error_95) of a day's figure; None if it is suppressed
Point = tuple[int, float] | None


def draw_retention(report: Report, cache: Path) -> str | None:
    """How far viewers came into the videos that had most of them, with 95 % bands: Markdown, or
    None if every part of every video is suppressed.

    Args:
        cache: folder where matplotlib keeps its list of fonts.
    """
    curves = _fullest_curves(report)
    if not curves:
        return None
    figure = _figure(cache)
    axes = figure.subplots()
    bins = len(next(iter(curves.values())).reached)
    percent = [100 * position / bins for position in range(bins)]
    for (video_id, curve), colour in zip(curves.items(), _COLOURS, strict=False):
        axes.plot(percent, curve.reached, color=colour, label=video_id, linewidth=1.6)
        low = [max(0.0, r - e) for r, e in zip(curve.reached, curve.errors_95, strict=True)]
        high = [r + e for r, e in zip(curve.reached, curve.errors_95, strict=True)]
        axes.fill_between(percent, low, high, color=colour, alpha=0.15, linewidth=0)
    axes.set_xlabel("part of the video reached, %")
    axes.set_ylabel("viewers")
    axes.set_ylim(bottom=0)
    axes.legend(frameon=False, fontsize=8)
    _tidy(axes)
    day = report.header.day
    hidden = any(curve.suppressed_bins for curve in curves.values())
    words = f"Viewers of {day} who came so far, with 95 % bands"
    return _markdown(
        figure, f"{words}; at least, for some parts are suppressed" if hidden else words
    )


def _fullest_curves(report: Report) -> dict[str, RetentionCurve]:
    """Of the videos with most viewers, those of which a part is shown."""
    viewers = {
        row.key: row.value
        for row in report.rows
        if row.scope == "video" and row.metric == "viewers" and row.value is not None
    }
    fullest = sorted(viewers, key=lambda video_id: (-viewers[video_id], video_id))
    curves = ((video_id, derive_retention(report, video_id)) for video_id in fullest)
    return dict(islice(((name, c) for name, c in curves if c is not None), _VIDEOS_SHOWN))


def read_points(report_json: bytes) -> dict[str, Point]:
    """Metric of the platform -> its figure, of a report that was checked when it was stored."""
    rows = json.loads(report_json)["rows"]
    return {
        row["metric"]: None if row["value"] is None else (row["value"], row["error_95"])
        for row in rows
        if row["scope"] == "platform"
    }


def draw_trend(points: Mapping[date, Mapping[str, Point]], cache: Path) -> str:
    """The platform's figures over released days, with 95 % bars: Markdown.

    Args:
        points: each day's `read_points`, newest revision.
    """
    figure = _figure(cache)
    for axes, (metric, title, unit), colour in zip(
        figure.subplots(1, len(_TRENDS)), _TRENDS, _COLOURS, strict=False
    ):
        shown = [(day, point) for day in sorted(points) if (point := points[day].get(metric))]
        days = [day for day, _ in shown]
        values = [value / unit for _, (value, _) in shown]
        errors = [error / unit for _, (_, error) in shown]
        axes.errorbar(
            [day.toordinal() for day in days],
            values,
            errors,
            color=colour,
            marker="o",
            markersize=3,
            capsize=2,
        )
        for day in sorted(points.keys() - set(days)):
            axes.axvline(day.toordinal(), color="#94a3b8", linestyle=":", linewidth=1)
        axes.set_title(title, fontsize=10, loc="left")
        axes.set_ylim(0, 1.1 * max((v + e for v, e in zip(values, errors, strict=True)), default=1))
        _date_ticks(axes, sorted(points))
        _tidy(axes)
    first, last = min(points), max(points)
    words = f"Released figures of {first} to {last}, with 95 % bars; a dotted day is suppressed"
    return _markdown(figure, words)


def _figure(cache: Path) -> "Figure":
    os.environ.setdefault("MPLCONFIGDIR", str(cache / "matplotlib"))
    from matplotlib.figure import Figure

    return Figure(figsize=_INCHES, dpi=100, layout="constrained")


def _date_ticks(axes: "Axes", days: Sequence[date]) -> None:
    step = max(1, -(-len(days) // 5))
    ticks = days[::-step][::-1]
    axes.set_xticks([day.toordinal() for day in ticks], [f"{day:%d %b}" for day in ticks])


def _tidy(axes: "Axes") -> None:
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis="y", color="#e2e8f0", linewidth=0.8)
    axes.tick_params(labelsize=8)


def _markdown(figure: "Figure", words: str) -> str:
    """The picture inside the text, as Dagster's UI shows it; without it if it became too large."""
    from PIL import Image

    drawn, small = io.BytesIO(), io.BytesIO()
    figure.savefig(drawn, format="png")
    Image.open(drawn).convert("RGB").quantize(_SHADES).save(small, format="png", optimize=True)
    image = base64.b64encode(small.getvalue()).decode()
    shown = f"![{words}](data:image/png;base64,{image})"
    return f"{words}\n\n{shown}" if len(shown) < MAX_BYTES else words
