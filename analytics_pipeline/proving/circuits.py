"""The shapes that are published, and the circuits of a shape.

Every deployment proves in these shapes, so that one table of verification keys and verifier
contracts serves all (`artifacts`). Sizes: a row costs about 23 gates, a video 1,050, a creator 370.
"""

from dataclasses import dataclass
from functools import cache, cached_property
from typing import Final

from analytics_pipeline.core.circuits import MAIN, SHARD
from analytics_pipeline.core.policy import DEFAULT_POLICY, Policy
from analytics_pipeline.proving.acir_bytes import program_bytes
from analytics_pipeline.proving.circuit import MainCircuit, ShardCircuit
from analytics_pipeline.proving.shape import Shape, build_shape

#: name → (rows, videos, creators, shards, rows of a shard).
_SIZES: Final = {
    # What fits a quarter of a minute: the demo, a small platform.
    "small": (4_000, 64, 64, 0, 0),
    # A day of about 100,000 events.
    "medium": (25_000, 256, 128, 0, 0),
    # The largest day of one proof within 6 GB: about 450,000 events.
    "large": (100_000, 1_000, 250, 0, 0),
    # A million events in four proofs of like size, two at a time.
    "million": (24_000, 1_000, 250, 3, 66_000),
    # Four million events.
    "millions": (24_000, 1_000, 250, 13, 66_000),
}


def published_shapes(policy: Policy = DEFAULT_POLICY) -> dict[str, Shape]:
    """All shapes, by name."""
    return {
        name: build_shape(
            policy,
            rows=rows,
            videos=videos,
            creators=creators,
            shards=shards,
            shard_rows=shard_rows,
        )
        for name, (rows, videos, creators, shards, shard_rows) in _SIZES.items()
    }


@cache
def main_circuit(shape: Shape) -> MainCircuit:
    return MainCircuit(shape)


@cache
def shard_circuit(shape: Shape) -> ShardCircuit:
    return ShardCircuit(shape)


@dataclass(frozen=True)
class CircuitSource:
    """A circuit by name; its bytes are made when they are needed."""

    shape: Shape
    role: str

    @classmethod
    def main(cls, shape: Shape) -> "CircuitSource":
        return cls(shape, MAIN)

    @classmethod
    def shard(cls, shape: Shape) -> "CircuitSource":
        return cls(shape, SHARD)

    @property
    def name(self) -> str:
        """Names the circuit in documents and caches."""
        return self.shape.name if self.role == MAIN else self.shape.shard_name

    @cached_property
    def program(self) -> bytes:
        """As `bb` reads it; the same bytes every time."""
        circuit = main_circuit if self.role == MAIN else shard_circuit
        return program_bytes(circuit(self.shape).program)


def sources(shape: Shape) -> list[CircuitSource]:
    """The circuits of a shape: main, and that of its row shards if it has any."""
    shards = [CircuitSource.shard(shape)] if shape.shards else []
    return [CircuitSource.main(shape), *shards]
