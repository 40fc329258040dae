"""What every row of a report must obey under its policy.

Belongs here: check 5. Does not belong here: the format of a row (`core.report`).
"""

from collections.abc import Sequence

from analytics_pipeline.core.errors import InvalidInput
from analytics_pipeline.core.policy import Policy
from analytics_pipeline.core.report import ReportRow, parse_rows
from analytics_pipeline.core.tally import check_keys
from analytics_pipeline.core.verify_errors import (
    NoiseMisstated,
    RowInvalid,
    RowMissing,
    SuppressedValueShown,
)


def verify_rows(leaves: Sequence[bytes], policy: Policy) -> list[ReportRow]:
    """Check every row against the policy. The leaves, without the header's, are those that check 3
    made of a canonical report.

    Raises:
        RowInvalid, RowMissing, NoiseMisstated, SuppressedValueShown.
    """
    try:
        rows = parse_rows(leaves)
    except InvalidInput as error:
        raise RowInvalid("rows of the documented format", str(error)) from None
    try:
        check_keys([row.name for row in rows], policy)
    except InvalidInput as error:
        raise RowMissing("every row once and in order", str(error)) from None
    for row in rows:
        query = policy.by_row[row.scope, row.metric]
        label = f"{row.scope} {row.key or '(all)'} {row.metric}"
        if (row.sigma, row.error_95) != (query.sigma, query.error_95):
            raise NoiseMisstated(
                f"{label} with sigma {query.sigma} and error {query.error_95}",
                f"sigma {row.sigma} and error {row.error_95}",
            )
        if row.value is not None and row.value < query.threshold:
            raise SuppressedValueShown(f"{label} of at least {query.threshold}", str(row.value))
    return rows
