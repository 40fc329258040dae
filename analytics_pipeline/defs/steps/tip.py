"""The tip of the platform's hash chain: the commits that can still be released.

Whoever releases takes the commits of others after the last release out of the game, so a commit is
worth drawing for only as long as it stands here.
"""

import itertools

from analytics_pipeline.core.record import CommitRecord
from analytics_pipeline.defs.stores import Stores
from analytics_pipeline.storage.catalogue import Release

OVERTAKEN = "another release came in between"
REORGANISED = "its commit moved to another block after its beacon was noted"


def tip_commits(stores: Stores) -> list[CommitRecord]:
    """The commits after the last release, in order."""
    records_in_order = stores.registry.read_evidence(stores.platform).records
    tip = itertools.takewhile(lambda r: isinstance(r, CommitRecord), reversed(records_in_order))
    return [found for found in reversed(list(tip)) if isinstance(found, CommitRecord)]


def is_at_tip(stores: Stores, release: Release) -> bool:
    """Whether the release's commit can still be released."""
    wanted = (release.day, release.revision)
    return any((found.day, found.revision) == wanted for found in tip_commits(stores))


def is_committed(stores: Stores, release: Release) -> bool:
    """Whether the chain has the release's commit, wherever it stands."""
    return any(
        isinstance(found, CommitRecord)
        and (found.day, found.revision) == (release.day, release.revision)
        for found in stores.registry.read_evidence(stores.platform).records
    )
