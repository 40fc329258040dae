"""Canonical JSON (RFC 8785, JCS): one value, one sequence of bytes.

Belongs here: encoding, and a parser that accepts canonical bytes only, so that a hash over bytes is
a hash over meaning. Does not belong here: what the documents say (`core.report`, `core.policy`, …).

Numbers: integers within ±(2⁵³ − 1), and doubles in ECMAScript's shortest form. A double such as
1e20, which ECMAScript prints as a long integer, is written but not read back: keep out of it.
"""

import json
import re
from typing import Any, Final, NoReturn

import rfc8785

from analytics_pipeline.core.errors import InvalidInput

#: Far above what any document here has. Counted by ourselves: Python's recursion limit is no bound,
#: for chain libraries raise it beyond what the C stack holds.
MAX_DEPTH: Final = 64
_MAX_INTEGER: Final = 2**53 - 1
#: Python's own encoder, in C: canonical for what `_is_plain`, and some ten times as fast.
_PLAIN: Final = json.JSONEncoder(
    ensure_ascii=False, allow_nan=False, sort_keys=True, separators=(",", ":")
)
_TEXT_OR_BRACKET: Final = re.compile(
    rb'"[^"\\]*(?:\\.[^"\\]*)*(?:"|\\?\Z)|[\[{]|[\]}]',  # an open text is read once, too
    re.DOTALL,
)
_HASH: Final = re.compile(r"0x[0-9a-f]{64}")


def encode(value: Any) -> bytes:
    """Canonical UTF-8 bytes of a JSON value.

    Raises:
        InvalidInput: for what JSON cannot carry (NaN, 2⁵³, lone surrogates, keys that are not
            strings, other types, nesting beyond Python's recursion limit).
    """
    try:
        return _PLAIN.encode(value).encode("utf-8") if _is_plain(value) else rfc8785.dumps(value)
    except (rfc8785.CanonicalizationError, UnicodeEncodeError, RecursionError) as error:
        raise InvalidInput("json", f"has no canonical form: {error}") from None


def _is_plain(value: Any, depth: int = 0) -> bool:
    """Whether Python's encoder writes a value as RFC 8785 does: names in ASCII (others may sort
    otherwise), integers of at most 53 bits, fractions that neither writes with an exponent."""
    kind = type(value)
    if kind is str or kind is bool or value is None:
        return True
    if kind is int:
        return bool(-_MAX_INTEGER <= value <= _MAX_INTEGER)
    if kind is float:
        return bool(1e-4 <= abs(value) < 1e15 and not value.is_integer())
    if depth == MAX_DEPTH:
        return False
    if kind is list:
        inner = value
    elif kind is dict:
        for name in value:
            if type(name) is not str or not name.isascii():
                return False
        inner = value.values()
    else:
        return False
    for each in inner:  # noqa: SIM110  # a generator for each row of a report takes its time
        if not _is_plain(each, depth + 1):
            return False
    return True


def hash_text(digest: bytes) -> str:
    """How a hash is written in every document: ``0x`` and lower-case hexadecimal."""
    return "0x" + digest.hex()


def parse_hash(text: Any, field: str) -> bytes:
    """Inverse of `hash_text` for 32 bytes. Raises InvalidInput."""
    if not isinstance(text, str) or not _HASH.fullmatch(text):
        raise InvalidInput(field, "must be 0x and 64 lower-case hexadecimal digits")
    return bytes.fromhex(text[2:])


def check_members(value: Any, members: frozenset[str], field: str) -> dict[str, Any]:
    """`value` itself if it is an object with exactly these members. Raises InvalidInput."""
    if not isinstance(value, dict):
        raise InvalidInput(field, "must be an object")
    for name in sorted(value.keys() ^ members):
        problem = "is missing" if name in members else "is not a member of this format"
        raise InvalidInput(f"{field}.{name}", problem)
    return value


def parse(data: bytes, field: str = "json") -> Any:
    """Decode bytes that are exactly `encode` of what they mean.

    Args:
        data: the whole document.
        field: its name, for the error.
    Raises:
        InvalidInput: not UTF-8, not JSON, a duplicate member, more than `MAX_DEPTH` levels, or a
            different spelling of the same value (white space, order of members, number or escape
            form).
    """
    check_depth(data, field)
    try:
        value = json.loads(
            data.decode("utf-8"),
            object_pairs_hook=_object_without_duplicates,
            parse_constant=_refuse_constant,
        )
    except ValueError as error:
        raise InvalidInput(field, f"is not JSON in UTF-8: {error}") from None
    try:
        again = encode(value)
    except InvalidInput as error:
        raise InvalidInput(field, error.problem) from None
    if again != data:
        at = next((i for i, (a, b) in enumerate(zip(again, data, strict=False)) if a != b), None)
        place = min(len(again), len(data)) if at is None else at
        raise InvalidInput(field, f"is not canonical JSON (RFC 8785), first at byte {place}")
    return value


def check_depth(data: bytes, field: str) -> None:
    """Look at the brackets before any parser recurses into them. Raises InvalidInput."""
    depth = 0
    for found in _TEXT_OR_BRACKET.finditer(data):
        first = found[0][:1]
        if first != b'"':
            depth += 1 if first in b"[{" else -1
            if depth > MAX_DEPTH:
                raise InvalidInput(field, "is nested too deeply")


def _object_without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("an object names a member twice")
    return members


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a JSON number")
