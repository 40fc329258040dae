"""What to simulate. Belongs here: the parameters and their limits."""

from dataclasses import dataclass, field
from datetime import date

from analytics_pipeline.core.errors import InvalidInput
from analytics_pipeline.simulator.shapes import Shape, load_shapes


@dataclass(frozen=True)
class SimulationSpec:
    """Parameters of a simulation; the same spec always gives the same events.

    Exactly one of ``viewers_per_day`` and ``target_events`` is set. With ``target_events`` the
    simulation ends on that very number (split evenly over the days), as long as there is a
    recording of a single event to fill up with.

    Attributes:
        first_day: first UTC day; sessions start on it and the ``days - 1`` days after it.
        sessions_per_viewer: mean number of sessions of a viewer on a day they come (at least 1).
        returning_share: of a day's viewers, about how many come again on any other day (0..1).
        shapes: the recordings to draw from.
    """

    first_day: date
    days: int = 3
    viewers_per_day: int | None = None
    target_events: int | None = None
    videos: int = 24
    creators: int = 6
    sessions_per_viewer: float = 1.6
    returning_share: float = 0.5
    seed: int = 1
    shapes: tuple[Shape, ...] = field(default_factory=load_shapes, repr=False)

    def __post_init__(self) -> None:
        """Raises InvalidInput naming the parameter."""
        if (self.viewers_per_day is None) == (self.target_events is None):
            raise InvalidInput("viewers_per_day", "set either this or target_events")
        for name in ("days", "videos", "creators", "viewers_per_day", "target_events"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise InvalidInput(name, "must be at least 1")
        if self.creators > self.videos:
            raise InvalidInput("creators", "every creator needs a video")
        if not 1 <= self.sessions_per_viewer <= 20:
            raise InvalidInput("sessions_per_viewer", "must be in 1..20")
        if not 0 < self.returning_share <= 1:
            raise InvalidInput("returning_share", "must be above 0 and at most 1")
        if not self.shapes:
            raise InvalidInput("shapes", "needs at least one recording")

    @property
    def mean_events(self) -> float:
        """Events of an average recording (the mix of kinds shifts this a little)."""
        return sum(len(shape.events) for shape in self.shapes) / len(self.shapes)

    @property
    def smallest_shape(self) -> int:
        """Events of the shortest recording."""
        return min(len(shape.events) for shape in self.shapes)

    @property
    def viewers_a_day(self) -> int:
        """Viewers of a day; an estimate where the number of events is what was asked for."""
        if self.viewers_per_day is not None:
            return self.viewers_per_day
        assert self.target_events is not None  # noqa: S101 - __post_init__ saw to it
        per_viewer = self.mean_events * self.sessions_per_viewer
        return max(1, round(self.target_events / self.days / per_viewer))

    @property
    def viewer_pool(self) -> int:
        """Viewers there are at all; each day draws from them."""
        return max(self.viewers_a_day, round(self.viewers_a_day / self.returning_share))
