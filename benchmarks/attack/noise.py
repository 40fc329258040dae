"""The noise of many releases, by the real sampler: a fresh seed and a fresh nonce for each.

Noise does not depend on data, so releases of any day are its tally plus one row of each array.
Releases without the viewer and with her get noise of their own. Belongs here: drawing. What the
seeds are derived from is public here, so that a figure can be reproduced; a deployment's are not.
"""

import hashlib
import math
import multiprocessing
import os
from collections.abc import Iterator, Mapping
from concurrent.futures import Executor, ProcessPoolExecutor, as_completed
from typing import Final

import numpy as np
import numpy.typing as npt

from analytics_pipeline.core.field import MODULUS
from analytics_pipeline.core.policy import Policy
from analytics_pipeline.core.sampler import Seed, draw_vector
from benchmarks.machine import say

#: Query → (release, figure) → noise, as values count. (Averages of noise are no integers.)
Noise = Mapping[str, npt.NDArray[np.float64]]
_CHUNK: Final = 100
_REPORTS: Final = 4


def workers() -> ProcessPoolExecutor:
    """A process for every core. (Forks of a process with DuckDB's threads would not be safe.)"""
    return ProcessPoolExecutor(os.cpu_count(), multiprocessing.get_context("spawn"))


def draw(
    pool: Executor, policy: Policy, figures: Mapping[str, int], runs: int, label: str
) -> Noise:
    """The first figures of each query of so many releases.

    Args:
        pool: to draw in; see `workers`.
        policy: whose queries are drawn, under their numbers.
        figures: query → how many of its vector's figures. Queries that it lacks are not drawn.
        label: other labels, other seeds and nonces.
    """
    starts = range(0, runs, _CHUNK)
    parts: dict[int, Noise] = {}
    futures = {
        pool.submit(_draw, policy, dict(figures), range(s, min(runs, s + _CHUNK)), label): s
        for s in starts
    }
    for done, future in enumerate(as_completed(futures), start=1):
        parts[futures[future]] = future.result()
        if done % math.ceil(len(starts) / _REPORTS) == 0:
            say(f"noise of {min(runs, done * _CHUNK):,} of {runs:,} releases ({label})")
    return {name: np.concatenate([parts[start][name] for start in starts]) for name in figures}


def _draw(policy: Policy, figures: Mapping[str, int], runs: range, label: str) -> Noise:
    drawn: dict[str, list[list[int]]] = {name: [] for name in figures}
    for run in runs:
        seed, salt, nonce = elements(f"{label}/{run}")
        for number, query in enumerate(policy.queries):
            if query.name in figures:
                vector = draw_vector(Seed(seed, salt), nonce, number, query, figures[query.name])
                drawn[query.name].append(vector)
    return {name: np.array(vectors, np.float64) for name, vectors in drawn.items()}


def elements(label: str) -> Iterator[int]:
    """Three field elements of a label."""
    for part in ("seed", "salt", "nonce"):
        yield int.from_bytes(hashlib.sha512(f"{label}/{part}".encode()).digest(), "big") % MODULUS
