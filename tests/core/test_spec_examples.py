"""Spec pages: their examples are what the code makes, and the commands in them work."""

import re
import subprocess

import pytest

from analytics_pipeline.core import canonical
from analytics_pipeline.core.report import parse_report
from tests.support.spec_examples import BUNDLE, PAGES, ROOT, with_example


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


def test_every_check_and_error_is_documented() -> None:
    """docs/verify.md has a section for each numbered check and a line for each named error."""
    from analytics_pipeline.core.verify import CHECK_NAMES
    from analytics_pipeline.core.verify_errors import VerificationFailed

    text = (ROOT / "docs/verify.md").read_text()
    for number, name in enumerate(CHECK_NAMES):
        assert f"| {number} | {name} |" in text
    for error in VerificationFailed.__subclasses__():
        assert f"`{error.__name__}`" in text
