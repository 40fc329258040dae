"""Programs and witnesses as bytes: MessagePack, as Noir 1.0.0-beta.26 writes and bb 5.0.0 reads.

Operations of many rows are one byte template, filled by numpy: every witness number takes five
bytes (MessagePack's uint32), every coefficient 34 (bin8 of 32), whatever its value.
"""

import gzip
from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from analytics_pipeline.core.field import MODULUS
from analytics_pipeline.proving.acir import (
    AssertZero,
    Coefficient,
    Column,
    Operation,
    Permute,
    Program,
    Range,
    Table,
    Witness,
)

#: Noir's marker of the format "MessagePack, compact".
_FORMAT: Final = b"\x03"
_Bytes = npt.NDArray[np.uint8]
#: A part of a template: the same bytes on every row, a witness number, a coefficient per row.
_Part = bytes | Column | Sequence[int]


def program_bytes(program: Program) -> bytes:
    """The gzipped program, as `bb -b` takes it. The same program always gives the same bytes."""
    operations = list(program.operations)
    count = sum(_count(operation) for operation in operations)
    public = b"".join(_uint32(i) for i in range(program.public_count))
    head = [
        _FORMAT,
        _array(2),
        _array(1),
        _array(6),
        _text("main"),
        b"\xdd" + count.to_bytes(4, "big"),
    ]
    tail = [_array(0), _array(program.public_count), public, _array(0), _array(0), _array(0)]
    return _gzip(b"".join([*head, *(b for op in operations for b in _operation(op)), *tail]))


def witness_bytes(witness: Witness) -> bytes:
    """The gzipped witness, as `bb -w` takes it. **Private**: it holds rows and seed."""
    values = witness.to_elements()
    entries = np.empty((len(values), 39), np.uint8)
    entries[:, 0] = 0xCE
    entries[:, 1:5] = np.arange(len(values), dtype=">u4").view(np.uint8).reshape(-1, 4)
    entries[:, 5:7] = (0xC4, 32)
    entries[:, 7:] = values
    head = _FORMAT + _array(1) + _array(1) + _array(2) + b"\x00"
    return _gzip(head + b"\xdf" + len(values).to_bytes(4, "big") + entries.tobytes())


def _gzip(data: bytes) -> bytes:
    return gzip.compress(data, 1, mtime=0)


def _count(operation: Operation) -> int:
    if isinstance(operation, AssertZero | Permute):
        return operation.count
    if isinstance(operation, Range):
        return operation.column.count
    return 1 if isinstance(operation, Table) else operation.index.count


def _operation(operation: Operation) -> Iterator[bytes]:
    if isinstance(operation, AssertZero):
        parts: list[_Part] = [b"\x81" + _text("AssertZero") + _array(3)]
        parts.append(_array(len(operation.products)))
        for coefficient, a, b in operation.products:
            parts += [_array(3), *_coefficient(coefficient), a, b]
        parts.append(_array(len(operation.terms)))
        for coefficient, a in operation.terms:
            parts += [_array(2), *_coefficient(coefficient), a]
        parts += _coefficient(operation.constant)
        yield _rows(parts, operation.count)
    elif isinstance(operation, Range):
        head = b"\x81" + _text("BlackBoxFuncCall") + b"\x81" + _text("RANGE") + _array(2)
        bits = (
            operation.bits.to_bytes(1, "big")
            if operation.bits < 128
            else b"\xcc" + bytes([operation.bits])
        )
        yield _rows([head + _WITNESS, operation.column, bits], operation.column.count)
    elif isinstance(operation, Permute):
        head = b"\x81" + _text("BlackBoxFuncCall") + b"\x81" + _text("Poseidon2Permutation")
        parts = [head + _array(2) + _array(4)]
        for column in operation.inputs:
            parts += [_WITNESS, column]
        parts += [_array(4), *operation.outputs]
        yield _rows(parts, operation.count)
    elif isinstance(operation, Table):
        entries = [_uint32(int(w)) for column in operation.entries for w in column.witnesses]
        yield b"\x81" + _text("MemoryInit") + _array(3) + _uint32(operation.number)
        yield _array(len(entries)) + b"".join(entries) + _text("Memory")
    else:
        head = (
            b"\x81" + _text("MemoryOp") + _array(2) + _uint32(operation.table) + _array(3) + b"\xc2"
        )
        yield _rows([head, operation.index, operation.value], operation.index.count)


def _coefficient(value: Coefficient) -> list[_Part]:
    head = b"\xc4\x20"
    return [head + _element(value)] if isinstance(value, int) else [head, value]


def _rows(parts: Sequence[_Part], count: int) -> bytes:
    """The parts side by side, ``count`` times, with each row's own numbers."""
    widths = [len(p) if isinstance(p, bytes) else 5 if isinstance(p, Column) else 32 for p in parts]
    rows: _Bytes = np.empty((count, sum(widths)), np.uint8)
    at = 0
    for part, width in zip(parts, widths, strict=True):
        place = rows[:, at : at + width]
        if isinstance(part, bytes):
            place[:] = np.frombuffer(part, np.uint8)
        elif isinstance(part, Column):
            place[:, 0] = 0xCE
            place[:, 1:] = part.witnesses.astype(">u4").view(np.uint8).reshape(-1, 4)
        else:
            data = b"".join([_element(value) for value in part])
            place[:] = np.frombuffer(data, np.uint8).reshape(-1, 32)
        at += width
    return rows.tobytes()


def _element(value: int) -> bytes:
    return (value % MODULUS).to_bytes(32, "big")


def _array(length: int) -> bytes:
    if length < 16:
        return bytes([0x90 | length])
    return (
        b"\xdc" + length.to_bytes(2, "big")
        if length < 2**16
        else b"\xdd" + length.to_bytes(4, "big")
    )


def _text(text: str) -> bytes:
    return bytes([0xA0 | len(text)]) + text.encode("ascii") if len(text) < 32 else b""


def _uint32(value: int) -> bytes:
    return b"\xce" + value.to_bytes(4, "big")


_WITNESS: Final = b"\x81" + _text("Witness")
