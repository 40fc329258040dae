"""`/api/v1/operations`: exact counts, for the operator's key alone.

The one route that reads what is not public: the catalogue, opened to read and never made.
"""

from collections import Counter
from collections.abc import Sequence
from contextlib import closing
from datetime import UTC, date, datetime
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from analytics_pipeline.core.errors import StoreError
from analytics_pipeline.serve.answers import UNKEPT
from analytics_pipeline.serve.documents import PageInfo
from analytics_pipeline.serve.ledger_documents import OperationsDay, OperationsPage
from analytics_pipeline.serve.openapi import answers
from analytics_pipeline.serve.paging import encode_cursor, resume, take
from analytics_pipeline.serve.params import PageQuery
from analytics_pipeline.serve.problems import UNAVAILABLE
from analytics_pipeline.serve.routes.common import DayPlace, grant_of, page_answer
from analytics_pipeline.serve.service import ReadService
from analytics_pipeline.serve.snapshot import Content
from analytics_pipeline.storage.catalogue import (
    Catalogue,
    Counts,
    SealedDay,
    list_expiries,
    load_counts,
    load_sealed_days,
    open_catalogue_to_read,
)
from analytics_pipeline.web.problem import Problem

_RETRY_AFTER_SECONDS = 30


def router(service: ReadService) -> APIRouter:
    """The routes of this file."""
    routes = APIRouter(prefix="/api/v1")

    @routes.get("/operations", responses=answers(OperationsPage, UNAVAILABLE))
    def operations(request: Request, query: Annotated[PageQuery, Query()]) -> Response:
        """What became of the events of each day, the newest day first; never to be published."""
        grant_of(request).require_operator()
        _, after = resume("operations", {}, query.cursor, DayPlace)
        days = [
            day
            for day in reversed(_load(service))
            if after is None or day.day.isoformat() < after.day
        ]
        found, more = take(days, query.limit)
        cursor = encode_cursor("operations", {}, [found[-1].day.isoformat()]) if more else None
        return page_answer(request, OperationsPage(found, PageInfo(query.limit, cursor)), UNKEPT)

    return routes


def _load(service: ReadService) -> Sequence[OperationsDay]:
    try:
        with closing(open_catalogue_to_read(service.catalogue_location)) as catalogue:
            return build_operations(catalogue, service.content)
    except StoreError:
        detail = "the catalogue does not answer"
        raise Problem(UNAVAILABLE, detail, None, _RETRY_AFTER_SECONDS) from None


def build_operations(catalogue: Catalogue, content: Content) -> Sequence[OperationsDay]:
    """Counts, sealed segments, records and erasures of every day, ascending."""
    counts = load_counts(catalogue, content.platform)
    sealed = load_sealed_days(catalogue, content.platform)
    erased = {expiry.day for expiry in list_expiries(catalogue, content.platform)}
    evidence = content.evidence
    records = Counter(record.day for record in (evidence.records if evidence else ()))
    return [
        _day(day, counts.get(day, Counts()), sealed.get(day), records[day], day in erased)
        for day in sorted({*counts, *sealed, *records})
    ]


def _day(
    day: date, counts: Counts, sealed: SealedDay | None, records: int, erased: bool
) -> OperationsDay:
    last_ms = sealed.last_sealed_at_ms if sealed else None
    return OperationsDay(
        day=day,
        accepted=counts.accepted,
        duplicate=counts.duplicate,
        late=counts.late,
        rejected=dict(sorted(counts.rejected.items())),
        received=counts.received,
        segments=sealed.segments if sealed else 0,
        segment_bytes=sealed.size_bytes if sealed else 0,
        last_sealed_at=None if last_ms is None else datetime.fromtimestamp(last_ms // 1000, UTC),
        records=records,
        erased=erased,
    )
