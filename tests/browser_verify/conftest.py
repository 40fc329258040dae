"""The honest site, as a process."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from analytics_pipeline.cli.children import free_port


@pytest.fixture(scope="session")
def upstream(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Its URL, once all days are read and verified."""
    home = tmp_path_factory.mktemp("site")
    port, log = free_port(), home / "site.log"
    command = [sys.executable, "-m", "tests.browser_verify.site", str(home / "home"), str(port)]
    with log.open("wb") as sink:
        root = Path(__file__).parents[2]
        process = subprocess.Popen(command, cwd=root, env=os.environ, stdout=sink, stderr=sink)
    url = f"http://127.0.0.1:{port}"
    deadline = time.monotonic() + 120
    while True:
        try:
            days = httpx.get(f"{url}/api/v1/days").json()["data"]
            break
        except httpx.TransportError:
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < deadline, "the site does not come up"
            time.sleep(0.1)
    assert [day["verification"]["state"] for day in days] == ["verified"] * 3
    yield url
    process.terminate()
    process.wait(15)
