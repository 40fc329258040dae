"""Parts that circuits share: sums, differences, packing, the sponge.

Every function adds columns, their constraints and how their values follow, and returns columns.
Formulas in comments are over the field; a name of a column stands for its value on a row.
"""

from collections.abc import Iterator, Sequence
from typing import Final

from analytics_pipeline.core.field import MODULUS, inverse_all
from analytics_pipeline.core.poseidon2 import label_element, permute
from analytics_pipeline.proving.acir import Coefficient, Column, Program, Witness

#: Terms of one running-sum constraint: long enough that the running total costs little.
_SUM_TERMS: Final = 30

Terms = Sequence[tuple[Coefficient, Column]]


def linear(program: Program, terms: Terms, constant: Coefficient = 0) -> Column:
    """A new column equal to Σ coefficient·column + constant."""
    count = max(len(column) for _, column in terms)
    made = program.column(count)
    program.assert_zero(terms=[*terms, (-1, made)], constant=constant)

    def assign(witness: Witness) -> None:
        values = _spread(constant, count)
        for coefficient, column in terms:
            factors, given = _spread(coefficient, count), witness.list(column)
            given = given * count if len(given) == 1 else given
            values = [v + f * g for v, f, g in zip(values, factors, given, strict=True)]
        witness.set(made, [value % MODULUS for value in values])

    program.assign(assign)
    return made


def add_up(program: Program, parts: Sequence[Column]) -> Column:
    """The sum of all values of columns, by running totals."""
    chunks = [part[i : i + _SUM_TERMS] for part in parts for i in range(0, len(part), _SUM_TERMS)]
    totals = program.column(len(chunks))
    for position, chunk in enumerate(chunks):
        terms: list[tuple[Coefficient, Column]] = [(1, chunk[k]) for k in range(len(chunk))]
        if position:
            terms.append((1, totals[position - 1]))
        program.assert_zero(terms=[*terms, (-1, totals[position])])

    def assign(witness: Witness) -> None:
        total, values = 0, []
        for chunk in chunks:
            total = (total + sum(witness.list(chunk))) % MODULUS
            values.append(total)
        witness.set(totals, values)

    program.assign(assign)
    return totals[-1]


def sum_groups(program: Program, column: Column, size: int) -> Column:
    """Sums of each ``size`` neighbours: one value per group."""
    return linear(program, [(1, column[k::size]) for k in range(size)])


def fractions(
    program: Program,
    numerator: Terms,
    numerator_constant: int,
    base: Column,
    shift: Coefficient = 0,
) -> Column:
    """A new column h with h · (base − shift) = numerator: terms of a logarithmic derivative.

    A base of zero and a numerator that is not has no solution; both are zero with probability
    about rows / 2^253 over the challenge.
    """
    count = max([len(base), *(len(column) for _, column in numerator)])
    made = program.column(count)
    negated = _negated(shift)
    program.assert_zero(
        products=[(1, made, base)],
        terms=[*([] if shift == 0 else [(negated, made)]), *((-_int(f), c) for f, c in numerator)],
        constant=-numerator_constant,
    )

    def assign(witness: Witness) -> None:
        given = witness.list(base)
        bases = given * count if len(given) == 1 else given
        shifts = _spread(shift, count)
        inverses = inverse_all([(b - s) % MODULUS for b, s in zip(bases, shifts, strict=True)])
        values = [numerator_constant] * count
        for factor, column in numerator:
            values = [
                v + _int(factor) * g for v, g in zip(values, witness.list(column), strict=True)
            ]
        witness.set(made, [v * i % MODULUS for v, i in zip(values, inverses, strict=True)])

    program.assign(assign)
    return made


