"""Pages of lists: opaque cursors that stay right when days are added.

A cursor holds what the first page selected (its days above all, for the default days move on) and
the place of the last entry; the next page goes on behind that place. Belongs here: cursors. Does
not belong here: what is listed.
"""

import base64
import binascii
from collections.abc import Iterable
from itertools import islice
from typing import Final, TypeVar

import msgspec

from analytics_pipeline.web.problem import INVALID, Problem

T = TypeVar("T")
Value = str | int | float | None
Selected = dict[str, Value]

_FIELD: Final = "cursor"


class _Cursor(msgspec.Struct, array_like=True, forbid_unknown_fields=True):
    kind: str
    selected: Selected
    after: list[Value]


_DECODER: Final = msgspec.msgpack.Decoder(_Cursor)


def encode_cursor(kind: str, selected: Selected, after: Iterable[Value]) -> str:
    """The cursor behind the entry at the place `after`.

    Args:
        kind: the list; a cursor of another one is refused.
        selected: what the list was narrowed to, by parameter name.
    """
    packed = msgspec.msgpack.encode(_Cursor(kind, selected, list(after)))
    return base64.urlsafe_b64encode(packed).rstrip(b"=").decode("ascii")


def resume(
    kind: str, selected: Selected, cursor: str | None, place: type[T]
) -> tuple[Selected, T | None]:
    """What a page selects, and behind which place it begins (None: at the start).

    Args:
        selected: as the request has it; None where it does not say.
        place: the type of a place, a tuple.
    Raises:
        Problem: 400, the cursor is none of this list, or the request selects something else.
    """
    if cursor is None:
        return selected, None
    try:
        packed = base64.b64decode(cursor + "=" * (-len(cursor) % 4), b"-_", validate=True)
        found = _DECODER.decode(packed)
        after = msgspec.convert(found.after, place)
    except (ValueError, binascii.Error, msgspec.DecodeError):
        raise bad_cursor() from None
    if found.kind != kind or found.selected.keys() != selected.keys():
        raise Problem(INVALID, "is of another list", _FIELD)
    for name, value in selected.items():
        if value is not None and value != found.selected[name]:
            raise Problem(INVALID, f"goes on with another `{name}` than the request names", _FIELD)
    return found.selected, after


def bad_cursor() -> Problem:
    """A cursor that no page gave."""
    return Problem(INVALID, "is no `page.next` of this API", _FIELD)


def take(entries: Iterable[T], limit: int) -> tuple[list[T], bool]:
    """The first entries, and whether there are more."""
    found = list(islice(entries, limit + 1))
    return found[:limit], len(found) > limit
