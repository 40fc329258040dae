"""`defs dbt`: which days it takes when none are named."""

import pytest

from analytics_pipeline.defs.day_range import last_complete_day
from analytics_pipeline.defs.dbt_command import with_days


def test_commands_that_need_a_day_take_yesterday(capsys: pytest.CaptureFixture[str]) -> None:
    """The days are printed in the form in which others can be asked for."""
    day = last_complete_day()
    variables = f"{{start_day: {day}, end_day: {day}}}"
    expected = ["build", "--select", "+tally", "--vars", variables]
    assert with_days(["--", "build", "--select", "+tally"]) == expected
    assert f"--vars '{variables}'" in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments",
    [
        ["build", "--vars", "{start_day: 2026-01-05}"],
        ["build", "--vars={start_day: 2026-01-05}"],
        ["docs", "generate", "--static"],
        ["parse"],
    ],
)
def test_other_commands_stay_as_they_are(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """Days that were named count, and documentation needs none."""
    assert with_days(arguments) == arguments
    assert capsys.readouterr().err == ""
