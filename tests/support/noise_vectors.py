"""Vectors of the noise rule for other languages: `tests/vectors/noise.json`.

`python -m tests.support.noise_vectors` writes the file; a test fails when it is stale. Elements and
digits are hexadecimal text (they exceed what JSON's numbers hold exactly).
"""

import hashlib
import json
from pathlib import Path
from typing import Any, Final

from analytics_pipeline.core.field import to_bytes32
from analytics_pipeline.core.gaussian import table_half_width, thresholds
from analytics_pipeline.core.policy import DEFAULT_POLICY, Query
from analytics_pipeline.core.poseidon2 import permute
from analytics_pipeline.core.sampler import (
    BLOCK_WORDS,
    Seed,
    block_input,
    draw_words,
    noise_of,
    word_format,
)

FILE: Final = Path(__file__).parents[1] / "vectors" / "noise.json"
SEED: Final = Seed(0x5EED << 200, 0x5A17 << 200)
NONCE: Final = 0xBEAC << 200
#: Two whole blocks of every query.
BLOCKS: Final = 2


def build() -> dict[str, Any]:
    queries = list(enumerate(DEFAULT_POLICY.queries))
    tables = {
        (query.sigma_thousandths, digit_range)
        for _, query in queries
        for digit_range in word_format(query.unit).digit_ranges
    }
    return {
        "format": "viewership-noise-vectors/1",
        "permutation": {
            "input": [hex(element) for element in range(4)],
            "output": [hex(element) for element in permute((0, 1, 2, 3))],
        },
        "seed": {
            "value": hex(SEED.value),
            "salt": hex(SEED.salt),
            "commitment": hex(SEED.commitment),
        },
        "nonce": hex(NONCE),
        "queries": [_query(number, query) for number, query in queries],
        "tables": [_table(*table) for table in sorted(tables)],
    }


def _query(number: int, query: Query) -> dict[str, Any]:
    drawn = draw_words(SEED.value, NONCE, number, query, BLOCKS)
    figures = word_format(query.unit).figures
    return {
        "name": query.name,
        "number": number,
        "unit": query.unit,
        "sigma_thousandths": query.sigma_thousandths,
        "blocks": [
            {
                "input": hex(block_input(number, block)),
                "words": [hex(word) for word in state[:BLOCK_WORDS]],
            }
            for block, state in enumerate(drawn.states)
        ],
        "digits": [hex(digit) for digit in drawn.digits],
        "places": drawn.places,
        "dithers": drawn.dithers,
        "noise": noise_of(query, drawn, BLOCKS * BLOCK_WORDS * figures),
    }


def _table(sigma_thousandths: int, digit_range: int) -> dict[str, Any]:
    steps = thresholds(sigma_thousandths, digit_range)
    return {
        "sigma_thousandths": sigma_thousandths,
        "digit_range": hex(digit_range),
        "half_width": table_half_width(sigma_thousandths),
        "first_thresholds": [hex(step) for step in steps[:4]],
        "middle_threshold": hex(steps[len(steps) // 2]),
        "sha256_of_thresholds": hashlib.sha256(b"".join(map(to_bytes32, steps))).hexdigest(),
    }


def text() -> str:
    return json.dumps(build(), indent=1) + "\n"


if __name__ == "__main__":
    FILE.parent.mkdir(exist_ok=True)
    FILE.write_text(text())
