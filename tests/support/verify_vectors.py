"""Vectors for verifiers in other languages: `tests/vectors/verify.json`.

`python -m tests.support.verify_vectors` writes the file; a test fails when it is stale. Values of
each format by themselves; then a figure as a browser sees it, and every lie about it as what
changes, with the step that must notice and the error's name.
"""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

from analytics_pipeline.core import canonical, merkle
from analytics_pipeline.core.accounting import DELTA, published_epsilon
from analytics_pipeline.core.canonical import hash_text
from analytics_pipeline.core.policy import DEFAULT_RHO_NANO
from analytics_pipeline.core.record import Commit
from analytics_pipeline.core.unixfs import CHUNK_BYTES, import_bytes
from analytics_pipeline.core.verify_errors import VerificationFailed
from tests.browser_verify.lies import HONEST, LATER_COMMITS, LIES, with_later
from tests.browser_verify.scenarios import Scenario, honest_small_world

FILE: Final = Path(__file__).parents[1] / "vectors" / "verify.json"

_VALUES: Final[list[Any]] = [
    *(None, True, False, 0, 1, -1, 2**53 - 1, -(2**53 - 1), 0.1, 1e-6, 1e-7, 14.143, 1e21, 5e-324),
    *("", 'é\u2028\u0007"\\/', "😀", [], {}, [1, [2, {}]]),
    {"b": 1, "a": 2, "": 3, "A": 4, "10": 5, "9": 6},
    {"\ufb33": "Hebrew letter", "😀": "after it by code points, before it by code units"},
]
#: Other spellings of a value, or none at all.
REFUSED: Final = [
    *("", " 1", "1 ", "[1, 2]", '{"b":1,"a":2}', '{"a":1,"a":1}', "1.0", "1e2", "-0", '"\\u0061"'),
    *("9007199254740993", "9007199254740992", "NaN", "[1,]", '"\\ud800"', "\ufeff1", "01", "1E400"),
]


def build() -> dict[str, Any]:
    return {
        "format": "viewership-verify-vectors/1",
        "errors": {
            error.__name__: error.meaning
            for error in sorted(VerificationFailed.__subclasses__(), key=lambda each: each.__name__)
        },
        "canonical": [canonical.encode(value).decode() for value in _VALUES],
        "not_canonical": REFUSED,
        "merkle": [_tree(size) for size in (0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 13, 16, 17, 31)],
        "files": [_file(size) for size in _SIZES],
        "epsilon": [
            {"rho_nano": rho, "delta": DELTA, "epsilon": published_epsilon(rho)}
            for rho in (0, 1, *sorted(set(DEFAULT_RHO_NANO.values())), 125_000_000, 5_000_000_000)
        ],
        "chain": json.loads(honest_small_world().chain_file()),
        "honest": HONEST.document,
        "lies": [_lie(*lie) for lie in LIES],
        "later": [_later(*commits) for commits in LATER_COMMITS],
    }


def _lie(lie: str, tell: Callable[[], Scenario], step: str, error: str) -> dict[str, Any]:
    changes = list(changes_between(HONEST.document, tell().document))
    return {"lie": lie, "step": step, "error": error, "changes": changes}


def _later(*commits: Commit) -> dict[str, Any]:
    changes = list(changes_between(HONEST.document, with_later(*commits).document))
    return {"commits": len(commits), "changes": changes}


def _tree(size: int) -> dict[str, Any]:
    """Leaf i is the text of i."""
    leaves = [str(number).encode() for number in range(size)]
    return {
        "size": size,
        "root": hash_text(merkle.root(leaves)),
        "paths": [
            [hash_text(sibling) for sibling in merkle.inclusion_proof(leaves, index)]
            for index in range(size)
        ],
    }


#: Of one block, of the largest one, of several.
_SIZES: Final = (0, 1, 138_481, CHUNK_BYTES, CHUNK_BYTES + 1, 3 * CHUNK_BYTES)


def _file(size: int) -> dict[str, Any]:
    """Byte i is 7i mod 251. Of a file of many blocks, the root in hexadecimal."""
    cid, blocks = import_bytes(bytes(7 * i % 251 for i in range(size)))
    return {"size": size, "cid": cid, "root": blocks[-1].data.hex() if len(blocks) > 1 else None}


def changes_between(before: Any, after: Any, *path: str) -> Iterator[list[Any]]:
    """Path and new value of each member that is another one; a path alone where it is gone."""
    if not isinstance(before, dict) or not isinstance(after, dict):
        if before != after:
            yield [list(path), after]
        return
    yield from ([[*path, name]] for name in before if name not in after)
    for name, value in after.items():
        if name in before:
            yield from changes_between(before[name], value, *path, name)
        else:
            yield [[*path, name], value]


def text() -> str:
    """One line for each value and each lie: readable in a difference."""
    document = build()
    lists = {"canonical", "not_canonical", "merkle", "files", "epsilon", "lies", "later"}
    members = [
        f'"{name}": [\n{_lines(value)}\n]' if name in lists else f'"{name}": {_line(value)}'
        for name, value in document.items()
    ]
    return "{\n" + ",\n".join(members) + "\n}\n"


def _lines(values: list[Any]) -> str:
    return ",\n".join(map(_line, values))


def _line(value: Any) -> str:
    return json.dumps(value, ensure_ascii=True, separators=(",", ":"))


if __name__ == "__main__":
    FILE.write_text(text())
