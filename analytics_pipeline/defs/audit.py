"""The audit of one release, from a verified bundle, sealed segments and a grant: steps 1 to 6.

The numbers are those of `core.audit`, which says what is compared with what. Events are joined,
models run, contributions committed to and noise drawn by the very functions that do it for a
release. Belongs here: their order. Does not belong here: the bundle's own checks (step 0) and
fetching segments: callers do both.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

import polars as pl

from analytics_pipeline.core.audit import (
    STEP_NAMES,
    PublishedRelease,
    Steps,
    match_segments,
    parse_release,
    require_grant_of,
    verify_counts,
    verify_listing,
    verify_report,
    verify_seed,
    verify_tally_root,
)
from analytics_pipeline.core.audit_errors import ModelsFailed, NotAuditable, TallyDiffers
from analytics_pipeline.core.audit_grant import Grant
from analytics_pipeline.core.canonical import hash_text
from analytics_pipeline.core.errors import DayTooLarge, InvalidInput
from analytics_pipeline.core.policy import DEFAULT_POLICY
from analytics_pipeline.core.tally import TallyRow, build_tally
from analytics_pipeline.core.verify_errors import CheckResult
from analytics_pipeline.defs.audit_home import open_audit_home
from analytics_pipeline.defs.audit_segments import open_granted
from analytics_pipeline.defs.steps.events import build_distinct
from analytics_pipeline.proving.circuits import published_shapes
from analytics_pipeline.proving.day_proof import commit_day
from analytics_pipeline.proving.day_rows import DayRows, build_day_rows
from analytics_pipeline.proving.shape import Shape
from analytics_pipeline.release.noise import draw_report

#: (what is being done, done, in all)
Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Recomputed:
    """What the models gave: contributions for the root, the tally for the report. **Private.**"""

    rows: DayRows = field(repr=False)
    tally: list[TallyRow] = field(repr=False)


def audit(
    files: Mapping[str, bytes],
    grant: Grant,
    load_envelope: Callable[[str], bytes],
    progress: Progress = lambda stage, done, total: None,
) -> list[CheckResult]:
    """Compute a release again and compare.

    Args:
        files: of the bundle folder; verified before.
        load_envelope: the sealed segment of a CID.
    Returns:
        the results of steps 1 to 6, all passed.
    Raises:
        AuditFailed: the subclass names the lie; ``results`` has the steps so far.
        InvalidInput: the grant is of another release.
        NotAuditable: this version of the program cannot compute the day.
    """
    published = parse_release(files)
    require_grant_of(published, grant)
    shape = _find_shape(published)
    steps = Steps()
    with steps.step(1) as seen:
        verify_seed(published, grant)
        seen.append(hash_text(published.commit.seed_commitment))
    with steps.step(2) as seen:
        pairs = match_segments(published, grant)
        frames = []
        for number, (segment, granted) in enumerate(pairs, start=1):
            envelope = load_envelope(segment.cid)
            frames.append(open_granted(published, segment, granted, envelope))
            progress(STEP_NAMES[2], number, len(pairs))
        seen.append(f"segments: {len(pairs)}, each by the key it is committed to")
    with steps.step(3) as seen:
        for (segment, granted), frame in zip(pairs, frames, strict=True):
            verify_counts(segment, granted, frame.height)
        seen.append("as many in every segment as its counts commitment says")
    with steps.step(4) as seen, _shown(progress, 4):
        verify_listing(published, grant)
        recomputed = _recompute(published, grant, build_distinct(frames))
        seen.append(f"by the models; listed videos: {len(grant.videos)}")
    with steps.step(5) as seen, _shown(progress, 5):
        verify_tally_root(published, _tally_root(published, shape, grant, recomputed))
        seen.append(hash_text(published.commit.tally_root))
    with steps.step(6) as seen, _shown(progress, 6):
        verify_report(published, _report(published, grant, recomputed))
        seen.append(f"{len(published.report)} bytes, {published.release.report_cid}")
    return steps.results


@contextmanager
def _shown(progress: Progress, number: int) -> Iterator[None]:
    """Progress of a step that is one piece of work."""
    progress(STEP_NAMES[number], 0, 1)
    yield
    progress(STEP_NAMES[number], 1, 1)


def _find_shape(published: PublishedRelease) -> Shape:
    if published.policy != DEFAULT_POLICY:
        raise NotAuditable(
            f"{published.name} was released under policy "
            f"{hash_text(published.policy.policy_hash)}, this version computes under "
            f"{hash_text(DEFAULT_POLICY.policy_hash)}; audit with the version that released it"
        )
    shapes = {shape.name: shape for shape in published_shapes(published.policy).values()}
    if published.shape not in shapes:
        raise NotAuditable(
            f"{published.name} was proved in the shape {published.shape}, which this version does "
            "not know; audit with the version that released it"
        )
    return shapes[published.shape]


def _recompute(published: PublishedRelease, grant: Grant, distinct: pl.DataFrame) -> Recomputed:
    with open_audit_home(published.platform, published.day, grant.selection_key) as home:
        home.store_events(distinct)
        home.store_videos(grant.videos)
        home.run_models("contributions", "tally")
        contributions, tally = home.load_mart("contributions"), home.load_mart("tally")
    rows = tally.select("scope", "key", "metric", "value").iter_rows()
    try:
        return Recomputed(
            build_day_rows(contributions, published.listing, published.policy),
            build_tally(rows, published.policy),
        )
    except InvalidInput as error:
        raise ModelsFailed("rows within the bounds of the policy", str(error)) from None


def _tally_root(
    published: PublishedRelease, shape: Shape, grant: Grant, recomputed: Recomputed
) -> int:
    rows = recomputed.rows
    try:
        commitment = commit_day(shape, published.listing, rows, grant.seed, published.revision)
    except DayTooLarge:
        raise TallyDiffers(f"contributions that fit the shape {shape.name}", "more") from None
    return commitment.tally_root


def _report(published: PublishedRelease, grant: Grant, recomputed: Recomputed) -> bytes:
    return draw_report(
        recomputed.tally,
        published.policy,
        published.header,
        published.listing,
        grant.seed,
        published.nonce,
    )
