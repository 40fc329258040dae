"""Which revision of a day somebody looks at, and whether it was corrected since."""

from dataclasses import dataclass

from analytics_pipeline.core.bundle import parse_bundle_info
from analytics_pipeline.core.checks.history import find_newest_release
from analytics_pipeline.core.record import parse_evidence
from analytics_pipeline.published.folder import PublishedDay


@dataclass(frozen=True)
class Revision:
    """A release among those of its day; ``reason`` is the operator's word for why it was made."""

    number: int
    newest: int
    reason: str

    @property
    def words(self) -> str:
        """For people."""
        if self.number < self.newest:
            return f"Revision {self.number}, corrected since: the newest is revision {self.newest}."
        return f"Revision {self.number}, the newest of the day: {self.reason}."


def revision_of(published: PublishedDay) -> Revision:
    """The revision of a day that was verified."""
    info = parse_bundle_info(published.files["bundle/bundle.json"])
    evidence = parse_evidence(published.files["chain.json"])
    return Revision(info.revision, find_newest_release(evidence, info.day).revision, info.reason)
