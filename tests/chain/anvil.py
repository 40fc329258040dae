"""A real Ethereum node on this machine (Foundry's anvil), for tests marked ``node``."""

import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import requests
from eth_account import Account

# anvil's first two accounts; their keys are in its manual
OWNER = Account.from_key("0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80")
STRANGER = Account.from_key("0x59c6995e998f97a5a0044966f0945389dc9e86dae88c7a8412f4603b6b78690d")


def rpc(url: str, method: str, *params: Any) -> Any:
    """One raw JSON-RPC request."""
    body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": list(params)}
    answer = requests.post(url, json=body, timeout=30).json()
    assert "error" not in answer, answer
    return answer["result"]


@contextmanager
def running_anvil(contracts: Path, log: Path, *options: str) -> Iterator[str]:
    """URL of a fresh node that mines each transaction at once."""
    (binary,) = (contracts / "node_modules/@foundry-rs").glob("anvil-*/bin/anvil")
    command = [str(binary), "--port", "0", "--host", "127.0.0.1", *options]
    with log.open("w") as output:
        node = subprocess.Popen(command, stdout=output, stderr=output)
    try:
        yield _address_in(log)
    finally:
        node.kill()
        node.wait()


def _address_in(log: Path) -> str:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        for line in log.read_text().splitlines():
            if line.startswith("Listening on "):
                return f"http://{line.removeprefix('Listening on ').strip()}"
        time.sleep(0.05)
    raise AssertionError(log.read_text())
