"""Days, their revisions, bundle files byte for byte, and inclusion proofs."""

from collections.abc import Iterator
from typing import Annotated, Final, Literal

from fastapi import APIRouter, Path, Query, Request, Response

from analytics_pipeline.core.canonical import hash_text
from analytics_pipeline.serve import documents
from analytics_pipeline.serve.answers import CURRENT, IMMUTABLE, json_answer, raw_answer
from analytics_pipeline.serve.documents import DayPage, PageInfo
from analytics_pipeline.serve.openapi import answers, file_answers
from analytics_pipeline.serve.paging import encode_cursor, take
from analytics_pipeline.serve.params import Day, NameQuery, Revision, SpanPage
from analytics_pipeline.serve.problems import UNAVAILABLE
from analytics_pipeline.serve.released import Released
from analytics_pipeline.serve.routes.common import (
    NO_PARAMETERS,
    DayPlace,
    grant_of,
    page_answer,
    release_of,
    start_page,
)
from analytics_pipeline.serve.selection import owner_of
from analytics_pipeline.serve.service import ReadService
from analytics_pipeline.serve.snapshot import Content
from analytics_pipeline.serve.views import build_day, leaves_of
from analytics_pipeline.web.problem import NOT_FOUND, Problem

BundleFile = Literal[
    "bundle.json",
    "catalogue.json",
    "erasures.json",
    "manifest.json",
    "policy.json",
    "proof.json",
    "report.json",
]
_RETRY_AFTER_SECONDS: Final = 15
_ROW_PROOF: Final = answers(documents.RowProof, NOT_FOUND, UNAVAILABLE)
_BUNDLE_FILE: Final = file_answers(NOT_FOUND, UNAVAILABLE)


def router(service: ReadService) -> APIRouter:
    """The routes of this file."""
    routes = APIRouter(prefix="/api/v1/days")

    @routes.get("", responses=answers(DayPage))
    def days(request: Request, query: Annotated[SpanPage, Query()]) -> Response:
        """Released days, the newest first, each in its newest revision."""
        content = service.content
        selected, span, after = start_page("days", content, query, {}, DayPlace)

        def behind() -> Iterator[Released]:
            for release in reversed(content.newest):
                if span is None or release.day not in span:
                    continue
                if after is None or release.day.isoformat() < after.day:
                    yield release

        found, more = take(behind(), query.limit)
        data = [build_day(content, release) for release in found]
        place = [found[-1].day.isoformat()] if found else []
        cursor = encode_cursor("days", selected, place) if more else None
        return page_answer(request, DayPage(data, PageInfo(query.limit, cursor)))

    @routes.get("/{day}", responses=answers(documents.Day, NOT_FOUND), dependencies=NO_PARAMETERS)
    def one_day(day: Annotated[Day, Path()]) -> Response:
        """The newest release of a day."""
        content = service.content
        return json_answer(build_day(content, release_of(content, day)))

    @routes.get(
        "/{day}/revisions/{revision}",
        responses=answers(documents.Day, NOT_FOUND),
        dependencies=NO_PARAMETERS,
    )
    def one_revision(
        day: Annotated[Day, Path()], revision: Annotated[Revision, Path()]
    ) -> Response:
        """One release of a day."""
        content = service.content
        return json_answer(build_day(content, release_of(content, day, revision)))

    @routes.get(
        "/{day}/revisions/{revision}/proof",
        responses=_ROW_PROOF,
    )
    def proof(
        request: Request,
        day: Annotated[Day, Path()],
        revision: Annotated[Revision, Path()],
        query: Annotated[NameQuery, Query()],
    ) -> Response:
        """One row of the report, with the proof that it is in the report of the recorded root."""
        content = service.content
        release = release_of(content, day, revision)
        if release.contents is None:
            raise _no_figures(release)
        grant_of(request).require_creator(owner_of(release.contents, query.scope, query.key))
        name = (query.scope, query.key, query.metric)
        place = release.contents.figures.names.position.get(name)
        if place is None:
            raise Problem(NOT_FOUND, f"the report has no row {query.scope} {query.metric} of it")
        tree, record = service.trees.of(release), release.record
        document = documents.RowProof(
            leaf=leaves_of(release)[place + 1].decode(),
            leaf_index=place + 1,
            tree_size=tree.size,
            siblings=[hash_text(each) for each in tree.inclusion_proof(place + 1)],
            report_root=hash_text(record.report_root),
            report_cid=record.report_cid,
            bundle_cid=record.bundle_cid,
            block_number=record.block_number,
        )
        return json_answer(document, caching_of(content, release))

    @routes.get(
        "/{day}/revisions/{revision}/bundle/{file}",
        responses=_BUNDLE_FILE,
        dependencies=NO_PARAMETERS,
    )
    def bundle_file(
        request: Request,
        day: Annotated[Day, Path()],
        revision: Annotated[Revision, Path()],
        file: Annotated[BundleFile, Path()],
    ) -> Response:
        """A file of the bundle, byte for byte as IPFS has it under the bundle's CID."""
        grant_of(request).require_platform()
        content = service.content
        release = release_of(content, day, revision)
        if release.files is None:
            raise _no_figures(release)
        if file not in release.files:
            raise Problem(NOT_FOUND, f"the bundle has no {file}")
        return raw_answer(release.files[file], "application/json", caching_of(content, release))

    return routes


def caching_of(content: Content, release: Released) -> str:
    """Answers about a superseded revision never change."""
    superseded = release.revision < content.revisions[release.day][-1]
    return IMMUTABLE if superseded else CURRENT


def _no_figures(release: Released) -> Problem:
    """Why a release has none to show."""
    error = release.standing.error
    name = error.name if error else ""
    if release.standing.state == "failed":
        return Problem(NOT_FOUND, f"the release does not verify ({name}); none are shown")
    detail = f"its bundle could not be fetched yet ({name})"
    return Problem(UNAVAILABLE, detail, None, _RETRY_AFTER_SECONDS)
