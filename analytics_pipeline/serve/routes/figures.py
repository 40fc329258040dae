"""`/api/v1/figures`: every released figure; all other routes are views on this. And concurrency."""

from collections.abc import Sequence
from typing import Annotated, Final

from fastapi import APIRouter, Query, Request, Response

from analytics_pipeline.serve.answers import CURRENT, raw_answer
from analytics_pipeline.serve.documents import Figure, FigurePage, PageInfo, ScopeName
from analytics_pipeline.serve.exports import (
    CSV_TYPE,
    PARQUET_TYPE,
    build_csv,
    build_frame,
    build_parquet,
)
from analytics_pipeline.serve.openapi import answers
from analytics_pipeline.serve.paging import Selected, encode_cursor, take
from analytics_pipeline.serve.params import (
    DEFAULT_LIMIT,
    MAX_EXPORT,
    MAX_LIMIT,
    ExportQuery,
    Format,
    Key,
    Metric,
    Revision,
)
from analytics_pipeline.serve.routes.common import grant_of, next_link, page_answer, start_page
from analytics_pipeline.serve.routes.days import caching_of
from analytics_pipeline.serve.selection import FigureFilter, Place, select_figures
from analytics_pipeline.serve.service import ReadService
from analytics_pipeline.serve.views import Proofs, contents_of

_ACCEPTED: Final = (("text/csv", Format.CSV), (PARQUET_TYPE, Format.PARQUET))


class FiguresQuery(ExportQuery):
    """Which figures."""

    scope: ScopeName | None = None
    key: Key | None = None
    metric: Metric | None = None
    revision: Revision | None = None


def router(service: ReadService) -> APIRouter:
    """The routes of this file."""
    routes = APIRouter(prefix="/api/v1")

    @routes.get("/figures", responses=answers(FigurePage, exports=True))
    def figures(request: Request, query: Annotated[FiguresQuery, Query()]) -> Response:
        """Figures by day, then as the report orders them."""
        filters: Selected = {
            "scope": query.scope,
            "key": query.key,
            "metric": query.metric,
            "revision": query.revision,
        }
        return _figures(service, request, query, "figures", filters)

    @routes.get("/concurrency", responses=answers(FigurePage, exports=True))
    def concurrency(request: Request, query: Annotated[ExportQuery, Query()]) -> Response:
        """The most viewers at once, by day."""
        filters: Selected = {
            "scope": "platform",
            "key": "",
            "metric": "peak_viewers",
            "revision": None,
        }
        return _figures(service, request, query, "concurrency", filters)

    return routes


def _figures(
    service: ReadService, request: Request, query: ExportQuery, kind: str, filters: Selected
) -> Response:
    content = service.content
    selected, span, after = start_page(kind, content, query, filters, Place)
    wanted = FigureFilter(**{name: selected[name] for name in filters})  # type: ignore[arg-type]
    form = query.format or _accepted(request)
    limit = _limit(query, form)
    chosen, more = take(select_figures(content, span, wanted, grant_of(request), after), limit)
    cursor = None
    if more:
        release, place = chosen[-1]
        name = contents_of(release).figures.names.rows[place]
        cursor = encode_cursor(kind, selected, [release.day.isoformat(), *name])
    caching = CURRENT
    if wanted.revision and chosen and query.first is not None and query.first == query.last:
        caching = caching_of(content, chosen[0][0])
    proofs = query.proofs or (Proofs.INLINE if form is Format.JSON else Proofs.LINK)
    maker = service.figures(proofs)
    found = [maker.figure(release, place) for release, place in chosen]
    if form is Format.JSON:
        return page_answer(request, FigurePage(found, PageInfo(limit, cursor)), caching)
    return _export(found, form, proofs, caching, next_link(request, cursor))


def _export(
    figures: Sequence[Figure], form: Format, proofs: Proofs, caching: str, link: str | None
) -> Response:
    frame = build_frame(figures, proofs=proofs is not Proofs.NONE, siblings=proofs is Proofs.INLINE)
    if form is Format.CSV:
        return raw_answer(build_csv(frame), CSV_TYPE, caching, link)
    return raw_answer(build_parquet(frame), PARQUET_TYPE, caching, link)


def _limit(query: ExportQuery, form: Format) -> int:
    most = MAX_LIMIT if form is Format.JSON else MAX_EXPORT
    default = DEFAULT_LIMIT if form is Format.JSON else MAX_EXPORT
    return min(query.limit or default, most)


def _accepted(request: Request) -> Format:
    """The first of our forms that `Accept` names; JSON if it names none."""
    for entry in request.headers.get("accept", "").split(","):
        media_type = entry.partition(";")[0].strip().lower()
        for known, form in _ACCEPTED:
            if media_type == known:
                return form
        if media_type in ("application/json", "*/*"):
            break
    return Format.JSON
