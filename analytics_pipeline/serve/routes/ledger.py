"""What is on record: budget, records, erasure receipts."""

from collections import Counter
from collections.abc import Sequence
from datetime import date, timedelta
from functools import lru_cache
from typing import Annotated, NamedTuple, TypeVar

import msgspec
from fastapi import APIRouter, Query, Request, Response

from analytics_pipeline.core.accounting import DELTA, NANO, published_epsilon
from analytics_pipeline.core.budget import WINDOW_DAYS, Caps, Ledger
from analytics_pipeline.core.erasure import Receipt
from analytics_pipeline.core.record import ReleaseRecord, build_evidence
from analytics_pipeline.serve.answers import json_answer
from analytics_pipeline.serve.documents import PageInfo
from analytics_pipeline.serve.ledger_documents import (
    Budget,
    BudgetCaps,
    BudgetDay,
    CommitEntry,
    Erasure,
    ErasurePage,
    PublishedIn,
    RecordPage,
    ReleaseEntry,
    ThirtyDays,
)
from analytics_pipeline.serve.openapi import answers
from analytics_pipeline.serve.paging import encode_cursor, resume
from analytics_pipeline.serve.params import PageQuery
from analytics_pipeline.serve.released import Released
from analytics_pipeline.serve.routes.common import NO_PARAMETERS, page_answer
from analytics_pipeline.serve.service import ReadService
from analytics_pipeline.serve.snapshot import Content

T = TypeVar("T")


class Position(NamedTuple):
    """How many entries come before a page."""

    before: int


def router(service: ReadService) -> APIRouter:
    """The routes of this file."""
    routes = APIRouter(prefix="/api/v1")

    @routes.get("/budget", responses=answers(Budget), dependencies=NO_PARAMETERS)
    def budget() -> Response:
        """What releases spent of their viewers' privacy in the 30 days to the newest released one,
        and what is left."""
        return json_answer(build_budget(service.content))

    @routes.get("/records", responses=answers(RecordPage))
    def records(request: Request, query: Annotated[PageQuery, Query()]) -> Response:
        """Every record of the platform in chain order, as chain.json has them."""
        found = list_records(service.content)
        data, info = _page(query, "records", found)
        return page_answer(request, RecordPage(data, info))

    @routes.get("/erasures", responses=answers(ErasurePage))
    def erasures(request: Request, query: Annotated[PageQuery, Query()]) -> Response:
        """Receipts of destroyed raw data, from the verified bundles, in the order of their
        records."""
        releases = service.content.in_record_order
        found = [
            _erasure(receipt, release)
            for release in releases
            if release.contents
            for receipt in release.contents.receipts
        ]
        data, info = _page(query, "erasures", found)
        return page_answer(request, ErasurePage(data, info))

    return routes


def _page(query: PageQuery, kind: str, found: Sequence[T]) -> tuple[list[T], PageInfo]:
    """A page of a list that only grows at its end."""
    _, after = resume(kind, {}, query.cursor, Position)
    start = max(0, after.before) if after else 0
    end = start + query.limit
    cursor = encode_cursor(kind, {}, [end]) if end < len(found) else None
    return list(found[start:end]), PageInfo(query.limit, cursor)


@lru_cache(maxsize=1)
def list_records(content: Content) -> Sequence[CommitEntry | ReleaseEntry]:
    """Every record, in chain order."""
    if content.evidence is None:
        return []
    document = msgspec.json.decode(build_evidence(content.evidence))
    return msgspec.convert(document["records"], list[CommitEntry | ReleaseEntry])


def _erasure(receipt: Receipt, release: Released) -> Erasure:
    record = release.record
    published = PublishedIn(record.day, record.revision, record.bundle_cid)
    return Erasure(**{**receipt.to_json(), "day": receipt.day}, published_in=published)


def build_budget(content: Content) -> Budget:
    """The answer of `/api/v1/budget`: spends from the records alone."""
    evidence, latest = content.evidence, content.latest_contents
    if evidence is None or latest is None:
        return Budget(DELTA, None, [], None)
    spends = [record for record in evidence.records if isinstance(record, ReleaseRecord)]
    releases = Counter(record.day for record in spends)
    sums: Counter[date] = Counter()
    for record in spends:
        sums[record.day] += record.spend_nano_rho
    caps, last = Caps.of(latest.policy), content.days[-1]
    window = next(iter(Ledger(sums).windows(last, caps, reserve=True)))
    days = [last - timedelta(days=back) for back in reversed(range(WINDOW_DAYS))]
    return Budget(
        DELTA,
        BudgetCaps(caps.per_release / NANO, caps.per_day / NANO, caps.per_30_days / NANO),
        [
            BudgetDay(
                day,
                releases[day],
                sums[day] / NANO,
                max(0, caps.per_day - sums[day]) / NANO,
                published_epsilon(sums[day]),
            )
            for day in days
        ],
        ThirtyDays(
            window.first_day,
            window.last_day,
            window.spent / NANO,
            window.reserved / NANO,
            max(0, window.left) / NANO,
            window.cap / NANO,
            published_epsilon(window.spent),
        ),
    )
