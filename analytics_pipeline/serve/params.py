"""The parameters of requests: strict, each with its limits; an unknown one is refused by name.

Belongs here: types that routes share. Does not belong here: what they select (`serve.selection`).
"""

import re
from datetime import date
from enum import StrEnum
from typing import Annotated, Any, Final

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema

from analytics_pipeline.core.day import parse_day
from analytics_pipeline.core.errors import InvalidInput
from analytics_pipeline.core.tally import IDENTIFIER
from analytics_pipeline.serve.documents import ScopeName
from analytics_pipeline.serve.views import Proofs

DEFAULT_LIMIT: Final = 100
MAX_LIMIT: Final = 1000
MAX_EXPORT: Final = 100_000
_DIGITS: Final = re.compile(r"[0-9]{1,10}")


def _day(text: str) -> str:
    try:
        parse_day(text)
    except InvalidInput as error:
        raise ValueError(error.problem) from None
    return text


def _digits(value: Any) -> Any:
    """Only plain decimal digits: no sign, point, space or underscore."""
    if isinstance(value, str) and not _DIGITS.fullmatch(value):
        raise ValueError("must be a whole number")
    return value


Day = Annotated[
    str,
    AfterValidator(_day),
    WithJsonSchema({"type": "string", "format": "date"}),
]
Identifier = Annotated[str, Field(pattern=rf"^{IDENTIFIER.pattern}$")]
Key = Annotated[str, Field(pattern=rf"^({IDENTIFIER.pattern})?$")]
Metric = Annotated[str, Field(pattern=r"^[a-z0-9_]{1,64}$")]
Revision = Annotated[int, Field(ge=1, lt=2**32), BeforeValidator(_digits)]
Limit = Annotated[int, Field(ge=1, le=MAX_LIMIT), BeforeValidator(_digits)]
ExportLimit = Annotated[int, Field(ge=1, le=MAX_EXPORT), BeforeValidator(_digits)]


class Format(StrEnum):
    """How a list of figures is written."""

    JSON = "json"
    CSV = "csv"
    PARQUET = "parquet"


class Strict(BaseModel):
    """Query parameters; others than these are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class SpanQuery(Strict):
    """UTC days, inclusive; by default the last 30 released ones."""

    first: Day | None = Field(None, alias="from", description="First UTC day.")
    last: Day | None = Field(None, alias="to", description="Last UTC day.")

    @property
    def first_day(self) -> date | None:
        return parse_day(self.first) if self.first else None

    @property
    def last_day(self) -> date | None:
        return parse_day(self.last) if self.last else None


class ProofQuery(Strict):
    """How much of each figure's inclusion proof to send."""

    proofs: Proofs | None = Field(None, description="Inclusion proofs: whole, their places, none.")


class CursorQuery(Strict):
    """Which page of a list."""

    cursor: str | None = Field(None, max_length=1024, description="`page.next` of the page before.")


class PageQuery(CursorQuery):
    """A page of a list."""

    limit: Limit = Field(DEFAULT_LIMIT, description="Most entries of a page.")


class SpanCursor(SpanQuery, CursorQuery):
    """Which page of a list over days."""


class SpanPage(SpanCursor, PageQuery):
    """A page of a list over days."""


class ExportQuery(SpanCursor, ProofQuery):
    """A list of figures that can be had as CSV and Parquet."""

    limit: ExportLimit | None = Field(
        None,
        description=f"Most figures of a page: {DEFAULT_LIMIT} by default and at most {MAX_LIMIT} in"
        f" JSON, {MAX_EXPORT} in CSV and Parquet; `page.limit` says how many.",
    )
    format: Format | None = Field(None, description="By default what `Accept` asks for, or JSON.")


class NameQuery(Strict):
    """The name of a row in a report."""

    scope: ScopeName
    key: Key = ""
    metric: Metric
