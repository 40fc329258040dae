"""Names for the columns and operations of a circuit, taken from the code that made them.

A program is numbers only. To say "this lie breaks the bounds" a test needs to know which method of
which part added an operation; and to list columns, what the code calls them. Both are read off the
stack while a circuit is built: `ContributionPart._constrain_bounds`, and for its columns
`ContributionPart._constrain_bounds: left`. Columns of one name are counted: `… left`, `… left #1`.
"""

import ast
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from types import FrameType
from unittest.mock import patch

from analytics_pipeline.proving import circuit as circuit_module
from analytics_pipeline.proving.acir import Column, Operation, Program
from tests.proving.acir_evaluator import Violation

_PROVING = "analytics_pipeline.proving."
#: What every part uses is not what a part is for.
_TOOLS = frozenset((_PROVING + "acir", _PROVING + "gadgets"))


@dataclass
class NamedProgram(Program):
    """A program that remembers who made what."""

    makers: list[str] = field(default_factory=list)
    #: first witness of a column → its name
    names: dict[int, str] = field(default_factory=dict)
    _alike: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self.operations = _Recording(self._note_operation)

    def column(self, count: int = 1) -> Column:
        made = super().column(count)
        part, tool = _maker()
        targets = _targets(part.f_code.co_filename, part.f_lineno)
        label = ", ".join(targets)
        name = f"{_method(part)}: {label}" + (f" ({tool})" if tool else "")
        number = self._alike[name]
        self._alike[name] += 1
        if len(targets) > 1:  # a, b = (column() for _ in range(2))
            name = name.replace(label, targets[number % len(targets)])
            number //= len(targets)
        self.names[made.start] = f"{name} #{number}" if number else name
        return made

    @property
    def columns(self) -> dict[str, Column]:
        """All columns by name."""
        ends = [*self.starts[1:], self.witness_count]
        return {
            self.names[start]: Column(start, end - start)
            for start, end in zip(self.starts, ends, strict=True)
        }

    def families(self, violations: Sequence[Violation]) -> set[str]:
        """What is violated: kinds of operations, each with the method that asked for it."""
        return {f"{v.kind} {self.makers[v.operation]}" for v in violations}

    def _note_operation(self) -> None:
        self.makers.append(_method(_maker()[0]))


class _Recording(list[Operation]):
    def __init__(self, note: Callable[[], None]) -> None:
        super().__init__()
        self._note = note

    def append(self, operation: Operation) -> None:
        super().append(operation)
        self._note()


@contextmanager
def naming() -> Iterator[None]:
    """While this lasts, circuits are built with names."""
    with patch.object(circuit_module, "Program", NamedProgram):
        yield


def _maker() -> tuple[FrameType, str]:
    """The part of the circuit that is being built, and which tool it calls (or none)."""
    frame, tool = sys._getframe(1), ""
    while not frame.f_globals["__name__"].startswith(_PROVING) or _is_tool(frame):
        tool = frame.f_code.co_name if _is_tool(frame) else tool
        assert frame.f_back is not None
        frame = frame.f_back
    return frame, tool


def _is_tool(frame: FrameType) -> bool:
    return frame.f_globals["__name__"] in _TOOLS


def _method(frame: FrameType) -> str:
    return frame.f_code.co_qualname.split(".<locals>")[0]


@cache
def _targets(file: str, line: int) -> list[str]:
    """What the statement on this line assigns to; its last words if it assigns nothing."""
    tree = ast.parse(Path(file).read_text("utf-8"))
    simple = (ast.Assign, ast.AnnAssign, ast.Return, ast.Expr)
    found = [
        node
        for node in ast.walk(tree)
        if isinstance(node, simple) and node.lineno <= line <= (node.end_lineno or 0)
    ]
    statement = max(found, key=lambda node: node.lineno)
    if isinstance(statement, ast.Assign):
        target = statement.targets[0]
        names = target.elts if isinstance(target, ast.Tuple) else [target]
        return [ast.unparse(name).removeprefix("self.").removeprefix("_") for name in names]
    if isinstance(statement, ast.AnnAssign):
        return [ast.unparse(statement.target).removeprefix("self.").removeprefix("_")]
    return ["checked" if isinstance(statement, ast.Expr) else "returned"]
