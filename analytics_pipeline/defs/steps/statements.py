"""What a stored release says in the terms of the chain and of its proof: commit, nonce, statement.

Everything here follows from columns of the release and the registry's place, and is public.
"""

from analytics_pipeline.core import statement
from analytics_pipeline.core.canonical import parse_hash
from analytics_pipeline.core.errors import ReleaseError
from analytics_pipeline.core.manifest import parse_manifest
from analytics_pipeline.core.policy import parse_policy
from analytics_pipeline.core.record import Beacon, Commit
from analytics_pipeline.core.report import parse_report
from analytics_pipeline.core.statement import Place, Statement
from analytics_pipeline.defs.steps.state import present
from analytics_pipeline.defs.stores import Stores
from analytics_pipeline.storage.catalogue import Release


def build_commit(release: Release) -> Commit:
    """The body of the release's commit."""
    return Commit(
        day=release.day,
        revision=release.revision,
        manifest_root=parse_manifest(present(release.manifest_json)).root,
        policy_hash=parse_policy(present(release.policy_json)).policy_hash,
        tally_root=_hash(release, "tally_root"),
        catalogue_root=_hash(release, "catalogue_root"),
        seed_commitment=_hash(release, "seed_commitment"),
    )


def beacon_of(release: Release) -> Beacon:
    """The stored beacon. Raises ReleaseError if there is none yet."""
    if release.beacon_block is None:
        raise ReleaseError(f"{release.day}: materialise `release` first, for its beacon")
    return Beacon(release.beacon_block, _hash(release, "beacon"))


def place_of(stores: Stores) -> Place:
    """Where this deployment's releases belong."""
    registry = stores.registry
    return Place(registry.chain.chain_id, registry.address, stores.platform)


def build_nonce(stores: Stores, release: Release) -> int:
    """What makes the noise of the release its own."""
    return statement.nonce(place_of(stores), build_commit(release), *beacon_of(release))


def build_statement(stores: Stores, release: Release) -> Statement:
    """What the release's proof speaks about. Raises ReleaseError, StatementUndefined."""
    report = parse_report(present(release.report_json))
    return statement.build_statement(
        place_of(stores), build_commit(release), *beacon_of(release), report.root, report.rows
    )


def _hash(release: Release, column: str) -> bytes:
    text = getattr(release, column)
    if text is None:
        raise ReleaseError(f"the catalogue lacks the {column} of {release.day}")
    return parse_hash(text, column)
