"""docs/audit.md keeps up with the code."""

import re
from pathlib import Path

from analytics_pipeline.core import audit_grant
from analytics_pipeline.core.audit import STEP_NAMES
from analytics_pipeline.core.audit_errors import AuditFailed

TEXT = (Path(__file__).parents[2] / "docs" / "audit.md").read_text(encoding="utf-8")


def test_every_step_has_its_line() -> None:
    """Under its number and name."""
    section = TEXT.partition("## The steps")[2].partition("\n## ")[0]
    lines = re.findall(r"^\| (\d) \| ([^|]+) \|", section, re.MULTILINE)
    assert lines == [(str(number), name) for number, name in enumerate(STEP_NAMES)]


def test_every_error_is_explained_by_a_step() -> None:
    for error in AuditFailed.__subclasses__():
        assert f"`{error.__name__}`" in TEXT


def test_every_member_of_a_grant_is_described() -> None:
    """None more, none fewer."""
    table = TEXT.partition("| Member |")[2].partition("\n\n")[0]
    first_column = "".join(re.findall(r"^\|([^|]+)\|", table, re.MULTILINE))
    assert set(re.findall(r"`(\w+)`", first_column)) == audit_grant.MEMBERS
    for members in (audit_grant.SEGMENT_MEMBERS, audit_grant.VIDEO_MEMBERS):
        assert all(f"`{member}`" in table for member in members)
