"""From a day's contributions to sections and stated counts; and rows that no circuit would take."""

import random
from typing import Any

import polars as pl
import pytest

from analytics_pipeline.core.errors import InvalidInput
from analytics_pipeline.core.regions import continent_of
from analytics_pipeline.proving.day_rows import SCHEMA, DayRows, build_day_rows
from tests.proving.circuit_world import LISTING, POLICY, Day, contributions, random_day


def rows_of(day: Day) -> list[dict[str, Any]]:
    """Contributions of a day, viewer by viewer."""
    return [
        {
            "viewer": number,
            "video_id": day.listing.video_ids[view.video],
            "country": viewer.region,
            "continent": continent_of(viewer.region),
            "provider": viewer.provider,
            "startup_bin": viewer.startup,
            "rebuffer_bin": viewer.rebuffer,
            "first_of_week": viewer.flags[0],
            "first_of_month": viewer.flags[1],
            "at_peak": viewer.flags[2],
            "furthest_bin": view.bin,
            "seconds": view.seconds,
        }
        for number, viewer in enumerate(day.viewers)
        for view in viewer.views
    ]


def build(rows: list[dict[str, Any]]) -> DayRows:
    return build_day_rows(pl.DataFrame(rows, schema=SCHEMA, orient="row"), LISTING, POLICY)


@pytest.mark.parametrize("count", [0, 1, 60])
def test_rows_and_stated_counts(count: int) -> None:
    """Whatever the order of rows: those of the viewers, and the counts of a plain tally."""
    rng = random.Random(count)
    day = random_day(rng, count)
    rows = rows_of(day)
    rng.shuffle(rows)
    built = build(rows)
    expected = contributions(day.viewers)
    for name in ("first", "video", "bin", "seconds"):
        assert getattr(built.rows, name).tolist() == getattr(expected, name).tolist()
    stated = {query: counts.tolist() for query, counts in built.stated.items()}
    assert stated == {query: counts.tolist() for query, counts in day.stated().items()}


#: What is changed in the second row of a viewer-day of two, and the field that is named.
BROKEN: list[tuple[dict[str, Any], str]] = [
    ({"video_id": "nowhere"}, "video_id"),
    ({"video_id": "a1"}, "video_id"),
    ({"country": "FR"}, "country"),
    ({"country": "US", "continent": "na"}, "country"),
    ({"continent": "af"}, "continent"),
    ({"continent": None}, "continent"),
    ({"provider": "ftp"}, "provider"),
    ({"provider": "ipfs"}, "provider"),
    ({"startup_bin": 8}, "startup_bin"),
    ({"startup_bin": 3}, "startup_bin"),
    ({"rebuffer_bin": -1}, "rebuffer_bin"),
    ({"rebuffer_bin": 1}, "rebuffer_bin"),
    ({"first_of_week": True}, "first_of_week"),
    ({"first_of_month": None}, "first_of_month"),
    ({"at_peak": True}, "at_peak"),
    ({"furthest_bin": 20}, "furthest_bin"),
    ({"seconds": 901}, "seconds"),
    ({"seconds": -1}, "seconds"),
]
_GOOD = {
    "viewer": 1,
    "video_id": "a1",
    "country": "DE",
    "continent": "eu",
    "provider": "cdn",
    "startup_bin": 2,
    "rebuffer_bin": 0,
    "first_of_week": False,
    "first_of_month": False,
    "at_peak": False,
    "furthest_bin": 3,
    "seconds": 10,
}


@pytest.mark.parametrize(("change", "field"), BROKEN, ids=lambda value: str(value))
def test_a_broken_rule_is_named(change: dict[str, Any], field: str) -> None:
    """The field, and nothing of the row."""
    second = {**_GOOD, "video_id": "b1"}
    build([_GOOD, second])
    with pytest.raises(InvalidInput) as refused:
        build([_GOOD, second | change])
    assert refused.value.field == f"contributions.{field}"
    assert "b1" not in str(refused.value)


def test_other_columns_are_refused() -> None:
    frame = pl.DataFrame([_GOOD], schema=SCHEMA).with_columns(pl.col("seconds").cast(pl.Int32))
    with pytest.raises(InvalidInput, match="columns"):
        build_day_rows(frame, LISTING, POLICY)
