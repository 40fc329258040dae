"""Spec pages: their examples are what the code makes, and the commands in them work."""

import re
import subprocess
import sys

import pytest

from analytics_pipeline.core import canonical
from analytics_pipeline.core.accounting import published_epsilon
from analytics_pipeline.core.policy import DEFAULT_POLICY
from analytics_pipeline.core.record import ReleaseRecord
from analytics_pipeline.core.report import parse_report
from analytics_pipeline.core.verify import CHECK_NAMES, verify_bundle
from analytics_pipeline.core.verify_errors import VerificationFailed
from tests.support.spec_examples import BUNDLE, PAGES, ROOT, WORLD, with_example
from tests.support.world import DAYS


@pytest.mark.parametrize("page", PAGES)
def test_examples_are_current(page: str) -> None:
    """The page's example equals the generated one (`python -m tests.support.spec_examples`)."""
    text = (ROOT / page).read_text()
    assert with_example(text, PAGES[page]()) == text


def test_a_row_can_be_checked_with_sha256sum() -> None:
    """The shell block of docs/verify.md, run as printed, prints the example's report root."""
    block = re.search(r"```bash\n(ROW=.*?)```", (ROOT / "docs/verify.md").read_text(), re.DOTALL)
    assert block is not None
    printed = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", block[1]], capture_output=True, text=True, check=True
    )
    root = parse_report(BUNDLE["report.json"]).root
    assert printed.stdout.strip() == canonical.hash_text(root)


def test_the_figure_sum_can_be_computed_in_plain_python() -> None:
    """The program of spec/proof.md, run as printed, prints the figure sum on record."""
    program = re.search(r"```python\n(.*?)```", (ROOT / "spec/proof.md").read_text(), re.DOTALL)
    assert program is not None
    command = [sys.executable, "-I", "-S", "-c", program[1]]
    printed = subprocess.run(command, capture_output=True, text=True, check=True)
    release = WORLD.records[-1]
    assert isinstance(release, ReleaseRecord)
    assert printed.stdout.strip() == canonical.hash_text(release.figure_sum)


def test_the_released_example_verifies() -> None:
    """What the pages show is a release like any other; only its proof is a stand-in."""
    assert verify_bundle(WORLD.folder(DAYS[0], 1), terms=WORLD.terms)


def test_every_check_and_error_is_documented() -> None:
    """docs/verify.md has a section for each numbered check and a line for each named error."""
    text = (ROOT / "docs/verify.md").read_text()
    for number, name in enumerate(CHECK_NAMES):
        assert f"| {number} | {name} |" in text
    for error in VerificationFailed.__subclasses__():
        assert f"`{error.__name__}`" in text


def test_every_query_has_its_proof_sketch() -> None:
    """docs/privacy.md has a line for each query, with its share and Δ₂², and every ε."""
    text = (ROOT / "docs/privacy.md").read_text()
    total = DEFAULT_POLICY.rho_nano_per_release
    for query in DEFAULT_POLICY.queries:
        [line] = [line for line in text.splitlines() if line.startswith(f"| `{query.name}` |")]
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        assert len(cells) == 5
        assert cells[1] == f"{query.rho_nano * 100 // total} %"
        assert cells[3] == str(query.sensitivity_squared)
    assert text.count("\n| `") == len(DEFAULT_POLICY.queries)
    epsilon = DEFAULT_POLICY.to_json()["epsilon"]
    assert all(f" {value} |" in text.replace("*", "") for value in epsilon.values())
    week = published_epsilon(DEFAULT_POLICY.by_row["platform", "first_of_week"].rho_nano)
    assert f"(ε {week})" in text
