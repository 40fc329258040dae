"""Native curve arithmetic answers as py-evm's own precompiled contracts do, whatever is asked."""

import random
import subprocess
import sys

import pytest
from eth.precompiles.ecadd import _ecadd
from eth.precompiles.ecmul import _ecmull
from eth.precompiles.ecpairing import _ecpairing
from eth_utils.exceptions import ValidationError
from hypothesis import given
from hypothesis import strategies as st
from py_ecc import optimized_bn128 as curve

from analytics_pipeline.chain import bn254
from analytics_pipeline.chain.embedded import EmbeddedChain, development_account
from analytics_pipeline.chain.interface import Call
from analytics_pipeline.core.errors import ChainError

pytestmark = pytest.mark.skipif(not bn254.available(), reason="mcl has no wheel for this machine")

words = st.one_of(
    st.integers(0, 2**256 - 1),
    st.sampled_from((0, 1, 2, bn254.ORDER - 1, bn254.ORDER, bn254.PRIME - 1, bn254.PRIME)),
)


def word(value: int) -> bytes:
    return int(value).to_bytes(32, "big")


def g1(factor: int) -> bytes:
    """A multiple of the generator, as the EVM writes it."""
    if factor % bn254.ORDER == 0:
        return bytes(64)
    x, y = curve.normalize(curve.multiply(curve.G1, factor % bn254.ORDER))
    return word(x.n) + word(y.n)


def g2(point: tuple) -> bytes:
    """A point of the twist, imaginary parts first."""
    x, y = curve.normalize(point)
    return b"".join(word(part) for c in (x, y) for part in (c.coeffs[1], c.coeffs[0]))


def outside_the_group() -> tuple:
    """A point of the twist whose order is not the group's."""
    for real in range(1, 100):
        x = curve.FQ2([real, 0])
        square = x * x * x + curve.b2
        a, b = (int(part) for part in square.coeffs)
        norm = pow(a * a + b * b, (bn254.PRIME + 1) // 4, bn254.PRIME)
        half = (a + norm) * pow(2, -1, bn254.PRIME) % bn254.PRIME
        root = pow(half, (bn254.PRIME + 1) // 4, bn254.PRIME)
        if root == 0:
            continue
        y = curve.FQ2([root, b * pow(2 * root, -1, bn254.PRIME) % bn254.PRIME])
        if y * y == square:
            return x, y, curve.FQ2.one()
    raise AssertionError("no point found")


@given(words, words, words)
def test_sums_and_multiples(a: int, b: int, scalar: int) -> None:
    """Of points; and of what is none, since most pairs of numbers are not."""
    for data in (g1(a) + g1(b), g1(a) + g1(a), word(a) + word(b) + g1(scalar), g1(a)[:40]):
        try:
            expected = b"".join(word(c.n) for c in _ecadd(data))
        except ValidationError:
            with pytest.raises(bn254.NotAPoint):
                bn254.add(data)
        else:
            assert bn254.add(data) == expected
    for data in (g1(a) + word(scalar), word(a) + word(b) + word(scalar), g1(a) + word(scalar)[:5]):
        try:
            expected = b"".join(word(c.n) for c in _ecmull(data))
        except ValidationError:
            with pytest.raises(bn254.NotAPoint):
                bn254.multiply(data)
        else:
            assert bn254.multiply(data) == expected


def test_pairings() -> None:
    """True and false products, points at infinity, and none at all."""
    source = random.Random(5)
    a, b = source.randrange(1, bn254.ORDER), source.randrange(1, bn254.ORDER)
    q = g2(curve.multiply(curve.G2, b))
    base = g2(curve.G2)
    cases = [
        g1(a) + q + g1(-a * b) + base,
        g1(a) + q + g1(-a * b + 1) + base,
        g1(a) + q,
        bytes(64) + q,
        g1(a) + bytes(128),
        bytes(192) * 2,
        b"",
    ]
    answers = [bn254.pairing(case) for case in cases]
    assert answers == [_ecpairing(case) for case in cases]
    assert answers == [True, False, False, True, True, True, True]


@pytest.mark.parametrize(
    "pair",
    [
        word(1) + word(1) + g2(curve.G2),
        word(bn254.PRIME) + word(2) + g2(curve.G2),
        g1(1) + b"\1" * 128,
        g1(1) + word(bn254.PRIME) + g2(curve.G2)[32:],
        g1(1) + g2(outside_the_group()),
        bytes(64) + g2(outside_the_group()),
    ],
    ids=["off the curve", "x too large", "off the twist", "twist x too large", "group", "both"],
)
def test_what_is_no_point_has_no_pairing(pair: bytes) -> None:
    """Outside the curve, the field or the group, even beside infinity."""
    with pytest.raises(bn254.NotAPoint):
        bn254.pairing(pair)
    with pytest.raises(ValidationError):
        _ecpairing(pair)


def test_the_embedded_chain_computes_with_them(chain: EmbeddedChain) -> None:
    """Through the EVM: the answer, the gas of the EIPs, and a failing call for what is no point."""
    sender = development_account().address
    pairs = g1(3) + g2(curve.G2) + g1(-3) + g2(curve.G2)
    for contract, data, answer, gas in (
        (6, g1(2) + g1(3), g1(5), 150),
        (7, g1(2) + word(3), g1(6), 6_000),
        (8, pairs, word(1), 45_000 + 2 * 34_000),
    ):
        call = Call(sender, "0x" + contract.to_bytes(20, "big").hex(), data)
        assert chain.call(call) == answer
        zeros = data.count(0)
        intrinsic = 21_000 + 4 * zeros + 16 * (len(data) - zeros)
        assert chain.estimate_gas(call) == intrinsic + gas
        with pytest.raises(ChainError):
            chain.call(Call(sender, call.to, b"\1" * 192))
    with pytest.raises(ChainError):
        chain.call(Call(sender, "0x" + (8).to_bytes(20, "big").hex(), b"\0"))


def test_without_mcl_the_chain_computes_in_python() -> None:
    """Slower, and with the same answers."""
    code = """
import sys, tempfile
from pathlib import Path
sys.modules["mclbn256"] = None
from analytics_pipeline.chain import bn254
from analytics_pipeline.chain.embedded import EmbeddedChain, development_account
from analytics_pipeline.chain.interface import Call
assert not bn254.available()
chain = EmbeddedChain(Path(tempfile.mkdtemp()) / "chain.sqlite")
one = (1).to_bytes(32, "big") + (2).to_bytes(32, "big")
print(chain.call(Call(development_account().address, "0x" + "00" * 19 + "06", one + one)).hex())
"""
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == g1(2).hex()
