"""The UTC day: the partition of everything. Days are `datetime.date`; never local time."""

from datetime import UTC, date, datetime, timedelta

from analytics_pipeline.core.errors import InvalidInput

MS_PER_DAY = 86_400_000
_EPOCH = date(1970, 1, 1)


def parse_day(text: str) -> date:
    """Parse ``YYYY-MM-DD``. Raises InvalidInput for anything else."""
    try:
        day = date.fromisoformat(text)
    except ValueError:
        raise InvalidInput("day", f"{text!r} is not a date of the form YYYY-MM-DD") from None
    if day.isoformat() != text:
        raise InvalidInput("day", f"{text!r} is not a date of the form YYYY-MM-DD")
    return day


def day_number(day: date) -> int:
    """Days since 1970-01-01, the form days take on chain."""
    return (day - _EPOCH).days


def day_from_number(number: int) -> date:
    """Inverse of `day_number`."""
    return _EPOCH + timedelta(days=number)


def day_of_ms(at_ms: int) -> date:
    """UTC day of a Unix time in milliseconds."""
    return _EPOCH + timedelta(days=at_ms // MS_PER_DAY)


def day_start_ms(day: date) -> int:
    """Unix time in milliseconds at which `day` begins."""
    return day_number(day) * MS_PER_DAY


def utc_day(moment: datetime) -> date:
    """UTC day of an aware datetime."""
    return moment.astimezone(UTC).date()


def moment_text(unix_seconds: int) -> str:
    """A time on chain for readers, ``2026-03-01 06:40 UTC``; a chain may state one beyond the
    calendar."""
    try:
        return f"{datetime.fromtimestamp(unix_seconds, UTC):%Y-%m-%d %H:%M} UTC"
    except (OverflowError, ValueError, OSError):
        return f"second {unix_seconds} of Unix time"
