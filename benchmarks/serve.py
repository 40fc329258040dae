"""``python -m benchmarks.serve [--json]``: cached figures at a constant rate of requests.

The read API over the sample day is asked as dashboards ask it: a mix of routes, compressed, and
now and then with an ETag it gave before. Requests are due at a constant rate, and latencies count
from when they are due (`benchmarks.open_loop`). The floor runs in the same minute with the same
requests: granian giving the same bytes. A second run asks as fast as answers come. Client and
server share the machine.
"""

import argparse
import pickle
import random
import tempfile
from pathlib import Path
from typing import Any, Final

import httpx
import uvloop

from benchmarks.machine import free_port, print_json, server
from benchmarks.open_loop import Load, ask_at_rate

DAY: Final = "2026-11-21"
#: route → how often of a hundred it is asked for
MIX: Final = {
    "/api/v1/platform": 10,
    "/api/v1/platform/figures": 14,
    "/api/v1/days": 8,
    "/api/v1/concurrency": 6,
    "/api/v1/videos?limit=20": 10,
    "/api/v1/videos/video-0000": 10,
    "/api/v1/videos/video-0001": 6,
    "/api/v1/videos/video-0000/retention": 8,
    "/api/v1/creators": 4,
    "/api/v1/creators/creator-000": 4,
    "/api/v1/regions": 4,
    "/api/v1/storage-providers/ipfs": 4,
    "/api/v1/budget": 4,
    "/api/v1/figures?scope=video&metric=viewers": 4,
    f"/api/v1/days/{DAY}/revisions/1/proof?scope=platform&metric=viewers": 4,
}
#: of a hundred requests, those that send the ETag they got before
KNOWN: Final = 20
WARM_UP_SECONDS: Final = 2


def read_answers(port: int) -> dict[bytes, tuple[list[tuple[bytes, bytes]], bytes]]:
    """What the API answers to each route of the mix, as the floor will give it."""
    answers = {}
    with httpx.Client(base_url=f"http://127.0.0.1:{port}", verify=False) as client:
        for path in MIX:
            with client.stream("GET", path, headers={"accept-encoding": "gzip"}) as response:
                if response.status_code != 200:
                    raise RuntimeError(f"{path} answered {response.status_code}")
                body = b"".join(response.iter_raw())
                answers[path.encode()] = (list(response.headers.raw), body)
    return answers


def build_requests(
    count: int, answers: dict[bytes, tuple[list[tuple[bytes, bytes]], bytes]], seed: int = 7
) -> list[bytes]:
    """Requests of the mix in a fixed random order."""
    chance = random.Random(seed)
    chosen = chance.choices(list(MIX), list(MIX.values()), k=count)
    requests = []
    for path in chosen:
        head = f"GET {path} HTTP/1.1\r\nhost: localhost\r\naccept-encoding: gzip, br\r\n".encode()
        if chance.randrange(100) < KNOWN:
            etag = dict(answers[path.encode()][0])[b"etag"]
            head += b"if-none-match: " + etag + b"\r\n"
        requests.append(head + b"\r\n")
    return requests


def measure(prefix: str, port: int, requests: list[bytes], options: argparse.Namespace) -> Any:
    """Figures of one server: at the rate, then as fast as it answers."""
    warm = requests[: options.rate * WARM_UP_SECONDS]
    uvloop.run(ask_at_rate(port, warm, options.rate, options.connections))
    steady = uvloop.run(ask_at_rate(port, requests, options.rate, options.connections))
    most = uvloop.run(ask_at_rate(port, requests, 0, options.connections))
    return {
        f"{prefix}requests_per_second": round(len(requests) / steady.seconds),
        **{f"{prefix}p{p}_ms": _quantile_ms(steady, p / 100) for p in (50, 95, 99)},
        f"{prefix}longest_ms": _quantile_ms(steady, 1.0),
        f"{prefix}mib_per_second": round(steady.received_bytes / steady.seconds / 2**20, 1),
        f"{prefix}most_requests_per_second": round(len(requests) / most.seconds),
    }


def _quantile_ms(load: Load, share: float) -> float:
    ordered = sorted(load.latencies)
    return round(ordered[min(len(ordered) - 1, int(share * len(ordered)))] * 1000, 2)


def run(options: argparse.Namespace) -> dict[str, Any]:
    """Both servers, one after the other."""
    count = options.rate * options.seconds
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "answers.pickle"
        port = free_port()
        with server(["-m", "benchmarks.serve_apps", "api", str(port), "-"], {}, port) as memory:
            answers = read_answers(port)
            requests = build_requests(count, answers)
            figures = measure("", port, requests, options)
            figures["peak_mib"] = memory.read()
        file.write_bytes(pickle.dumps(answers))
        port = free_port()
        with server(["-m", "benchmarks.serve_apps", "bare", str(port), str(file)], {}, port):
            figures |= measure("bare_", port, requests, options)
    most, bare = figures["most_requests_per_second"], figures["bare_most_requests_per_second"]
    return {
        "offered_requests_per_second": options.rate,
        **figures,
        "p99_to_bare_ratio": round(figures["p99_ms"] / figures["bare_p99_ms"], 2),
        "most_to_bare_ratio": round(most / bare, 2),
    }


def main() -> None:
    """Print a table, or JSON."""
    parser = argparse.ArgumentParser(description=__doc__, prog="python -m benchmarks.serve")
    parser.add_argument("--rate", type=int, default=1000, help="requests due a second")
    parser.add_argument("--seconds", type=int, default=20)
    parser.add_argument("--connections", type=int, default=64)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    figures = run(options)
    if options.json:
        print_json(figures)
        return
    for name, value in figures.items():
        print(f"{name:32}{value:>10,}")


if __name__ == "__main__":
    main()
