"""Circuits as columns: one operation stands for the same constraint on every row of its columns.

A witness is numbered; a `Column` is an arithmetic progression of witness numbers, so that a circuit
of millions of gates is a few hundred operations. Belongs here: what a program is. Its bytes, in the
Abstract Circuit Intermediate Representation that `bb` reads, are made in `acir_bytes`.
"""

from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import overload

import numpy as np
import numpy.typing as npt

from analytics_pipeline.core.field import MODULUS

#: A coefficient: one for all rows, or one per row.
Coefficient = int | Sequence[int]


@dataclass(frozen=True)
class Column:
    """Witnesses ``start``, ``start + stride``, …; ``count`` of them."""

    start: int
    count: int
    stride: int = 1

    def __len__(self) -> int:
        return self.count

    @overload
    def __getitem__(self, key: int) -> "Column": ...
    @overload
    def __getitem__(self, key: slice) -> "Column": ...
    def __getitem__(self, key: int | slice) -> "Column":
        places = range(self.count)[key]
        if isinstance(places, int):
            return Column(self.start + places * self.stride, 1)
        return Column(
            self.start + places.start * self.stride, len(places), self.stride * places.step
        )

    @property
    def witnesses(self) -> npt.NDArray[np.uint32]:
        """The witness numbers, shape (count,)."""
        return np.arange(self.count, dtype=np.uint32) * np.uint32(self.stride) + np.uint32(
            self.start
        )


@dataclass(frozen=True)
class AssertZero:
    """Σ coefficient·a·b + Σ coefficient·a + constant = 0 on each of ``count`` rows."""

    products: tuple[tuple[Coefficient, Column, Column], ...]
    terms: tuple[tuple[Coefficient, Column], ...]
    constant: Coefficient
    count: int


@dataclass(frozen=True)
class Range:
    """0 ≤ value < 2^bits."""

    column: Column
    bits: int


@dataclass(frozen=True)
class Permute:
    """outputs = Poseidon2 permutation of inputs, on each row."""

    inputs: tuple[Column, Column, Column, Column]
    outputs: tuple[Column, Column, Column, Column]
    count: int


@dataclass(frozen=True)
class Table:
    """A read-only table whose entries are the values of columns. Reads prove the index is in it."""

    number: int
    entries: tuple[Column, ...]


@dataclass(frozen=True)
class Read:
    """value = table[index], on each row."""

    table: int
    index: Column
    value: Column


Operation = AssertZero | Range | Permute | Table | Read


Values = list[int] | npt.NDArray[np.int64]
"""Field elements, or an array of non-negative integers below 2^63."""


