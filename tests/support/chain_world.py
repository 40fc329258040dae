"""A `World` whose records stand on a real chain; only its proofs are stand-ins.

For tests of what a stranger reads over the chain: its registry demands no proof.
"""

from dataclasses import dataclass, field

from analytics_pipeline.chain.publisher import Publisher
from analytics_pipeline.core.proof_document import DEVELOPMENT
from analytics_pipeline.core.record import Commit, CommitRecord, Release, ReleaseRecord
from tests.support.world import World


@dataclass
class ChainWorld(World):
    """Publishes through a publisher instead of in memory."""

    setup: str = DEVELOPMENT
    publisher: Publisher = field(kw_only=True)

    def __post_init__(self) -> None:
        super().__post_init__()
        self.registry = self.publisher.registry.address
        self.chain_id = self.publisher.registry.chain.chain_id

    def append_commit(self, body: Commit) -> CommitRecord:
        self.publisher.commit_seeds(self.platform, {body.day: body.seed_commitment})
        return self.publisher.commit(self.platform, [body])[0]

    def beacon_of(self, commit: CommitRecord) -> tuple[int, bytes]:
        return self.publisher.beacon_of(commit)

    def append_release(self, body: Release, block: int, beacon: bytes) -> ReleaseRecord:
        return self.publisher.release(self.platform, [body])[0]
