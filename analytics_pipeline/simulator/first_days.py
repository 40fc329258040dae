"""Which plays are the first of a device's day, and what it says of its week and month then.

Belongs here: the browser SDK's rule (`sdk/src/day.ts`), for simulated devices. A viewer has one
device, and has played nothing before the simulation.
"""

from datetime import date, timedelta

from analytics_pipeline.core.day import day_of_ms
from analytics_pipeline.simulator.population import Viewer

#: (first_of_week, first_of_month)
Bits = tuple[bool, bool]


class FirstDays:
    """The last day of each device with a play. Ask in the order of the plays."""

    def __init__(self) -> None:
        self._last: dict[Viewer, date] = {}

    def of_play(self, viewer: Viewer, at_ms: int) -> Bits | None:
        """What the play says; None if the device has said it for that day."""
        day = day_of_ms(at_ms)
        last = self._last.get(viewer, date.min)
        if last >= day:
            return None
        self._last[viewer] = day
        return last < day - timedelta(days=day.weekday()), last < day.replace(day=1)
