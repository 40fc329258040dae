"""``python -m benchmarks.ipfs [--json] [--mib N]``: how fast content becomes blocks and comes back.

Every figure stands beside its floor, measured in the same run over the same bytes: computing a CID
beside bare SHA-256, storing beside writing one file with fsync, reading beside reading that file.
Each is the best of five; MB are 10^6 bytes.
"""

import argparse
import hashlib
import json
import os
import random
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

from analytics_pipeline.core.unixfs import cid_of_bytes
from analytics_pipeline.storage.ipfs import EmbeddedStore

ROUNDS = 5


@dataclass(frozen=True)
class Result:
    """Throughput of one operation and of its floor, in megabytes per second."""

    name: str
    megabytes_per_second: float
    floor: str
    floor_megabytes_per_second: float

    @property
    def share(self) -> float:
        """What the operation keeps of its floor's speed."""
        return self.megabytes_per_second / self.floor_megabytes_per_second


def compare(
    name: str, work: Callable[[int], object], floor: str, floor_work: Callable[[int], object]
) -> Callable[[int], Result]:
    """Both in turn, round by round, so that other load on the machine meets both alike. The
    functions get the round's number; the result function the size in bytes."""
    fastest = {work: float("inf"), floor_work: float("inf")}
    for number in range(ROUNDS):
        for timed in fastest:
            started = time.perf_counter()
            timed(number)
            fastest[timed] = min(fastest[timed], time.perf_counter() - started)

    def result(size_bytes: int) -> Result:
        rates = [size_bytes / fastest[timed] / 1e6 for timed in (work, floor_work)]
        return Result(name, rates[0], floor, rates[1])

    return result


def run(size_mib: int, folder: Path) -> list[Result]:
    """All measurements, in fresh stores under `folder`."""
    size = size_mib * 1024 * 1024
    data = random.Random(1).randbytes(size)
    cid = cid_of_bytes(data)
    stores = [EmbeddedStore(folder / f"store-{number}") for number in range(ROUNDS)]
    plain = [folder / f"plain-{number}" for number in range(ROUNDS)]

    def write_plain(number: int) -> None:
        with plain[number].open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())

    def read_plain(number: int) -> bytes:
        return hashlib.sha256(plain[number].read_bytes()).digest()

    comparisons = [
        compare(
            "compute a CID",
            lambda _: cid_of_bytes(data),
            "SHA-256",
            lambda _: hashlib.sha256(data).digest(),
        ),
        compare(
            "store and pin",
            lambda number: stores[number].add(data),
            "write one file, fsync",
            write_plain,
        ),
        compare(
            "read and verify",
            lambda number: stores[number].get(cid),
            "read one file, SHA-256",
            read_plain,
        ),
    ]
    return [comparison(size) for comparison in comparisons]


def main() -> None:
    """Parse arguments, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    parser.add_argument("--mib", type=int, default=64, help="size of the content")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        results = run(arguments.mib, Path(folder))
    if arguments.json:
        print(json.dumps([{**asdict(result), "share": result.share} for result in results]))
        return
    for result in results:
        print(
            f"{result.name:16} {result.megabytes_per_second:8.0f} MB/s"
            f"   {result.floor}: {result.floor_megabytes_per_second:.0f} MB/s"
            f"   {result.share:.0%} of it"
        )


if __name__ == "__main__":
    main()
