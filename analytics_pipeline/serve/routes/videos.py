"""Videos: over days, one by one, and how far their viewers came."""

from typing import Annotated, get_args

from fastapi import APIRouter, Path, Query, Request, Response

from analytics_pipeline.core.derived import (
    derive_average_watch_seconds,
    derive_completion,
    derive_retention,
)
from analytics_pipeline.core.histograms import FURTHEST_BIN_METRICS
from analytics_pipeline.serve import documents
from analytics_pipeline.serve.answers import json_answer
from analytics_pipeline.serve.documents import PageInfo, VideoPage
from analytics_pipeline.serve.openapi import answers
from analytics_pipeline.serve.params import Day, Identifier, ProofQuery, SpanPage, SpanQuery
from analytics_pipeline.serve.released import Released
from analytics_pipeline.serve.routes.common import (
    grant_of,
    page_answer,
    ranked_page,
    release_of,
    sort_of,
    span_of,
    start_page,
)
from analytics_pipeline.serve.service import ReadService
from analytics_pipeline.serve.snapshot import Content
from analytics_pipeline.serve.totals import (
    Ranked,
    SortKey,
    build_video_totals,
    list_videos,
    newest_owners,
    sort_value,
)
from analytics_pipeline.serve.views import FigureMaker, contents_of, parts_of
from analytics_pipeline.web.problem import NOT_FOUND, Problem

_SHOWN = ("viewers", "watch_seconds")


class VideosQuery(SpanPage):
    """Which videos, in which order: largest first, suppressed last."""

    sort: SortKey | None = None


class VideoQuery(SpanQuery, ProofQuery):
    pass


class RetentionQuery(ProofQuery):
    day: Day | None = None


def router(service: ReadService) -> APIRouter:
    """The routes of this file."""
    routes = APIRouter(prefix="/api/v1/videos")

    @routes.get("", responses=answers(VideoPage))
    def videos(request: Request, query: Annotated[VideosQuery, Query()]) -> Response:
        """Every listed video, summed over days."""
        content, grant = service.content, grant_of(request)
        filters = {"sort": query.sort}
        selected, span, after = start_page("videos", content, query, filters, Ranked)
        items = [
            item
            for item in list_videos(content, span)
            if grant.creator_id in (None, item.creator_id)
        ]
        key = sort_of(selected, get_args(SortKey))
        data, cursor = ranked_page(
            *("videos", items, lambda item: Ranked(sort_value(item, key), item.video_id)),
            *(selected, after, query.limit),
        )
        return page_answer(request, VideoPage(data, PageInfo(query.limit, cursor)))

    @routes.get("/{video_id}", responses=answers(documents.Video, NOT_FOUND))
    def video(
        request: Request,
        video_id: Annotated[Identifier, Path()],
        query: Annotated[VideoQuery, Query()],
    ) -> Response:
        """A video by day, and over these days."""
        content = service.content
        creator_id = creator_of(content, video_id)
        grant_of(request).require_creator(creator_id)
        releases = parts_of(content.within(span_of(content, query)), "video", video_id)
        maker = service.figures(query.proofs)
        days = [_day(release, video_id, maker) for release in releases]
        reports = [contents_of(release).figures.part("video", video_id) for release in releases]
        totals = build_video_totals(reports, video_id)
        return json_answer(documents.Video(video_id, creator_id, days, totals))

    @routes.get("/{video_id}/retention", responses=answers(documents.Retention, NOT_FOUND))
    def retention(
        request: Request,
        video_id: Annotated[Identifier, Path()],
        query: Annotated[RetentionQuery, Query()],
    ) -> Response:
        """How far a video's viewers came on a day, by default the newest that lists it."""
        content = service.content
        grant_of(request).require_creator(creator_of(content, video_id))
        release = _retention_day(content, video_id, query.day)
        maker = service.figures(query.proofs)
        bins = maker.of_key(release, "video", video_id, FURTHEST_BIN_METRICS)
        report = contents_of(release).figures.part("video", video_id)
        curve = derive_retention(report, video_id)
        document = documents.Retention(release.day, release.revision, list(bins.values()), curve)
        return json_answer(document)

    return routes


def creator_of(content: Content, video_id: str) -> str:
    """The creator of a video, as the newest day that lists it has it. Raises Problem (404)."""
    owners = newest_owners(r for r in content.newest if r.contents)
    if video_id not in owners:
        raise Problem(NOT_FOUND, f"no released day lists a video {video_id}")
    return owners[video_id]


def _retention_day(content: Content, video_id: str, day: str | None) -> Released:
    known = [release_of(content, day)] if day else list(content.newest)
    for release in reversed(known):
        if release.contents and video_id in release.contents.creator_of:
            return release
    raise Problem(NOT_FOUND, f"{day} has no figures of a video {video_id}")


def _day(release: Released, video_id: str, maker: FigureMaker) -> documents.VideoDay:
    report = contents_of(release).figures.part("video", video_id)
    return documents.VideoDay(
        release.day,
        release.revision,
        maker.of_key(release, "video", video_id, _SHOWN),
        derive_average_watch_seconds(report, "video", video_id),
        derive_completion(report, video_id),
    )
