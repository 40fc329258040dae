"""Published days in memory, for rules to look at: what `PublishedDays` reads, from a `World`."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta

from analytics_pipeline.alerts.days import Checked, History
from analytics_pipeline.core.alerts import Failure
from analytics_pipeline.core.checks.proof import ProofTerms
from analytics_pipeline.core.listing import parse_listing
from analytics_pipeline.core.record import ChainEvidence, ReleaseRecord, parse_evidence
from analytics_pipeline.core.report import parse_report
from analytics_pipeline.core.verify import CHECK_NAMES, verify_bundle
from analytics_pipeline.core.verify_errors import VerificationFailed
from tests.support.world import Lies, World

FIRST_DAY = date(2026, 3, 1)
#: before any release of a world
RULE_MADE_AT = datetime(2026, 1, 1, tzinfo=UTC)
USUAL, FEW = 4, 1


def day(number: int) -> date:
    """The n-th day, from 0."""
    return FIRST_DAY + timedelta(days=number)


@dataclass
class WorldDays:
    """`Published` over a world; days in `absent` cannot be fetched."""

    world: World
    as_of: datetime = datetime(2026, 3, 1, tzinfo=UTC)
    absent: set[date] = field(default_factory=set)
    altered: Mapping[str, bytes] = field(default_factory=dict)
    checks: int = 0

    @property
    def terms(self) -> ProofTerms:
        return self.world.terms

    def release(self, number: int, scale: int, revision: int = 1, lies: Lies | None = None) -> None:
        """Publish a day with so many times the smallest audience."""
        self.world.scales[day(number), revision] = scale
        self.world.publish(day(number), revision, lies or Lies())

    def load_history(self) -> History:
        """The records, all of them deep."""
        evidence: ChainEvidence = parse_evidence(self.world.chain_file())
        newest: dict[date, ReleaseRecord] = {}
        for record in evidence.records:
            if isinstance(record, ReleaseRecord):
                newest[record.day] = record
        return History(evidence, newest, frozenset(newest), self.as_of)

    def load_checked(self, record: ReleaseRecord) -> Checked | None:
        """The day, verified."""
        self.checks += 1
        if record.day in self.absent:
            return None
        files = {**self.world.folder(record.day, record.revision), **self.altered}
        try:
            verify_bundle(
                files,
                platform=self.world.platform,
                day=record.day,
                revision=record.revision,
                terms=self.terms,
            )
        except VerificationFailed as error:
            failure = Failure(error.number, CHECK_NAMES[error.number], error.name, str(error))
            return Checked(record, failure=failure)
        listing = parse_listing(files["bundle/catalogue.json"])
        return Checked(record, parse_report(files["bundle/report.json"]), listing=listing)