def pack(program: Program, fields: Sequence[tuple[Column, int]], per_element: int) -> Column:
    """Elements of ``per_element`` records each, least significant first.

    Args:
        fields: columns of a record and their widths in bits, least significant first; every
            column must be range-checked to its width elsewhere.
    """
    width = sum(bits for _, bits in fields)
    count = -(-len(fields[0][0]) // per_element)
    made = program.column(count)
    whole = len(fields[0][0]) // per_element
    for rows, first in ((whole, 0), (count - whole, whole)):
        if not rows:
            continue
        terms: list[tuple[Coefficient, Column]] = []
        for position in range(per_element):
            offset = width * position
            for column, bits in fields:
                part = column[first * per_element + position :: per_element][:rows]
                if len(part) == rows:
                    terms.append((1 << offset, part))
                offset += bits
        program.assert_zero(terms=[*terms, (-1, made[first : first + rows])])

    def assign(witness: Witness) -> None:
        given = [(witness.list(column), bits) for column, bits in fields]
        witness.set(made, pack_values(given, per_element))

    program.assign(assign)
    return made


def pack_values(fields: Sequence[tuple[Sequence[int], int]], per_element: int) -> list[int]:
    """What `pack` gives, for values instead of columns."""
    width = sum(bits for _, bits in fields)
    records, offset = list(fields[0][0]), fields[0][1]
    for values, bits in fields[1:]:
        records = [r + (v << offset) for r, v in zip(records, values, strict=True)]
        offset += bits
    elements = []
    for start in range(0, len(records), per_element):
        element = 0
        for record in reversed(records[start : start + per_element]):
            element = (element << width) + record
        elements.append(element)
    return elements


def hash_columns(program: Program, label: str, salt: Column, parts: Sequence[Column]) -> Column:
    """`core.poseidon2.hash_elements` over all elements of the parts, in order."""
    length = sum(len(part) for part in parts)
    rounds = -(-length // 3)
    states = [program.column(rounds + 1) for _ in range(4)]
    inputs = [program.column(rounds) for _ in range(3)]
    zero = program.constant(0)
    start = [salt, program.constant(length), zero, program.constant(label_element(label))]
    program.permute(start, [state[0] for state in states])
    for at, triple in _triples(parts):
        here = slice(at, at + max(len(column) for column in triple))
        for j in range(3):
            absorbed_here = [(1, triple[j])] if j < len(triple) else []
            program.assert_zero(terms=[(1, states[j][here]), *absorbed_here, (-1, inputs[j][here])])
    program.permute([*inputs, states[3][:-1]], [state[1:] for state in states])

    def assign(witness: Witness) -> None:
        elements = [value for part in parts for value in witness.list(part)]
        elements += [0] * (-len(elements) % 3)
        state = permute((witness.value(salt), length, 0, label_element(label)))
        outputs, absorbed = [state], []
        for i in range(0, len(elements), 3):
            mixed = tuple(
                (s + e) % MODULUS for s, e in zip(state, elements[i : i + 3], strict=False)
            )
            absorbed.append(mixed)
            state = permute((mixed[0], mixed[1], mixed[2], state[3]))
            outputs.append(state)
        for j in range(4):
            witness.set(states[j], [output[j] for output in outputs])
        for j in range(3):
            witness.set(inputs[j], [values[j] for values in absorbed])

    program.assign(assign)
    return states[0][-1]


def hash_pair(program: Program, label: str, first: Column, second: Column) -> Column:
    """First output of one permutation of (first, second, 0, label)."""
    outputs = [program.column() for _ in range(4)]
    program.permute(
        [first, second, program.constant(0), program.constant(label_element(label))], outputs
    )

    def assign(witness: Witness) -> None:
        state = permute((witness.value(first), witness.value(second), 0, label_element(label)))
        for output, value in zip(outputs, state, strict=True):
            witness.set(output, [value])

    program.assign(assign)
    return outputs[0]


def _triples(parts: Sequence[Column]) -> Iterator[tuple[int, list[Column]]]:
    """(first round, the three columns that it and the rounds after it absorb), as long as one part
    fills whole rounds; rounds that straddle parts come one by one, the last may be shorter."""
    at, waiting = 0, list[Column]()
    for part in parts:
        while waiting and len(waiting) < 3 and len(part):
            waiting.append(part[0])
            part = part[1:]
        if len(waiting) == 3:
            yield at, waiting
            at, waiting = at + 1, []
        rounds = len(part) // 3
        if rounds and not waiting:
            yield at, [part[j : 3 * rounds : 3] for j in range(3)]
            at, part = at + rounds, part[3 * rounds :]
        waiting += [part[i] for i in range(len(part))]
    if waiting:
        yield at, waiting


def _int(value: Coefficient) -> int:
    if not isinstance(value, int):
        raise TypeError("one coefficient for all rows")
    return value


def _negated(value: Coefficient) -> Coefficient:
    return -value if isinstance(value, int) else [-v for v in value]


def _spread(value: Coefficient, count: int) -> list[int]:
    return [value] * count if isinstance(value, int) else list(value)
