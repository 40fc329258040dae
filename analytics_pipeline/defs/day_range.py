"""Which days can be computed. Needs no Dagster, so that a typing error is told at once."""

from datetime import UTC, date, datetime, timedelta
from typing import Final

from analytics_pipeline.core.day import utc_day
from analytics_pipeline.core.errors import InvalidInput

#: No event is older: the parser of events refuses times before 2020, the project began in 2026.
FIRST_DAY: Final = date(2026, 1, 1)


def last_complete_day() -> date:
    """Yesterday, in UTC."""
    return utc_day(datetime.now(UTC)) - timedelta(days=1)


def require_range(first_day: date, last_day: date) -> None:
    """Check a range of days, both ends included. Raises InvalidInput naming the end at fault."""
    yesterday = last_complete_day()
    for name, day in (("from", first_day), ("to", last_day)):
        if not FIRST_DAY <= day <= yesterday:
            span = f"days run from {FIRST_DAY} to yesterday ({yesterday})"
            raise InvalidInput(name, f"{day} is not among the complete days; {span}")
    if last_day < first_day:
        raise InvalidInput("to", f"{last_day} lies before {first_day}")
