"""Pages: whatever the limit, the list in one piece; and stable while days are added."""

from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analytics_pipeline.serve.paging import encode_cursor
from analytics_pipeline.serve.snapshot import Content, Span
from tests.serve.support import Served, WorldSources, assert_problem, one_day, serve_world
from tests.support.world import DAYS

LISTS = ("days", "figures", "concurrency", "videos", "creators", "regions", "storage-providers")
GROWING = ("records", "erasures")


def whole(served: Served, name: str, **params: Any) -> list[Any]:
    document = served.json(f"/api/v1/{name}", limit=1000, **params)
    assert document["page"] == {"limit": 1000, "next": None}
    found: list[Any] = document["data"]
    return found


@pytest.mark.parametrize("name", [*LISTS, *GROWING])
def test_pages_put_together_are_the_list(world: Served, name: str) -> None:
    """Nothing twice, nothing left out, in the same order; whatever the size of a page."""
    expected = whole(world, name)
    assert expected

    @settings(max_examples=8, derandomize=True, database=None)
    @given(limit=st.integers(max(1, len(expected) // 12), len(expected) + 1))
    def put_together(limit: int) -> None:
        pages = list(world.pages(f"/api/v1/{name}", limit=limit))
        assert [each for page in pages for each in page] == expected
        assert {len(page) for page in pages[:-1]} <= {limit}

    put_together()


@pytest.mark.parametrize("sort", ["viewers", "watch_seconds", "average_watch_seconds", "id"])
@pytest.mark.parametrize("name", ["videos", "creators"])
def test_ranked_pages_follow_their_order(sample: Served, name: str, sort: str) -> None:
    """Largest first, suppressed last; then by id."""
    items = [each for page in sample.pages(f"/api/v1/{name}", limit=6, sort=sort) for each in page]
    identifiers = [item[f"{name[:-1]}_id"] for item in items]
    if sort == "id":
        assert identifiers == sorted(identifiers)
        return
    values = [item[sort]["value"] if item[sort] else -1.0 for item in items]
    assert values == sorted(values, reverse=True)
    assert sorted(identifiers) == identifiers or len(set(values)) > 1


@pytest.mark.parametrize("name", LISTS)
def test_pages_stay_in_place_when_a_day_is_added(tmp_path: Path, name: str) -> None:
    """The default days move on; a list that was begun does not move with them."""
    world = one_day()
    world.publish(DAYS[1])
    served = serve_world(WorldSources(world), tmp_path)
    expected = whole(served, name)
    limit = max(1, len(expected) // 2)
    first = served.json(f"/api/v1/{name}", limit=limit)
    world.publish(DAYS[2])
    served.refresh()
    found, page = first["data"], first["page"]
    while page["next"]:
        document = served.json(f"/api/v1/{name}", limit=limit, cursor=page["next"])
        found, page = found + document["data"], document["page"]
    assert found == expected
    assert whole(served, name) != expected


def test_figures_go_on_behind_a_day_that_was_corrected(tmp_path: Path) -> None:
    """Rows have names, and the rest of the day comes from its newest revision."""
    world = one_day()
    served = serve_world(WorldSources(world), tmp_path)
    names = [(f["scope"], f["key"], f["metric"]) for f in whole(served, "figures")]
    first = served.json("/api/v1/figures", limit=50)
    world.publish(DAYS[0], 2)
    served.refresh()
    rest = whole(served, "figures", cursor=first["page"]["next"])
    assert [(f["scope"], f["key"], f["metric"]) for f in first["data"] + rest] == names
    assert {f["revision"] for f in first["data"]} == {1}
    assert {f["revision"] for f in rest} == {2}


def made_up(*parts: Any) -> str:
    """A cursor that no page gave."""
    return encode_cursor(*parts)


def test_a_cursor_is_of_one_list_and_one_selection(world: Served) -> None:
    """Anything else would silently go on with another list."""
    cursor = world.json("/api/v1/figures", limit=1, scope="video")["page"]["next"]
    assert world.json("/api/v1/figures", cursor=cursor)["data"]
    assert world.json("/api/v1/figures", cursor=cursor, scope="video")["data"]
    for path, params in (
        ("/api/v1/days", {"cursor": cursor}),
        ("/api/v1/concurrency", {"cursor": cursor}),
        ("/api/v1/figures", {"cursor": cursor, "scope": "region"}),
        ("/api/v1/figures", {"cursor": cursor, "from": str(DAYS[2])}),
        ("/api/v1/figures", {"cursor": cursor[:-4]}),
        ("/api/v1/figures", {"cursor": "x"}),
        ("/api/v1/figures", {"cursor": ""}),
        ("/api/v1/figures", {"cursor": "%00"}),
        ("/api/v1/days", {"cursor": made_up("days", {"from": "x", "to": "y"}, ["z"])}),
        ("/api/v1/days", {"cursor": made_up("days", {"from": None, "to": None}, ["z"])}),
        ("/api/v1/days", {"cursor": made_up("days", {"from": "x", "to": "y"}, [1])}),
        (
            "/api/v1/videos",
            {
                "cursor": made_up(
                    "videos",
                    {"from": str(DAYS[0]), "to": str(DAYS[0]), "sort": "__class__"},
                    [1.0, "x"],
                )
            },
        ),
    ):
        assert_problem(world.get(path, **params), 400, "cursor")


def test_the_default_days_are_the_last_thirty_released() -> None:
    """Not the last thirty of the calendar: a platform may pause."""
    days = [DAYS[0] + timedelta(days=2 * number) for number in range(40)]
    content = Content("demo", None, {(day, 1): None for day in days})  # type: ignore[misc]
    early, between = date(2020, 1, 1), days[35] + timedelta(days=1)
    for first, last, expected in (
        (None, None, Span(days[10], days[-1])),
        (None, between, Span(days[6], between)),
        (days[3], None, Span(days[3], days[-1])),
        (days[3], days[4], Span(days[3], days[4])),
        (None, early, Span(early, early)),
    ):
        assert content.span(first, last) == expected
    assert Content("demo").span(None, None) is None
