"""Which rows a request for figures selects, in the order of pages.

Belongs here: filters, grants, places. Does not belong here: how figures look (`serve.views`).
"""

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, NamedTuple

from analytics_pipeline.serve.access import Grant
from analytics_pipeline.serve.problems import NOT_GRANTED
from analytics_pipeline.serve.released import Contents, Released
from analytics_pipeline.serve.snapshot import Content, Span
from analytics_pipeline.serve.views import contents_of
from analytics_pipeline.web.problem import Problem

_OF_CREATORS: Final = ("creator", "video")


class Place(NamedTuple):
    """Where a figure stands in lists."""

    day: str
    scope: str
    key: str
    metric: str


@dataclass(frozen=True)
class FigureFilter:
    """What figures are asked for; None: any."""

    scope: str | None = None
    key: str | None = None
    metric: str | None = None
    revision: int | None = None


def select_figures(
    content: Content, span: Span | None, wanted: FigureFilter, grant: Grant, after: Place | None
) -> Iterator[tuple[Released, int]]:
    """(release, row) of each selected figure behind a place.

    Raises:
        Problem: 403, what is asked for by name is not granted. (A video that changed hands is, of
            the days on which it was the caller's.)
    """
    if wanted.scope is not None and wanted.scope not in _OF_CREATORS:
        grant.require_platform()
    since = after.day if after else ""
    some, hidden = after is not None, False
    for release in content.within(span, wanted.revision):
        day = release.day.isoformat()
        if day < since:
            continue
        contents = contents_of(release)
        start = 0
        if after and day == since:
            start = bisect_right(contents.figures.names.rows, after[1:])
        for place in _rows(contents, wanted, start):
            scope, key, _ = contents.figures.names.rows[place]
            if grant.covers(owner_of(contents, scope, key)):
                some = True
                yield release, place
            else:
                hidden = True
    if wanted.key is not None and hidden and not some:
        raise Problem(NOT_GRANTED, "the key covers another creator's figures")


def _rows(contents: Contents, wanted: FigureFilter, start: int) -> Iterator[int]:
    """Rows from `start` on that pass the filter, ascending."""
    names = contents.figures.names
    for scope in sorted(names.keys) if wanted.scope is None else [wanted.scope]:
        keys = names.keys.get(scope, {})
        for key in keys if wanted.key is None else [wanted.key]:
            for place in keys.get(key, range(0)):
                if place < start or wanted.metric not in (None, names.rows[place][2]):
                    continue
                yield place


def owner_of(contents: Contents, scope: str, key: str) -> str | None:
    """The creator whose figures these are; None: the platform's."""
    if scope == "creator":
        return key
    return contents.creator_of.get(key) if scope == "video" else None
