"""The one sampler: all noise of a release follows from its seed and its nonce.

    block k of query q   Poseidon2 of (seed, nonce, q·2³² + k, label): three outputs, the words
    word                 digits of three figures (unit 1), or of two and a dither for each
    digit                its place n in the query's table (`core.gaussian`)
    noise of a figure    unit·(n − L) + dither − unit div 2

Whoever knows seed and nonce can compute the noise, so the seed is as secret as the exact figures.
It is committed to before the nonce can be known: nobody chose the noise. Release and proof both
draw here, so they cannot differ. Belongs here: drawing. Does not belong here: adding it to figures
(`release.noise`), proving it (`proving/`).
"""

import functools
from bisect import bisect_right
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from analytics_pipeline.core.errors import InvalidInput, NoiseOutOfRange
from analytics_pipeline.core.field import MODULUS
from analytics_pipeline.core.gaussian import table_half_width, thresholds
from analytics_pipeline.core.listing import Listing
from analytics_pipeline.core.policy import Policy, Query
from analytics_pipeline.core.poseidon2 import State, label_element, permute

NOISE_LABEL: Final = "viewership/noise/1"
SEED_LABEL: Final = "viewership/seed/1"
#: Words of a block: the permutation's outputs without its capacity.
BLOCK_WORDS: Final = 3
_DIGIT: Final = 1 << 84
_BLOCKS_BITS: Final = 32
_SEED_BYTES: Final = 64


@dataclass(frozen=True)
class Seed:
    """A platform's secret for one day. One seed serves all revisions: their nonces differ."""

    value: int = field(repr=False)
    salt: int = field(repr=False)

    def __post_init__(self) -> None:
        if not (0 <= self.value < MODULUS and 0 <= self.salt < MODULUS):
            raise InvalidInput("seed", "must be two field elements")

    @classmethod
    def generate(cls, randbelow: Callable[[int], int]) -> "Seed":
        """A fresh seed from a cryptographic source, e.g. `secrets.randbelow`."""
        return cls(randbelow(MODULUS), randbelow(MODULUS))

    @functools.cached_property
    def commitment(self) -> int:
        """What stands on chain before the day's beacon exists."""
        return permute((self.value, self.salt, 0, label_element(SEED_LABEL)))[0]

    def to_bytes(self) -> bytes:
        """Seed and salt, 32 bytes each: secret."""
        return self.value.to_bytes(32, "big") + self.salt.to_bytes(32, "big")

    @classmethod
    def from_bytes(cls, data: bytes) -> "Seed":
        """Inverse of `to_bytes`. Raises InvalidInput."""
        if len(data) != _SEED_BYTES:
            raise InvalidInput("seed", f"must be {_SEED_BYTES} bytes")
        return cls(int.from_bytes(data[:32], "big"), int.from_bytes(data[32:], "big"))


@dataclass(frozen=True)
class WordFormat:
    """How a word is read: word = Σ digit·weight + Σ dither·weight, first figure first.

    ``dither_weights`` is empty for unit 1, which has no dither.
    """

    digit_ranges: tuple[int, ...]
    digit_weights: tuple[int, ...]
    dither_weights: tuple[int, ...]

    @property
    def figures(self) -> int:
        """How many figures a word serves."""
        return len(self.digit_ranges)


@dataclass(frozen=True, repr=False)
class Drawn:
    """Everything drawn for a query, for whole blocks: secret.

    ``states`` has an entry for every block; ``digits``, ``places`` and ``dithers`` one for every
    figure the blocks have room for, in the figures' order (dithers of unit 1 are 0).
    """

    states: list[State]
    digits: list[int]
    places: list[int]
    dithers: list[int]


def half_width(query: Query) -> int:
    """L of the query's table: the largest noise, in units."""
    return table_half_width(query.sigma_thousandths)