@dataclass
class Program:
    """Columns and operations, in the order in which they were made. Public inputs come first.

    A part of a circuit that adds columns also says how their values follow from earlier ones
    (`assign`), so that constraint and value stand side by side.
    """

    operations: list[Operation] = field(default_factory=list)
    witness_count: int = 0
    public_count: int = 0
    #: First witness of every column made, ascending.
    starts: list[int] = field(default_factory=list)
    assignments: list[Callable[["Witness"], None]] = field(default_factory=list)
    _tables: int = 0
    _constants: dict[int, Column] = field(default_factory=dict)

    def column(self, count: int = 1) -> Column:
        """New witnesses."""
        made = Column(self.witness_count, count)
        self.starts.append(made.start)
        self.witness_count += count
        return made

    def public(self, count: int) -> list[Column]:
        """The public inputs; before any other column."""
        if self.witness_count:
            raise ValueError("public inputs are the first witnesses")
        self.public_count = count
        return [self.column() for _ in range(count)]

    def assign(self, assignment: Callable[["Witness"], None]) -> None:
        """Compute values of columns; runs after the assignments made before it."""
        self.assignments.append(assignment)

    def assert_zero(
        self,
        *,
        products: Sequence[tuple[Coefficient, Column, Column]] = (),
        terms: Sequence[tuple[Coefficient, Column]] = (),
        constant: Coefficient = 0,
    ) -> None:
        """Constrain every row; columns of one witness count on every row."""
        columns = [c for _, a, b in products for c in (a, b)] + [c for _, c in terms]
        count = max(len(column) for column in columns)
        if any(len(column) not in (1, count) for column in columns):
            raise ValueError("columns of different lengths")
        self.operations.append(AssertZero(tuple(products), tuple(terms), constant, count))

    def range_check(self, column: Column, bits: int) -> None:
        self.operations.append(Range(column, bits))

    def permute(self, inputs: Sequence[Column], outputs: Sequence[Column]) -> None:
        a, b, c, d = inputs
        e, f, g, h = outputs
        self.operations.append(Permute((a, b, c, d), (e, f, g, h), len(e)))

    def table(self, entries: Sequence[int]) -> int:
        """A table of constants; its number."""
        return self.table_of([self.constants(entries)])

    def table_of(self, entries: Sequence[Column]) -> int:
        """A table of these columns' values, one after the other; its number."""
        self.operations.append(Table(self._tables, tuple(entries)))
        self._tables += 1
        return self._tables - 1

    def read(self, table: int, index: Column, value: Column) -> None:
        self.operations.append(Read(table, index, value))

    def constants(self, values: Sequence[int]) -> Column:
        """A column of constants."""
        column, kept = self.column(len(values)), list(values)
        self.assert_zero(terms=[(1, column)], constant=[-value for value in kept])
        self.assign(lambda witness: witness.set(column, kept))
        return column

    def constant(self, value: int) -> Column:
        """The one witness of this constant."""
        if value not in self._constants:
            self._constants[value] = self.constants([value])
        return self._constants[value]


class Witness:
    """A value for every witness of a program. **Private**: it holds rows and seed."""

    def __init__(self, program: Program) -> None:
        self._program = program
        self._values: dict[int, Values] = {}

    def set(self, column: Column, values: Values) -> None:
        """Give a whole column its values."""
        if column.start in self._values or len(values) != column.count:
            raise ValueError("a column takes as many values as it has witnesses, once")
        self._values[column.start] = values

    def array(self, column: Column) -> npt.NDArray[np.int64]:
        """The values of a column of small integers."""
        return np.asarray(self._slice(column), np.int64)

    def list(self, column: Column) -> list[int]:
        """The values of a column."""
        values = self._slice(column)
        return values.tolist() if isinstance(values, np.ndarray) else values

    def value(self, column: Column) -> int:
        """The value of a column of one."""
        return self.list(column)[0]

    def public(self, position: int) -> int:
        """A public input."""
        return self.value(Column(position, 1))

    def _slice(self, column: Column) -> Values:
        start = self._program.starts[bisect_right(self._program.starts, column.start) - 1]
        first = column.start - start
        last = first + (column.count - 1) * column.stride + 1
        return self._values[start][first : last : column.stride]

    def solve(self) -> "Witness":
        """Compute all columns that follow from those set by hand."""
        for assignment in self._program.assignments:
            assignment(self)
        return self

    def to_elements(self) -> npt.NDArray[np.uint8]:
        """All values in order, big-endian; shape (witnesses, 32)."""
        elements = np.zeros((self._program.witness_count, 32), np.uint8)
        for start, values in self._values.items():
            place = elements[start : start + len(values)]
            if isinstance(values, np.ndarray):
                if values.size and values.min() < 0:
                    raise ValueError("negative values are given as field elements")
                place[:, 24:] = values.astype(">u8").view(np.uint8).reshape(-1, 8)
            else:
                data = b"".join([(value % MODULUS).to_bytes(32, "big") for value in values])
                place[:] = np.frombuffer(data, np.uint8).reshape(-1, 32)
        if len(self._values) != len(self._program.starts):
            raise ValueError("a column has no values")
        return elements
