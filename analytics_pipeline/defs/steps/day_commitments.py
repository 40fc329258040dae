"""What a day commits to: the roots over its contributions, in the smallest shape that holds them.

Computed when a revision is planned, and again from the warehouse when it is proved: nothing private
is kept in between, and if the contributions changed meanwhile the roots tell.
"""

from collections.abc import Sequence
from typing import Final

import polars as pl

from analytics_pipeline.core.canonical import hash_text
from analytics_pipeline.core.errors import InvalidInput, ReleaseConflict, ReleaseError
from analytics_pipeline.core.field import to_bytes32
from analytics_pipeline.core.listing import Listing, parse_listing
from analytics_pipeline.core.policy import Policy, parse_policy
from analytics_pipeline.core.sampler import Seed
from analytics_pipeline.defs.steps.contribution_rules import find_differences
from analytics_pipeline.defs.steps.inputs import DayInputs
from analytics_pipeline.defs.steps.state import present
from analytics_pipeline.defs.stores import Stores
from analytics_pipeline.proving.circuits import published_shapes
from analytics_pipeline.proving.day_proof import DayCommitment, commit_day
from analytics_pipeline.proving.day_rows import build_day_rows, choose_shape
from analytics_pipeline.proving.shape import Shape
from analytics_pipeline.storage.catalogue import Release, load_seed
from analytics_pipeline.storage.warehouse import load_mart, open_warehouse

#: Proofs in one transaction. Each takes about a million gas, its verifier asks for two millions to
#: be left, and a transaction has at most 16.7 million (EIP-7825).
MAX_PROOFS: Final = 10


def shape_of(inputs: DayInputs) -> Shape:
    """The smallest published shape that holds the day. Raises DayTooLarge."""
    shapes = published_shapes(inputs.policy).values()
    return choose_shape(shapes, inputs.contributions.height, inputs.listing)


def require_one_batch(shapes: Sequence[Shape]) -> None:
    """Refuse days whose proofs do not go into one transaction: the rest would overtake itself.

    Raises:
        InvalidInput: saying how many days do.
    """
    proofs = [1 + shape.shards for shape in shapes]
    if sum(proofs) > MAX_PROOFS and len(proofs) > 1:
        days = max(1, MAX_PROOFS // max(proofs))
        raise InvalidInput(
            "days",
            f"{len(proofs)} days need {sum(proofs)} proofs and a transaction takes {MAX_PROOFS}; "
            f"run at most {days} of them at a time",
        )


def commit_inputs(inputs: DayInputs, seed: Seed, revision: int) -> DayCommitment:
    """The commitment of a revision that is planned."""
    return _commit(
        shape_of(inputs), inputs.listing, inputs.contributions, inputs.policy, seed, revision
    )


def commitment_columns(commitment: DayCommitment, seed: Seed) -> dict[str, str]:
    """The public part of it, as the catalogue stores it."""
    return {
        "shape": commitment.shape.name,
        "tally_root": hash_text(to_bytes32(commitment.tally_root)),
        "catalogue_root": hash_text(to_bytes32(commitment.catalogue_root)),
        "seed_commitment": hash_text(to_bytes32(seed.commitment)),
    }


def load_commitment(stores: Stores, release: Release) -> tuple[DayCommitment, Listing, Seed]:
    """The commitment of a stored release, computed again from the warehouse.

    Raises:
        ReleaseConflict: the contributions are no longer those that were committed to.
        KeyUnavailable, IntegrityError: the day's seed is not there, or was altered.
    """
    policy = parse_policy(present(release.policy_json))
    listing = parse_listing(present(release.catalogue_json))
    seed = load_seed(stores.catalogue, stores.keyring, stores.platform, release.day)
    path, key = stores.settings.warehouse_path, stores.warehouse_key
    with open_warehouse(path, key, read_only=True) as warehouse:
        contributions = load_mart(warehouse, "contributions", stores.platform, release.day)
    name = f"{release.day} revision {release.revision}"
    try:
        shape = _find_shape(release, policy)
        found = _commit(shape, listing, contributions, policy, seed, release.revision)
    except InvalidInput:  # e.g. of a video that is not in the pinned listing
        found = None
    columns = {} if found is None else commitment_columns(found, seed)
    if found is None or any(getattr(release, k) != v for k, v in columns.items()):
        raise ReleaseConflict(
            f"{name}: its contributions are no longer those that were committed to; build the day "
            "from the events of its manifest, or commit the next revision"
        )
    return found, listing, seed


def find_problems(inputs: Sequence[DayInputs]) -> list[str]:
    """Days whose contributions could not be proved, or are not what the tally is made of."""
    problems = []
    for each in inputs:
        try:
            build_day_rows(each.contributions, each.listing, each.policy)
            shape_of(each)
            found = find_differences(each.contributions, each.tally, each.listing)
        except (InvalidInput, ReleaseError) as error:
            found = [str(error)]
        problems += [f"{each.day}: {problem}" for problem in found]
    return problems


def _commit(
    shape: Shape,
    listing: Listing,
    contributions: pl.DataFrame,
    policy: Policy,
    seed: Seed,
    revision: int,
) -> DayCommitment:
    rows = build_day_rows(contributions, listing, policy)
    return commit_day(shape, listing, rows, seed, revision)


def _find_shape(release: Release, policy: Policy) -> Shape:
    for shape in published_shapes(policy).values():
        if shape.name == release.shape:
            return shape
    raise ReleaseError(
        f"{release.day} revision {release.revision} was committed to in the shape {release.shape}, "
        "which this version does not have: finish it with the version that committed to it"
    )