@functools.cache
def word_format(unit: int) -> WordFormat:
    """(d₀·2⁸⁴ + d₁)·2⁸⁴ + d₂ for unit 1, ((d₀·2⁸⁴ + d₁)·unit + u₀)·unit + u₁ for coarser ones."""
    if unit == 1:
        digit_weights, dither_weights = [_DIGIT**2, _DIGIT, 1], []
    else:
        digit_weights, dither_weights = [_DIGIT * unit**2, unit**2], [unit, 1]
    first = MODULUS // digit_weights[0]
    ranges = [first, *[_DIGIT] * (len(digit_weights) - 1)]
    return WordFormat(tuple(ranges), tuple(digit_weights), tuple(dither_weights))


def block_count(query: Query, figures: int) -> int:
    """Blocks that a vector of figures needs."""
    return -(-figures // (BLOCK_WORDS * word_format(query.unit).figures))


def block_input(number: int, block: int) -> int:
    """The third input of a block's permutation: query number and block number."""
    return (number << _BLOCKS_BITS) + block


def draw_words(seed: int, nonce: int, number: int, query: Query, blocks: int) -> Drawn:
    """Draw whole blocks for a query.

    Args:
        seed: `Seed.value`.
        nonce: of the release.
        number: the query's position in its policy.
        query: whose unit and σ to draw with.
        blocks: how many; a longer vector begins with the noise of a shorter one.
    Raises:
        NoiseOutOfRange: a word's first digit is beyond its range, by a chance below 2⁻⁸⁰.
    """
    shape = word_format(query.unit)
    tables = [thresholds(query.sigma_thousandths, r) for r in shape.digit_ranges]
    label = label_element(NOISE_LABEL)
    states = [permute((seed, nonce, block_input(number, block), label)) for block in range(blocks)]
    digits: list[int] = []
    places: list[int] = []
    dithers: list[int] = []
    for state in states:
        for word in state[:BLOCK_WORDS]:
            rest = word
            for weight, limit, table in zip(
                shape.digit_weights, shape.digit_ranges, tables, strict=True
            ):
                digit, rest = divmod(rest, weight)
                if digit >= limit:
                    raise NoiseOutOfRange(f"{query.name}: a noise word, commit the next revision")
                digits.append(digit)
                places.append(bisect_right(table, digit) - 1)
            for weight in shape.dither_weights:
                dither, rest = divmod(rest, weight)
                dithers.append(dither)
    return Drawn(states, digits, places, dithers or [0] * len(digits))


def noise_of(query: Query, drawn: Drawn, figures: int) -> list[int]:
    """unit·(n − L) + dither − unit div 2 for the first figures, as values count."""
    shift = query.unit * half_width(query) + query.unit // 2
    return [
        query.unit * place + dither - shift
        for place, dither in zip(drawn.places[:figures], drawn.dithers, strict=False)
    ]


def draw_vector(seed: Seed, nonce: int, number: int, query: Query, figures: int) -> list[int]:
    """The noise of a query's first figures. Raises NoiseOutOfRange."""
    drawn = draw_words(seed.value, nonce, number, query, block_count(query, figures))
    return noise_of(query, drawn, figures)


def figure_names(query: Query, policy: Policy, listing: Listing) -> list[tuple[str, str, str]]:
    """(scope, key, metric) of each figure of a query's vector: keys in slot order, and for each
    key the metrics in order."""
    keys: dict[str, tuple[str, ...]] = {
        "video": listing.video_ids,
        "creator": listing.creator_ids,
        "region": policy.regions,
        "provider": policy.providers,
        "platform": ("",),
    }
    return [(query.scope, key, metric) for key in keys[query.scope] for metric in query.metrics]


def draw_noise(
    seed: Seed, nonce: int, policy: Policy, listing: Listing
) -> dict[tuple[str, str, str], int]:
    """The noise of every figure of a release: (scope, key, metric) → integer.

    Raises:
        InvalidInput: the nonce is no field element.
        NoiseOutOfRange: by a chance below 2⁻⁸⁰ a word.
    """
    if not 0 <= nonce < MODULUS:
        raise InvalidInput("nonce", "must be a field element")
    noise: dict[tuple[str, str, str], int] = {}
    for number, query in enumerate(policy.queries):
        names = figure_names(query, policy, listing)
        vector = draw_vector(seed, nonce, number, query, len(names))
        noise.update(zip(names, vector, strict=True))
    return noise
