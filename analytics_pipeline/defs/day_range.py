"""Which days can be computed. Needs no Dagster, so that a typing error is told at once."""

from datetime import UTC, date, datetime, timedelta
from typing import Final

from analytics_pipeline.core.day import utc_day
from analytics_pipeline.core.errors import InvalidInput

#: No event is older: the parser of events refuses times before 2020, the project began in 2026.
FIRST_DAY: Final = date(2026, 1, 1)
#: Days of one run: their releases go to the chain in one transaction, with a proof for each, and a
#: transaction has at most 16.7 million gas (EIP-7825).
MAX_DAYS: Final = 10


def last_complete_day() -> date:
    """Yesterday, in UTC."""
    return utc_day(datetime.now(UTC)) - timedelta(days=1)


def split_range(first_day: date, last_day: date) -> list[tuple[date, date]]:
    """First and last day of each run that a range takes, in order."""
    starts = range(0, (last_day - first_day).days + 1, MAX_DAYS)
    firsts = [first_day + timedelta(days=start) for start in starts]
    return [(first, min(last_day, first + timedelta(days=MAX_DAYS - 1))) for first in firsts]


def require_range(first_day: date, last_day: date) -> None:
    """Check a range of days, both ends included. Raises InvalidInput naming the end at fault."""
    yesterday = last_complete_day()
    for name, day in (("from", first_day), ("to", last_day)):
        if not FIRST_DAY <= day <= yesterday:
            span = f"days run from {FIRST_DAY} to yesterday ({yesterday})"
            raise InvalidInput(name, f"{day} is not among the complete days; {span}")
    if last_day < first_day:
        raise InvalidInput("to", f"{last_day} lies before {first_day}")
