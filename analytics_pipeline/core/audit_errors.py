"""Every way an audit can fail. One class per kind of lie, as in `core.verify_errors`.

    PipelineError
    ├── AuditFailed
    │   ├── SeedDiffers        the seed handed over is not the one committed to
    │   ├── GrantIncomplete    a segment or video of the release was not handed over
    │   ├── SegmentDiffers     a segment is not what the manifest says of it
    │   ├── WrongDataKey       the key handed over does not open the segment it is meant for
    │   ├── SegmentUnreadable  a segment opens, and holds something else than a day's events
    │   ├── CountsDiffer       the counts handed over are not those committed to, or not true
    │   ├── ListingDiffers     the videos handed over are not those of the listing
    │   ├── ModelsFailed       the models, or their tests, refuse the events that were sealed
    │   ├── TallyDiffers       the segments give other contributions than were committed to
    │   └── ReportDiffers      contributions and seed give another report than was published
    └── NotAuditable           this version of the program cannot compute the day again

Belongs here: the names and what each means in plain words. Which step raises what: `core.audit`.
"""

from typing import ClassVar

from analytics_pipeline.core.errors import PipelineError
from analytics_pipeline.core.verify_errors import CheckResult


class AuditFailed(PipelineError):
    """A step failed. Nothing that follows it was looked at.

    Args:
        expected: what an honest release would have here.
        found: what is here. Neither ever says an exact figure.

    ``number`` and ``results`` (all steps so far, the failing one last) are set by `core.audit`.
    """

    meaning: ClassVar[str] = "What was published does not follow from what was sealed."

    def __init__(self, expected: str, found: str) -> None:
        super().__init__(f"expected {expected}; found {found}. {self.meaning}")
        self.expected = expected
        self.found = found
        self.number = 0
        self.results: list[CheckResult] = []

    @property
    def name(self) -> str:
        """The kind of lie, e.g. ``TallyDiffers``."""
        return type(self).__name__


class SeedDiffers(AuditFailed):
    meaning = "The noise was drawn from another seed, or you were handed a wrong one."


class GrantIncomplete(AuditFailed):
    meaning = "Without it nobody can compute the day again: ask the operator for a whole grant."


class SegmentDiffers(AuditFailed):
    meaning = "It is not the object that the manifest was committed with."


class WrongDataKey(AuditFailed):
    meaning = "The key or the batch digest is another segment's, so nobody can say what is sealed."


class SegmentUnreadable(AuditFailed):
    meaning = "No figure can honestly have been computed from it."


class CountsDiffer(AuditFailed):
    meaning = "The operator counted other events than were sealed."


class ListingDiffers(AuditFailed):
    meaning = "The listing was fixed before the draw; figures of other videos are another report."


class ModelsFailed(AuditFailed):
    meaning = "Each event is valid, and yet no figures can honestly have been computed from them."


class TallyDiffers(AuditFailed):
    meaning = "The proof is about other contributions than the sealed events give."


class ReportDiffers(AuditFailed):
    meaning = "The published figures are not the sealed events' sums plus the noise of the seed."


class NotAuditable(PipelineError):
    """This version of the program cannot compute the day again: it was released under another
    policy, in a shape it does not know, or the models could not run on this machine. Says nothing
    about the release; audit with the version that released it."""
