"""Gas of every call to our contracts, measured on the embedded EVM.

    python -m benchmarks.chain [--json]

Belongs here: measuring. The figures, and what they mean, are in docs/chain.md (a test compares).
What a proof costs is measured by `benchmarks.proof`.
"""

import argparse
import json
import time
from dataclasses import asdict, dataclass, replace
from datetime import date, timedelta
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory

from analytics_pipeline.chain.abi import registry_abi
from analytics_pipeline.chain.client import open_publisher
from analytics_pipeline.chain.deploy import deploy_report_checker
from analytics_pipeline.chain.embedded import EmbeddedChain, development_account
from analytics_pipeline.chain.interface import Call
from analytics_pipeline.chain.publisher import Publisher
from analytics_pipeline.chain.report_check import ReportChecker
from analytics_pipeline.core.chain_values import cid_text
from analytics_pipeline.core.field import MODULUS, to_bytes32
from analytics_pipeline.core.merkle import inclusion_proof, root
from analytics_pipeline.core.policy import RETENTION_BINS
from analytics_pipeline.core.record import Commit, Release
from analytics_pipeline.core.report import ReportHeader, ReportRow, build_report, parse_leaves
from analytics_pipeline.core.statement import Place, challenge, figure_sum, nonce

PLATFORM = "demo"
BATCH_DAYS = 30
ROWS = 1000
REPORT_ROWS = (30, 100)
_FIRST_DAY = date(2026, 1, 1)
_STEPS = ("seeds", "commit", "beacon", "release")


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


def _element(*parts: object) -> bytes:
    return to_bytes32(int.from_bytes(_bytes32(*parts), "big") % MODULUS)


def _cid(*parts: object) -> str:
    return cid_text(b"\x01\x55\x12\x20" + _bytes32(*parts))


def _bodies(first: int, count: int, revision: int) -> tuple[list[Commit], list[Release]]:
    commits, releases = [], []
    for offset in range(first, first + count):
        day, name = _FIRST_DAY + timedelta(days=offset), (offset, revision)
        elements = [_element("tally", *name), _element("catalogue", offset), _element(day)]
        commits.append(Commit(day, revision, _bytes32("m", *name), _bytes32("policy"), *elements))
        report, bundle = _cid("r", *name), _cid("b", *name)
        spend = 125_000_000
        figures = _element("figures", *name)
        releases.append(Release(day, revision, _bytes32(name), report, bundle, spend, figures))
    return commits, releases


def _turn(
    publisher: Publisher, name: str, first: int, count: int, revision: int
) -> list[Measurement]:
    """Seeds to release of some days; a correction has its day's seed already."""
    chain = publisher.registry.chain
    assert isinstance(chain, EmbeddedChain)
    commits, releases = _bodies(first, count, revision)
    measured = []
    for step in _STEPS[revision > 1 :]:
        started = time.perf_counter()
        if step == "seeds":
            publisher.commit_seeds(PLATFORM, {c.day: c.seed_commitment for c in commits})
        elif step == "commit":
            record = publisher.commit(PLATFORM, commits)[0]
        elif step == "beacon":
            publisher.beacon_of(record)
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
    return _call(publisher, f"verifyRow in {ROWS} rows", 1, publisher.registry.address, data)


def _call(publisher: Publisher, name: str, records: int, to: str, data: bytes) -> Measurement:
    started = time.perf_counter()
    gas = publisher.registry.chain.estimate_gas(Call(publisher.address, to, data))
    return Measurement(name, records, gas, (time.perf_counter() - started) * 1000)


def _report(rows: int) -> tuple[tuple[bytes, ...], list[ReportRow]]:
    """A report of `rows` rows, most of them retention bins as in real ones, all of them shown."""
    metrics = [*(f"furthest_bin_{bin:02d}" for bin in range(RETENTION_BINS)), "viewers"]
    names = [(f"clip-{i // len(metrics):04d}", metrics[i % len(metrics)]) for i in range(rows)]
    shown = [ReportRow("video", *name, 1_000 + i, 3.7, 7.3) for i, name in enumerate(names)]
    header = ReportHeader(PLATFORM, _FIRST_DAY, 1, bytes(32), bytes(32), 125_000_000, rows)
    return parse_leaves(build_report(header, shown)), shown


def _check_report(publisher: Publisher, checker: ReportChecker, rows: int, day: int) -> Measurement:
    leaves, shown = _report(rows)
    registry = publisher.registry
    (commit,), (release,) = _bodies(day, 1, 1)
    publisher.commit_seeds(PLATFORM, {commit.day: commit.seed_commitment})
    (record,) = publisher.commit(PLATFORM, [commit])
    place = Place(registry.chain.chain_id, registry.address, PLATFORM)
    x = challenge(nonce(place, commit, *publisher.beacon_of(record)), root(leaves))
    release = replace(
        release, report_root=root(leaves), figure_sum=to_bytes32(figure_sum(shown, x))
    )
    (released,) = publisher.release(PLATFORM, [release])
    evidence = registry.read_evidence(PLATFORM)
    assert checker.matches(evidence, released, leaves)
    data = checker.calldata("matches", evidence, released, leaves)
    return _call(publisher, f"report of {rows} rows, whole", rows, checker.address, data)


def measure() -> list[Measurement]:
    """All measurements, on a fresh chain."""
    with TemporaryDirectory() as folder:
        path = Path(folder)
        publisher = open_publisher(path / "chain.sqlite", PLATFORM, path / "outbox.sqlite")
        registry, chain = publisher.registry, publisher.registry.chain
        assert isinstance(chain, EmbeddedChain)
        result = [
            Measurement("deploy the registry", 1, chain.gas_used(1), 0.0),
            Measurement("open a platform", 1, chain.gas_used(2), 0.0),
        ]
        _turn(publisher, "warm-up", 0, 1, 1)
        result += _turn(publisher, "one day", 1, 1, 1)
        result += _turn(publisher, "correction", 1, 1, 2)
        result += _turn(publisher, f"batch of {BATCH_DAYS} days", 2, BATCH_DAYS, 1)
        result.append(_verify_row(publisher))
        address = deploy_report_checker(chain, development_account(), registry)
        gas = chain.gas_used(chain.block_number())
        result.append(Measurement("deploy the report checker", 1, gas, 0.0))
        checker = ReportChecker(chain, address)
        for day, rows in enumerate(REPORT_ROWS, start=2 + BATCH_DAYS):
            result.append(_check_report(publisher, checker, rows, day))
        chain.close()
    return result


def markdown(measurements: list[Measurement]) -> str:
    """The table of docs/chain.md."""
    lines = ["| Operation | Gas | Gas a record (a row) |", "|---|---:|---:|"]
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
