"""Creators: over days, one by one, with their audience and videos."""

from typing import Annotated, Literal, get_args

from fastapi import APIRouter, Path, Query, Request, Response

from analytics_pipeline.core.derived import derive_average_watch_seconds, derive_total
from analytics_pipeline.core.regions import CONTINENTS
from analytics_pipeline.serve import documents
from analytics_pipeline.serve.answers import json_answer
from analytics_pipeline.serve.documents import CreatorPage, PageInfo
from analytics_pipeline.serve.openapi import answers
from analytics_pipeline.serve.params import Identifier, ProofQuery, SpanPage, SpanQuery
from analytics_pipeline.serve.released import Released
from analytics_pipeline.serve.routes.common import (
    grant_of,
    page_answer,
    ranked_page,
    sort_of,
    span_of,
    start_page,
)
from analytics_pipeline.serve.service import ReadService
from analytics_pipeline.serve.snapshot import Content
from analytics_pipeline.serve.totals import (
    Ranked,
    average_watch_seconds,
    list_creator_videos,
    list_creators,
    rank,
    sort_value,
)
from analytics_pipeline.serve.views import FigureMaker, contents_of, parts_of
from analytics_pipeline.web.problem import NOT_FOUND, Problem

_SHOWN = ("viewers", "watch_seconds")
CreatorSortKey = Literal["viewers", "watch_seconds", "average_watch_seconds", "id"]


class CreatorsQuery(SpanPage):
    """Which creators, in which order: largest first, suppressed last."""

    sort: CreatorSortKey | None = None


class CreatorQuery(SpanQuery, ProofQuery):
    pass


def router(service: ReadService) -> APIRouter:
    """The routes of this file."""
    routes = APIRouter(prefix="/api/v1/creators")

    @routes.get("", responses=answers(CreatorPage))
    def creators(request: Request, query: Annotated[CreatorsQuery, Query()]) -> Response:
        """Every listed creator, summed over days."""
        content, grant = service.content, grant_of(request)
        filters = {"sort": query.sort}
        selected, span, after = start_page("creators", content, query, filters, Ranked)
        items = [
            item
            for item in list_creators(content, span)
            if grant.creator_id in (None, item.creator_id)
        ]
        key = sort_of(selected, get_args(CreatorSortKey))
        data, cursor = ranked_page(
            *("creators", items, lambda item: Ranked(sort_value(item, key), item.creator_id)),
            *(selected, after, query.limit),
        )
        return page_answer(request, CreatorPage(data, PageInfo(query.limit, cursor)))

    @routes.get("/{creator_id}", responses=answers(documents.Creator, NOT_FOUND))
    def creator(
        request: Request,
        creator_id: Annotated[Identifier, Path()],
        query: Annotated[CreatorQuery, Query()],
    ) -> Response:
        """A creator by day, over these days, by continent, and their videos."""
        grant_of(request).require_creator(creator_id)
        content = service.content
        _require_listed(content, creator_id)
        span = span_of(content, query)
        releases = parts_of(content.within(span), "creator", creator_id)
        maker = service.figures(query.proofs)
        videos = list_creator_videos(content, span, creator_id)
        document = documents.Creator(
            creator_id,
            [_day(release, creator_id, maker) for release in releases],
            _totals(releases, creator_id),
            sorted(videos, key=lambda v: rank(Ranked(sort_value(v, "viewers"), v.video_id))),
        )
        return json_answer(document)

    return routes


def _require_listed(content: Content, creator_id: str) -> None:
    for release in content.newest:
        if release.contents and creator_id in release.contents.listing.creator_slot:
            return
    raise Problem(NOT_FOUND, f"no released day lists a creator {creator_id}")


def _day(release: Released, creator_id: str, maker: FigureMaker) -> documents.CreatorDay:
    report = contents_of(release).figures.part("creator", creator_id, _SHOWN)
    metrics = [f"viewers_{continent}" for continent in CONTINENTS]
    audience = maker.of_key(release, "creator", creator_id, metrics)
    return documents.CreatorDay(
        release.day,
        release.revision,
        maker.of_key(release, "creator", creator_id, _SHOWN),
        derive_average_watch_seconds(report, "creator", creator_id),
        {metric.removeprefix("viewers_"): figure for metric, figure in audience.items()},
    )


def _totals(releases: list[Released], creator_id: str) -> documents.CreatorTotals:
    reports = [contents_of(release).figures.part("creator", creator_id) for release in releases]
    return documents.CreatorTotals(
        derive_total(reports, "creator", creator_id, "viewers"),
        derive_total(reports, "creator", creator_id, "watch_seconds"),
        average_watch_seconds(reports, "creator", creator_id),
        {
            continent: derive_total(reports, "creator", creator_id, f"viewers_{continent}")
            for continent in CONTINENTS
        },
    )
