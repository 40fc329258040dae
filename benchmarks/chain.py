"""Gas of every call to the registry, measured on the embedded EVM.

    python -m benchmarks.chain [--json]

Belongs here: measuring. The figures, and what they mean, are in docs/chain.md (a test compares).
"""

import argparse
import json
import time
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory

from analytics_pipeline.chain.abi import registry_abi
from analytics_pipeline.chain.client import open_publisher
from analytics_pipeline.chain.embedded import EmbeddedChain
from analytics_pipeline.chain.interface import Call
from analytics_pipeline.chain.publisher import Publisher
from analytics_pipeline.core.chain_values import cid_text
from analytics_pipeline.core.merkle import inclusion_proof, root
from analytics_pipeline.core.record import Commit, Release

PLATFORM = "demo"
BATCH_DAYS = 30
ROWS = 1000
_FIRST_DAY = date(2026, 1, 1)


@dataclass(frozen=True)
class Measurement:
    """Gas and wall-clock milliseconds of one transaction (or call)."""

    operation: str
    records: int
    gas: int
    milliseconds: float

    @property
    def gas_per_record(self) -> int:
        return self.gas // self.records


def _bytes32(*parts: object) -> bytes:
    return sha256(repr(parts).encode()).digest()


def _cid(*parts: object) -> str:
    return cid_text(b"\x01\x55\x12\x20" + _bytes32(*parts))


def _bodies(first: int, count: int, revision: int) -> tuple[list[Commit], list[Release]]:
    commits, releases = [], []
    for offset in range(first, first + count):
        day, name = _FIRST_DAY + timedelta(days=offset), (offset, revision)
        commits.append(Commit(day, revision, _bytes32("m", *name), _bytes32("policy")))
        report, bundle = _cid("r", *name), _cid("b", *name)
        spend = 125_000_000
        releases.append(Release(day, revision, _bytes32(name), report, bundle, spend))
    return commits, releases


def _turn(
    publisher: Publisher, name: str, first: int, count: int, revision: int
) -> list[Measurement]:
    chain = publisher.registry.chain
    assert isinstance(chain, EmbeddedChain)
    commits, releases = _bodies(first, count, revision)
    measured = []
    for step in ("commit", "release"):
        started = time.perf_counter()
        if step == "commit":
            publisher.commit(PLATFORM, commits)
        else:
            publisher.release(PLATFORM, releases)
        elapsed = (time.perf_counter() - started) * 1000
        gas = chain.gas_used(chain.block_number())
        measured.append(Measurement(f"{name}: {step}", count, gas, elapsed))
    return measured


def _verify_row(publisher: Publisher) -> Measurement:
    rows = [f'{{"row":{index}}}'.encode() for index in range(ROWS)]
    row = (rows[7], 7, ROWS, inclusion_proof(rows, 7))
    data = registry_abi().calldata("verifyRow", root(rows), row)
    registry = publisher.registry
    started = time.perf_counter()
    gas = registry.chain.estimate_gas(Call(publisher.address, registry.address, data))
    elapsed = (time.perf_counter() - started) * 1000
    return Measurement(f"verifyRow in {ROWS} rows", 1, gas, elapsed)


def measure() -> list[Measurement]:
    """All measurements, on a fresh chain."""
    with TemporaryDirectory() as folder:
        path = Path(folder)
        publisher = open_publisher(path / "chain.sqlite", PLATFORM, path / "outbox.sqlite")
        chain = publisher.registry.chain
        assert isinstance(chain, EmbeddedChain)
        result = [
            Measurement("deploy", 1, chain.gas_used(1), 0.0),
            Measurement("open a platform", 1, chain.gas_used(2), 0.0),
        ]
        _turn(publisher, "warm-up", 0, 1, 1)
        result += _turn(publisher, "one day", 1, 1, 1)
        result += _turn(publisher, "correction", 1, 1, 2)
        result += _turn(publisher, f"batch of {BATCH_DAYS} days", 2, BATCH_DAYS, 1)
        result.append(_verify_row(publisher))
        chain.close()
    return result


def markdown(measurements: list[Measurement]) -> str:
    """The table of docs/chain.md."""
    lines = ["| Operation | Gas | Gas a record |", "|---|---:|---:|"]
    lines += [f"| {m.operation} | {m.gas:,} | {m.gas_per_record:,} |" for m in measurements]
    return "\n".join(lines)


def main() -> None:
    """Print the table, or JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="machine-readable output")
    measurements = measure()
    if parser.parse_args().json:
        print(json.dumps([asdict(m) for m in measurements], indent=1))
    else:
        print(markdown(measurements))


if __name__ == "__main__":
    main()
