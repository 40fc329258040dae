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
from analytics_pipeline.serve.access import Grant
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
    list_creator_videos,
    list_videos,
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
        items = (
            list_videos(content, span)
            if grant.creator_id is None
            else list_creator_videos(content, span, grant.creator_id)
        )
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
        grant = grant_of(request)
        creator_id = require_video(content, video_id, grant)
        listed = parts_of(content.within(span_of(content, query)), "video", video_id)
        releases = [r for r in listed if grant.covers(contents_of(r).creator_of[video_id])]
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
        grant = grant_of(request)
        require_video(content, video_id, grant)
        release = _retention_day(content, video_id, query.day, grant)
        maker = service.figures(query.proofs)
        bins = maker.of_key(release, "video", video_id, FURTHEST_BIN_METRICS)
        report = contents_of(release).figures.part("video", video_id)
        curve = derive_retention(report, video_id)
        document = documents.Retention(release.day, release.revision, list(bins.values()), curve)
        return json_answer(document)

    return routes


def require_video(content: Content, video_id: str, grant: Grant) -> str:
    """The creator of a video, on the newest day that lists it; for a creator who ever had it, they.

    Raises:
        Problem: 404, no released day lists it; 403, it never was the grant's creator's.
    """
    owners = [
        release.contents.creator_of[video_id]
        for release in content.newest
        if release.contents and video_id in release.contents.creator_of
    ]
    if not owners:
        raise Problem(NOT_FOUND, f"no released day lists a video {video_id}")
    if grant.creator_id is not None and grant.creator_id in owners:
        return grant.creator_id
    grant.require_creator(owners[-1])
    return owners[-1]


def _retention_day(content: Content, video_id: str, day: str | None, grant: Grant) -> Released:
    known = [release_of(content, day)] if day else list(content.newest)
    for release in reversed(known):
        owner = release.contents.creator_of.get(video_id) if release.contents else None
        if owner is not None and grant.covers(owner):
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
