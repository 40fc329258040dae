"""Where viewers are, and how storage providers served them."""

from collections.abc import Callable, Sequence
from typing import Annotated

from fastapi import APIRouter, Path, Query, Request, Response

from analytics_pipeline.core.derived import Total, derive_total
from analytics_pipeline.core.histograms import (
    REBUFFER_EDGES_PERMILLE,
    REBUFFER_METRICS,
    STARTUP_EDGES_MS,
    STARTUP_METRICS,
)
from analytics_pipeline.core.quantiles import (
    QuantileRange,
    derive_rebuffer_quantile,
    derive_rebuffer_share,
    derive_startup_quantile,
    derive_startup_share,
)
from analytics_pipeline.core.report import Report
from analytics_pipeline.serve import documents
from analytics_pipeline.serve.answers import json_answer
from analytics_pipeline.serve.documents import PageInfo, ProviderItem, ProviderPage, RegionPage
from analytics_pipeline.serve.openapi import answers
from analytics_pipeline.serve.params import Identifier, ProofQuery, SpanPage, SpanQuery
from analytics_pipeline.serve.released import Released
from analytics_pipeline.serve.routes.common import (
    grant_of,
    page_answer,
    ranked_page,
    span_of,
    start_page,
)
from analytics_pipeline.serve.service import ReadService
from analytics_pipeline.serve.totals import (
    Ranked,
    days_shown,
    list_keys,
    list_regions,
    sort_value,
)
from analytics_pipeline.serve.views import FigureMaker, contents_of, parts_of
from analytics_pipeline.web.problem import NOT_FOUND, Problem

#: below these edges of the histograms; 0: without any stall
_STARTUP_BELOW = STARTUP_EDGES_MS
_REBUFFER_BELOW = (0, *REBUFFER_EDGES_PERMILLE)


class ProvidersQuery(SpanPage, ProofQuery):
    pass


class ProviderQuery(SpanQuery, ProofQuery):
    pass


def router(service: ReadService) -> APIRouter:
    """The routes of this file."""
    routes = APIRouter(prefix="/api/v1")

    @routes.get("/regions", responses=answers(RegionPage))
    def regions(request: Request, query: Annotated[SpanPage, Query()]) -> Response:
        """Viewers by country, summed over days: every region of the policy, most viewers first."""
        grant_of(request).require_platform()
        content = service.content
        selected, span, after = start_page("regions", content, query, {}, Ranked)
        data, cursor = ranked_page(
            "regions",
            list_regions(content, span),
            lambda item: Ranked(sort_value(item, "viewers"), item.region),
            *(selected, after, query.limit),
        )
        return page_answer(request, RegionPage(data, PageInfo(query.limit, cursor)))

    @routes.get("/storage-providers", responses=answers(ProviderPage))
    def providers(request: Request, query: Annotated[ProvidersQuery, Query()]) -> Response:
        """Storage providers: viewers over days, and how the newest of these days went."""
        grant_of(request).require_platform()
        content = service.content
        selected, span, after = start_page("providers", content, query, {}, Ranked)
        releases = content.within(span)
        maker = service.figures(query.proofs)
        items = [_item(releases, provider, maker) for provider in list_keys(releases, "provider")]
        data, cursor = ranked_page(
            "providers",
            items,
            lambda item: Ranked(sort_value(item, "viewers"), item.provider),
            *(selected, after, query.limit),
        )
        return page_answer(request, ProviderPage(data, PageInfo(query.limit, cursor)))

    @routes.get("/storage-providers/{provider}", responses=answers(documents.Provider, NOT_FOUND))
    def provider(
        request: Request,
        provider: Annotated[Identifier, Path()],
        query: Annotated[ProviderQuery, Query()],
    ) -> Response:
        """Start-up and stalled time of one storage provider, by day."""
        grant_of(request).require_platform()
        content = service.content
        verified = [release for release in content.newest if release.contents]
        if not parts_of(verified, "provider", provider):
            raise Problem(NOT_FOUND, f"no released day has a storage provider {provider}")
        releases = parts_of(content.within(span_of(content, query)), "provider", provider)
        maker = service.figures(query.proofs)
        document = documents.Provider(
            provider,
            list(STARTUP_EDGES_MS),
            list(REBUFFER_EDGES_PERMILLE),
            [_day(release, provider, maker) for release in releases],
            documents.ProviderTotals(_viewers(releases, provider)),
        )
        return json_answer(document)

    return routes


def _item(releases: Sequence[Released], provider: str, maker: FigureMaker) -> ProviderItem:
    listing = parts_of(releases, "provider", provider)
    viewers = _viewers(listing, provider)
    return ProviderItem(provider, viewers, days_shown(viewers), _day(listing[-1], provider, maker))


def _viewers(releases: Sequence[Released], provider: str) -> Total | None:
    parts = [contents_of(r).figures.part("provider", provider, ("viewers",)) for r in releases]
    return derive_total(parts, "provider", provider, "viewers")


def _day(release: Released, provider: str, maker: FigureMaker) -> documents.ProviderDay:
    report = contents_of(release).figures.part("provider", provider)
    figures = maker.of_key(
        release, "provider", provider, ("viewers", *STARTUP_METRICS, *REBUFFER_METRICS)
    )
    return documents.ProviderDay(
        release.day,
        release.revision,
        figures["viewers"],
        [figures[metric] for metric in STARTUP_METRICS],
        [figures[metric] for metric in REBUFFER_METRICS],
        _quantiles(derive_startup_quantile, report, provider),
        _quantiles(derive_rebuffer_quantile, report, provider),
        {str(edge): derive_startup_share(report, provider, edge) for edge in _STARTUP_BELOW},
        {str(edge): derive_rebuffer_share(report, provider, edge) for edge in _REBUFFER_BELOW},
    )


def _quantiles(
    derive: Callable[[Report, str, int], QuantileRange | None], report: Report, provider: str
) -> documents.Quantiles:
    p50, p75, p95 = (derive(report, provider, percent) for percent in (50, 75, 95))
    return documents.Quantiles(p50, p75, p95)
