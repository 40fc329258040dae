"""One day of real segments, computed once, for all tests of the audit's steps."""

from datetime import UTC, datetime, timedelta

import pytest

from tests.audit.operator import Operator


@pytest.fixture(scope="module")
def operator(tmp_path_factory: pytest.TempPathFactory) -> Operator:
    """Its day is past, so that everything of it may be released."""
    day = datetime.now(UTC).date() - timedelta(days=2)
    return Operator.prepare(tmp_path_factory.mktemp("operator") / "home", day)
