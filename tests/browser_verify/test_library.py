"""The TypeScript verifier, run by Node over vectors that Python made; the sizes of its bundles."""

import gzip
import re
from pathlib import Path

import pytest

from tests.chain.node_tools import node_command, npm_command
from tests.dashboard.support import STATIC
from tests.dashboard.test_bundle import install_dashboard
from tests.sdk.support import run_in
from tests.support import verify_vectors

PAGE = Path(__file__).parents[2] / "docs" / "embed.md"
MAX_EMBED_GZIP_BYTES = 20_000


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of dashboard/ with its locked packages."""
    return install_dashboard(tmp_path_factory.mktemp("npm"))


@pytest.mark.node
def test_honest_figures_pass_and_every_lie_fails_its_step(installed: Path) -> None:
    """Formats, steps and servers; one test for each lie of the table."""
    run_in(installed, *npm_command(), "run", "check")
    run_in(installed, *node_command(), "test.mjs")
    output = run_in(
        installed, *node_command(), "--test", "build/", VECTORS=str(verify_vectors.FILE)
    )
    (passed,) = re.findall(r"^[#ℹ] pass (\d+)$", output, re.MULTILINE)
    lies = len(verify_vectors.LIES)
    assert int(passed) >= lies + 15, output
    assert re.search(r"^[#ℹ] fail 0$", output, re.MULTILINE), output


def test_the_embed_is_small() -> None:
    """A page pays less than its documentation says, all included."""
    size = len(gzip.compress((STATIC / "embed.js").read_bytes()))
    assert size < MAX_EMBED_GZIP_BYTES
    assert f"at most {MAX_EMBED_GZIP_BYTES // 1000} kB gzip" in PAGE.read_text("utf-8")


def test_the_verifier_is_fetched_when_it_is_needed() -> None:
    """The dashboard's first load has the badge's button and not the verifier behind it."""
    panels = list(STATIC.glob("assets/panel-*.js"))
    assert len(panels) == 1
    apps = [path.read_text("utf-8") for path in STATIC.glob("assets/app-*.js")]
    assert all("eth_getLogs" not in app for app in apps)
    assert "eth_getLogs" in panels[0].read_text("utf-8")
