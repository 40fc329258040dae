"""The limits of `core.event`, held against whole columns of stored events.

The sealer parses every event before it seals it, so a segment that holds another one was not made
by an honest sealer; models must not have to cope with it. Belongs here: `Event`'s own annotations
as conditions on columns, and the same for the columns that the ingestion API adds. Does not belong
here: which columns there are (`event_columns`), which day they are of (`segments`).
"""

from collections.abc import Iterator
from functools import cache
from typing import Final

import polars as pl
from msgspec import inspect

from analytics_pipeline.core.errors import InvalidSegment
from analytics_pipeline.core.event import ACCEPTED_AGE_MS, ACCEPTED_AHEAD_MS, ONLY_ON, Event

_VIEWER: Final = r"\A[0-9a-f]{32}\z"
_COUNTRY: Final = r"\A[A-Z]{2}\z"


def check_events(frame: pl.DataFrame) -> None:
    """Whether every event is one that the sealer accepts; columns are those of `EVENT_COLUMNS`.

    Raises:
        InvalidSegment: naming the first column that breaks a limit; never a value.
    """
    broken = frame.select(_broken()).row(0, named=True)
    for label, is_broken in broken.items():
        if is_broken:
            raise InvalidSegment(label.partition(" ")[0], "holds what no event may hold")


@cache
def _broken() -> list[pl.Expr]:
    """Of each limit, whether any value breaks it. Nulls break none."""
    return [(~holds).any().alias(label) for label, holds in _limits()]


def _limits() -> Iterator[tuple[str, pl.Expr]]:
    """What must hold, under a label that begins with the column."""
    kind = inspect.type_info(Event)
    if not isinstance(kind, inspect.StructType):
        raise TypeError("an event is a struct")
    for field in kind.fields:
        yield field.name, _holds(field.name, field.type)
    for name, types in ONLY_ON.items():
        yield f"{name} only", pl.col(name).is_null() | pl.col("type").is_in(types)
    is_summary = pl.col("type") == "summary"
    yield "watched_ms required", ~is_summary | pl.col("watched_ms").is_not_null()
    at, received = pl.col("at_ms"), pl.col("received_at_ms")
    yield "received_at_ms", received.is_between(at - ACCEPTED_AHEAD_MS, at + ACCEPTED_AGE_MS)
    yield "viewer", _runs("viewer").str.contains(_VIEWER)
    yield "country", _runs("country").str.contains(_COUNTRY)


def _holds(name: str, kind: inspect.Type) -> pl.Expr:
    """What an annotation says of a column; one of a new kind has to be told here."""
    if isinstance(kind, inspect.UnionType):
        [kind] = [one for one in kind.types if not isinstance(one, inspect.NoneType)]
    if isinstance(kind, inspect.LiteralType):
        return _runs(name).is_in(kind.values)
    if isinstance(kind, inspect.StrType) and kind.pattern is not None:
        # Limits count characters; the patterns allow none of more than a byte.
        length = _runs(name).str.len_bytes().is_between(kind.min_length or 0, kind.max_length)
        return length & _runs(name).str.contains(kind.pattern.replace(r"\Z", r"\z"))
    if isinstance(kind, inspect.IntType):
        column = pl.col(name)
        below = column <= kind.le if kind.le is not None else column < kind.lt
        return (column >= kind.ge) & below
    if isinstance(kind, inspect.BoolType):
        return pl.lit(True)
    raise TypeError(f"no condition for {name}: {kind}")


def _runs(name: str) -> pl.Expr:
    """The values of a column without repetitions in a row: in a sorted segment a small part."""
    column = pl.col(name)
    return column.filter(column.ne_missing(column.shift()))
