"""`/api/v1/platform`, its figures over days, and concurrency."""

import calendar
from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from typing import Annotated, Final

from fastapi import APIRouter, Query, Request, Response

from analytics_pipeline.core.canonical import hash_text
from analytics_pipeline.core.derived import (
    derive_average_watch_seconds,
    derive_monthly_viewers,
    derive_total,
    derive_weekly_viewers,
)
from analytics_pipeline.core.policy import Policy
from analytics_pipeline.core.regions import REGIONS, continent_of
from analytics_pipeline.core.report import Report
from analytics_pipeline.serve import documents
from analytics_pipeline.serve.answers import MOMENTARY, json_answer
from analytics_pipeline.serve.openapi import answers
from analytics_pipeline.serve.params import ProofQuery, SpanQuery
from analytics_pipeline.serve.released import Released
from analytics_pipeline.serve.routes.common import NO_PARAMETERS, grant_of, span_of
from analytics_pipeline.serve.service import ReadService
from analytics_pipeline.serve.snapshot import Content
from analytics_pipeline.serve.totals import average_watch_seconds
from analytics_pipeline.serve.views import FigureMaker, build_day, build_query, contents_of

_PLATFORM: Final = ("platform", "")


class PlatformFiguresQuery(SpanQuery, ProofQuery):
    pass


def router(service: ReadService) -> APIRouter:
    """The routes of this file."""
    routes = APIRouter()

    @routes.get(
        "/api/v1/platform", responses=answers(documents.Platform), dependencies=NO_PARAMETERS
    )
    def platform() -> Response:
        """What is served here, as of which block, and where to check it."""
        return json_answer(build_platform(service), MOMENTARY)

    @routes.get("/api/v1/platform/figures", responses=answers(documents.PlatformFigures))
    def platform_figures(
        request: Request, query: Annotated[PlatformFiguresQuery, Query()]
    ) -> Response:
        """All figures of the platform by day, their sums, and viewers of weeks and months."""
        grant_of(request).require_platform()
        content = service.content
        releases = content.within(span_of(content, query))
        maker = service.figures(query.proofs)
        return json_answer(build_platform_figures(content, releases, maker))

    return routes


def build_platform(service: ReadService) -> documents.Platform:
    """The answer of `/api/v1/platform`."""
    snapshot, content = service.snapshot, service.content
    evidence, stale = content.evidence, snapshot.stale
    newest = content.newest[-1] if content.newest else None
    latest = content.latest_contents
    return documents.Platform(
        platform=content.platform,
        chain_id=evidence.chain_id if evidence else None,
        registry=evidence.registry if evidence else None,
        development=evidence is not None and evidence.is_development_chain,
        access=service.access.mode,
        first_day=content.days[0] if content.days else None,
        last_day=content.days[-1] if content.days else None,
        days=len(content.days),
        latest=build_day(content, newest) if newest else None,
        block_number=snapshot.block_number,
        head=hash_text(evidence.head) if evidence else None,
        stale=documents.Stale(stale.since, stale.error, stale.detail) if stale else None,
        rpc_urls=list(service.rpc_urls),
        gateways=list(service.gateways),
        policy=build_policy_summary(latest.policy) if latest else None,
        continents={region: continent_of(region) for region in REGIONS},
    )


def build_policy_summary(policy: Policy) -> documents.PolicySummary:
    """What a policy promises, without what readers do not need."""
    published = policy.to_json()
    return documents.PolicySummary(
        published["unit_of_privacy"],
        published["bounds"],
        published["suppression_sigmas"],
        len(policy.regions),
        list(policy.providers),
        [build_query(query) for query in policy.queries],
    )


def build_platform_figures(
    content: Content, releases: Sequence[Released], maker: FigureMaker
) -> documents.PlatformFigures:
    """The answer of `/api/v1/platform/figures`."""
    reports = [_part(release) for release in releases]
    days = [
        documents.PlatformDay(
            release.day,
            release.revision,
            maker.of_key(release, *_PLATFORM, contents_of(release).policy.metrics_of("platform")),
            derive_average_watch_seconds(report, "platform"),
        )
        for release, report in zip(releases, reports, strict=True)
    ]
    totals = documents.PlatformTotals(
        derive_total(reports, *_PLATFORM, "viewers"),
        derive_total(reports, *_PLATFORM, "views"),
        derive_total(reports, *_PLATFORM, "watch_seconds"),
        average_watch_seconds(reports, *_PLATFORM),
    )
    touched = [release.day for release in releases]
    verified = [release for release in content.newest if release.contents]
    return documents.PlatformFigures(
        days,
        totals,
        [_week(monday, verified) for monday in sorted({_monday(day) for day in touched})],
        [_month(first, verified) for first in sorted({day.replace(day=1) for day in touched})],
    )


def _week(monday: date, verified: Iterable[Released]) -> documents.WeekViewers:
    sunday = monday + timedelta(days=6)
    reports = [_part(release) for release in verified if monday <= release.day <= sunday]
    year, week, _ = monday.isocalendar()
    viewers = derive_weekly_viewers(reports)
    return documents.WeekViewers(f"{year}-W{week:02d}", monday, sunday, viewers)


def _month(first: date, verified: Iterable[Released]) -> documents.MonthViewers:
    last = first.replace(day=calendar.monthrange(first.year, first.month)[1])
    reports = [_part(release) for release in verified if first <= release.day <= last]
    return documents.MonthViewers(f"{first:%Y-%m}", first, last, derive_monthly_viewers(reports))


def _monday(day: date) -> date:
    return day - timedelta(days=day.weekday())


def _part(release: Released) -> Report:
    return contents_of(release).figures.part(*_PLATFORM)
