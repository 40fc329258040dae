"""What routes share: the caller's grant, spans, and the pages of ranked lists."""

from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any, Final, NamedTuple, TypeVar
from urllib.parse import quote, urlencode

from fastapi import Depends, Query, Request, Response

from analytics_pipeline.core.day import parse_day
from analytics_pipeline.core.errors import InvalidInput
from analytics_pipeline.serve.access import Grant
from analytics_pipeline.serve.answers import CURRENT, json_answer
from analytics_pipeline.serve.documents import Page
from analytics_pipeline.serve.paging import (
    Selected,
    Value,
    bad_cursor,
    encode_cursor,
    resume,
    take,
)
from analytics_pipeline.serve.params import SpanCursor, SpanQuery, Strict
from analytics_pipeline.serve.released import Released
from analytics_pipeline.serve.snapshot import Content, Span
from analytics_pipeline.serve.totals import Ranked, SortKey, rank
from analytics_pipeline.web.problem import INVALID, NOT_FOUND, Problem

Item = TypeVar("Item")
Place = TypeVar("Place")


class DayPlace(NamedTuple):
    """The day that a page ended with."""

    day: str


async def _refuse_parameters(query: Annotated[Strict, Query()]) -> None:
    """FastAPI refuses what `Strict` does not have; there is nothing to wait for."""


#: Of a route that has no query parameters: one that is sent is refused, not ignored.
NO_PARAMETERS: Final = [Depends(_refuse_parameters)]


def grant_of(request: Request) -> Grant:
    """What the caller may see; the front has looked at the key."""
    grant: Grant = request.state.grant
    return grant


def span_of(content: Content, query: SpanQuery) -> Span | None:
    """The days a request asks for. Raises Problem (400) if the last is before the first."""
    if query.first_day and query.last_day and query.last_day < query.first_day:
        raise Problem(INVALID, "is before `from`", "to")
    return content.span(query.first_day, query.last_day)


def start_page(
    kind: str,
    content: Content,
    query: SpanCursor,
    filters: Mapping[str, Value],
    place: type[Place],
) -> tuple[Selected, Span | None, Place | None]:
    """What a page selects, over which days, and behind which place it begins.

    Args:
        filters: parameters beside the days, as the request has them.
        place: the type of a place, a tuple.
    Raises:
        Problem: 400.
    """
    asked: Selected = {"from": query.first, "to": query.last, **filters}
    selected, after = resume(kind, asked, query.cursor, place)
    span = span_of(content, query)
    if query.cursor is not None:
        span = _span_of_cursor(selected)
    elif span is not None:
        selected = {**selected, "from": span.first.isoformat(), "to": span.last.isoformat()}
    return selected, span, after


def _span_of_cursor(selected: Selected) -> Span:
    try:
        return Span(parse_day(str(selected["from"])), parse_day(str(selected["to"])))
    except InvalidInput:
        raise bad_cursor() from None


def sort_of(selected: Selected, keys: Sequence[SortKey]) -> SortKey:
    """What a list is ordered by: by default viewers. Raises Problem (400) for a made-up cursor."""
    wanted = selected["sort"] or "viewers"
    for key in keys:
        if key == wanted:
            return key
    raise bad_cursor()


def release_of(content: Content, day: str, revision: int | None = None) -> Released:
    """A release by its name in a path. Raises Problem (404)."""
    found = content.find(parse_day(day), revision)
    if found is None:
        what = day if revision is None else f"{day} revision {revision}"
        raise Problem(NOT_FOUND, f"{what} is not released")
    return found


def page_answer(request: Request, page: Page[Any], caching: str = CURRENT) -> Response:
    """A page, with the address of the next one in its headers."""
    return json_answer(page, caching, next_link(request, page.page.next))


def next_link(request: Request, cursor: str | None) -> str | None:
    """The address of the next page: that of this one with the cursor."""
    if cursor is None:
        return None
    kept = [(k, v) for k, v in request.query_params.multi_items() if k != "cursor"]
    return f"{quote(request.url.path)}?{urlencode([*kept, ('cursor', cursor)])}"


def ranked_page(
    kind: str,
    items: Sequence[Item],
    place_of: Callable[[Item], Ranked],
    selected: Selected,
    after: Ranked | None,
    limit: int,
) -> tuple[list[Item], str | None]:
    """One page of entries in order of rank, and the cursor of the next."""
    ordered = sorted(items, key=lambda item: rank(place_of(item)))
    behind = (item for item in ordered if after is None or rank(place_of(item)) > rank(after))
    data, more = take(behind, limit)
    cursor = encode_cursor(kind, selected, place_of(data[-1])) if more else None
    return data, cursor
