"""Pictures of released figures, and how late they are to cost anything."""

import base64
import re
import subprocess
import sys
from dataclasses import replace
from datetime import date, timedelta
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image

from analytics_pipeline.core.report import Report
from analytics_pipeline.defs.links import chain_links, day_links
from analytics_pipeline.defs.plots import MAX_BYTES, Point, draw_retention, draw_trend, read_points
from analytics_pipeline.published.folder import load_folder
from analytics_pipeline.settings import load_settings

SAMPLE = Path(__file__).parents[2] / "data" / "sample_day"
DAY = date(2026, 11, 20)


@pytest.fixture(scope="module")
def report() -> Report:
    """A published one."""
    return load_folder(SAMPLE).report


def picture(markdown: str) -> Image.Image:
    """The one inside the text; colours of which there are many enough to be no empty axes."""
    assert len(markdown) < MAX_BYTES
    [data] = re.findall(r"\(data:image/png;base64,([A-Za-z0-9+/=]+)\)", markdown)
    return Image.open(BytesIO(base64.b64decode(data))).convert("RGB")


def has_colour(image: Image.Image, colour: str) -> bool:
    """Whether a line of that colour was drawn; shades are few, so roughly."""
    wanted = tuple(int(colour[i : i + 2], 16) for i in (1, 3, 5))
    counted = image.getcolors(maxcolors=2**24) or []
    return any(
        sum(abs(a - b) for a, b in zip(found, wanted, strict=True)) < 40
        for _, found in counted
        if isinstance(found, tuple)
    )


def test_retention_of_a_published_day(report: Report, tmp_path: Path) -> None:
    """The text says what is drawn, and that suppressed parts make it a lower bound."""
    drawn = draw_retention(report, tmp_path)
    assert drawn is not None
    assert drawn.startswith(f"Viewers of {report.header.day} who came so far, with 95 % bands")
    assert has_colour(picture(drawn), "#2563eb")


def test_nothing_is_drawn_of_suppressed_parts(report: Report, tmp_path: Path) -> None:
    """None instead of empty axes."""
    hidden = [
        replace(row, value=None) if row.metric.startswith("furthest_bin") else row
        for row in report.rows
    ]
    assert draw_retention(replace(report, rows=tuple(hidden)), tmp_path) is None


def test_a_trend_shows_suppressed_days_as_gaps(tmp_path: Path) -> None:
    """Thirty days, of which one has no figure, are one small picture."""
    points: dict[date, dict[str, Point]] = {
        DAY + timedelta(days=n): {"viewers": (400 + n, 39.2), "watch_seconds": (90_000, 9_000.0)}
        for n in range(30)
    }
    points[DAY + timedelta(days=4)] = {"viewers": None, "watch_seconds": (90_000, 9_000.0)}
    drawn = draw_trend(points, tmp_path)
    assert drawn.startswith("Released figures of 2026-11-20 to 2026-12-19")
    assert has_colour(picture(drawn), "#2563eb")
    only_hidden = draw_trend({DAY: {"viewers": None, "watch_seconds": None}}, tmp_path)
    assert not has_colour(picture(only_hidden), "#2563eb")


def test_points_are_the_reports_own(report: Report) -> None:
    """Values with noise and their errors; suppressed ones as None."""
    points = read_points((SAMPLE / "bundle" / "report.json").read_bytes())
    rows = {row.metric: row for row in report.rows if row.scope == "platform"}
    assert points.keys() == rows.keys()
    for metric, row in rows.items():
        expected = None if row.value is None else (row.value, row.error_95)
        assert points[metric] == expected, metric


@pytest.mark.slow
def test_drawing_is_loaded_only_to_draw() -> None:
    """Neither the UI's start nor a run's first step waits for matplotlib."""
    loaded = (
        "import sys, analytics_pipeline.definitions; "
        "print([name for name in ('matplotlib', 'PIL', 'metricflow') if name in sys.modules])"
    )
    result = subprocess.run(
        [sys.executable, "-c", loaded], capture_output=True, text=True, timeout=240, check=True
    )
    assert result.stdout.strip() == "[]"


def test_links_are_those_that_the_settings_name() -> None:
    """A gateway and an explorer only if there is one; none for the embedded chain."""
    settings = load_settings({})
    assert [*day_links(settings, DAY, "bafy")] == ["bundle_link", "dashboard"]
    assert chain_links(replace(settings, explorer_url="https://scan.example"), "0x1", 7) == {}
    public = load_settings(
        {
            "ANALYTICS_CHAIN": "https://rpc.example",
            "ANALYTICS_IPFS_GATEWAYS": "https://ipfs.example/,https://other.example",
            "ANALYTICS_DASHBOARD_URL": "https://stats.example/",
            "ANALYTICS_EXPLORER_URL": "https://scan.example",
        }
    )
    links = {**day_links(public, DAY, "bafy"), **chain_links(public, "0x1", 7)}
    assert {name: value.value for name, value in links.items()} == {
        "bundle_link": "ipfs://bafy",
        "bundle_at_gateway": "https://ipfs.example/ipfs/bafy",
        "dashboard": "https://stats.example/days/2026-11-20",
        "registry_in_explorer": "https://scan.example/address/0x1",
        "block_in_explorer": "https://scan.example/block/7",
    }
