"""Judges a witness by the meaning of ACIR's operations alone.

`bb` proves a bad witness without complaint, and its verifier only says no. This says which
operation is violated on which row. It knows operations, not circuits: what a column is for, and how
its values were made, does not matter here.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property

from analytics_pipeline.core.field import MODULUS
from analytics_pipeline.core.poseidon2 import permute
from analytics_pipeline.proving.acir import (
    AssertZero,
    Coefficient,
    Column,
    Operation,
    Permute,
    Program,
    Range,
    Read,
    Table,
)


@dataclass(frozen=True, order=True)
class Violation:
    """An operation that does not hold: its kind, its number in the program, and which row."""

    kind: str
    operation: int
    row: int


class Evaluator:
    """Evaluates one program against any number of witnesses (lists of all values, in order)."""

    def __init__(self, program: Program) -> None:
        self._program = program
        self._tables = {
            operation.number: [int(w) for column in operation.entries for w in column.witnesses]
            for operation in program.operations
            if isinstance(operation, Table)
        }

    def violations(self, values: list[int]) -> list[Violation]:
        """Everything that does not hold."""
        if len(values) != self._program.witness_count:
            raise ValueError("a witness has a value for every column")
        rows = (
            (number, row)
            for number, operation in enumerate(self._program.operations)
            for row in range(row_count(operation))
        )
        return self._judge(rows, values)

    def violations_near(self, changed: Iterable[int], values: list[int]) -> list[Violation]:
        """The same, of a witness that differs from a good one in these witnesses only."""
        rows = {row for witness in changed for row in self.rows_of_witness[witness]}
        return self._judge(sorted(rows), values)

    def _judge(self, rows: Iterable[tuple[int, int]], values: list[int]) -> list[Violation]:
        operations = self._program.operations
        return [
            Violation(type(operations[number]).__name__, number, row)
            for number, row in rows
            if not self._holds(operations[number], row, values)
        ]

    def _holds(self, operation: Operation, row: int, values: list[int]) -> bool:
        if isinstance(operation, AssertZero):
            total = _at(operation.constant, row)
            for factor, a, b in operation.products:
                total += _at(factor, row) * values[place(a, row)] * values[place(b, row)]
            for factor, a in operation.terms:
                total += _at(factor, row) * values[place(a, row)]
            return total % MODULUS == 0
        if isinstance(operation, Range):
            return values[place(operation.column, row)] % MODULUS < 1 << operation.bits
        if isinstance(operation, Permute):
            s0, s1, s2, s3 = (values[place(column, row)] % MODULUS for column in operation.inputs)
            outputs = tuple(values[place(column, row)] % MODULUS for column in operation.outputs)
            return permute((s0, s1, s2, s3)) == outputs
        if isinstance(operation, Read):
            entries = self._tables[operation.table]
            index = values[place(operation.index, row)] % MODULUS
            value = values[place(operation.value, row)]
            return index < len(entries) and (values[entries[index]] - value) % MODULUS == 0
        return True  # a table says nothing until it is read

    @cached_property
    def rows_of_witness(self) -> dict[int, list[tuple[int, int]]]:
        """witness → the rows of operations in which it occurs, in a table's entries also."""
        found: dict[int, list[tuple[int, int]]] = defaultdict(list)
        reads: dict[int, list[tuple[int, int]]] = defaultdict(list)
        for number, operation in enumerate(self._program.operations):
            for row in range(row_count(operation)):
                for column in columns_of(operation):
                    found[place(column, row)].append((number, row))
                if isinstance(operation, Read):
                    reads[operation.table].append((number, row))
        for table, entries in self._tables.items():
            for witness in entries:
                found[witness] += reads[table]
        return found


def columns_of(operation: Operation) -> Iterator[Column]:
    """The columns whose row is judged together; a table's entries are not among them."""
    if isinstance(operation, AssertZero):
        for _, a, b in operation.products:
            yield from (a, b)
        yield from (column for _, column in operation.terms)
    elif isinstance(operation, Range):
        yield operation.column
    elif isinstance(operation, Permute):
        yield from (*operation.inputs, *operation.outputs)
    elif isinstance(operation, Read):
        yield from (operation.index, operation.value)


def row_count(operation: Operation) -> int:
    """Rows of an operation."""
    return max((len(column) for column in columns_of(operation)), default=0)


def place(column: Column, row: int) -> int:
    """The witness that stands in a row; a column of one stands in every row."""
    return column.start + (0 if column.count == 1 else row * column.stride)


def _at(coefficient: Coefficient, row: int) -> int:
    return coefficient if isinstance(coefficient, int) else coefficient[row]
