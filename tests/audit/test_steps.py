"""Every lie about a day that only its segments refute, and the step that names it."""

import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from analytics_pipeline.core import audit_errors
from analytics_pipeline.core.audit import STEP_NAMES
from analytics_pipeline.core.audit_errors import AuditFailed, NotAuditable
from analytics_pipeline.core.audit_grant import Grant
from analytics_pipeline.core.checks.proof import ProofTerms
from analytics_pipeline.core.day import MS_PER_DAY, day_start_ms
from analytics_pipeline.core.errors import InvalidInput
from analytics_pipeline.core.listing import build_listing
from analytics_pipeline.core.manifest import Manifest, ManifestSegment, counts_commitment
from analytics_pipeline.core.policy import build_policy
from analytics_pipeline.core.sampler import Seed
from analytics_pipeline.core.segment import SegmentHeader, seal_segment
from analytics_pipeline.core.tally import TallyRow
from analytics_pipeline.core.unixfs import cid_of_bytes
from analytics_pipeline.core.verify import verify_bundle
from analytics_pipeline.defs.audit import audit
from analytics_pipeline.storage.event_columns import EVENT_COLUMNS
from analytics_pipeline.storage.segments import SCHEMA_ID, build_parquet
from tests.audit.operator import Operator, Published
from tests.support.stand_in_proofs import StandInVerifier
from tests.support.world import edit_json

OTHER_SEED = Seed(99, 98)


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The only place for temporary files; empty again after every audit, however it ended."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    yield folder
    assert not list(folder.iterdir())


@dataclass(frozen=True)
class Case:
    """What is published, handed over, and found on IPFS."""

    published: Published
    grant: Grant
    envelopes: dict[str, bytes]


Lie = Callable[[Operator], Case]


def case(operator: Operator, published: Published | None = None, **grant: Any) -> Case:
    """A case that is honest but for what is given."""
    published = published or operator.publish()
    envelopes = {s.cid: operator.envelope(s.cid) for s in operator.manifest.segments}
    return Case(published, replace(operator.grant, **grant), envelopes)


def require_unsuspicious(published: Published) -> None:
    """It passes every check of a stranger: the lie is for the audit to find."""
    terms = ProofTerms(StandInVerifier(), published.circuits)
    assert all(result.passed for result in verify_bundle(published.files, terms=terms))


def test_honest_day(operator: Operator, temporary: Path) -> None:
    """Two segments that overlap: all steps pass."""
    honest = case(operator)
    require_unsuspicious(honest.published)
    stages: list[str] = []
    results = audit(
        honest.published.files,
        honest.grant,
        honest.envelopes.__getitem__,
        lambda stage, done, total: stages.append(stage),
    )
    assert [result.number for result in results] == list(range(1, len(STEP_NAMES)))
    assert all(result.passed for result in results)
    assert stages
    assert set(stages) <= set(STEP_NAMES)


# ---- lies about what is handed over --------------------------------------------------------------


def segment_kept_back(operator: Operator) -> Case:
    return case(operator, segments=operator.grant.segments[:1])


def segment_too_many(operator: Operator) -> Case:
    first, second = operator.grant.segments
    return case(operator, segments=(first, second, replace(first, segment_id="of-nobody")))


def key_of_another_segment(operator: Operator) -> Case:
    first, second = operator.grant.segments
    return case(operator, segments=(replace(first, data_key=second.data_key), second))


def digest_of_another_segment(operator: Operator) -> Case:
    first, second = operator.grant.segments
    return case(operator, segments=(replace(first, batch_digest=second.batch_digest), second))


def object_of_another_segment(operator: Operator) -> Case:
    honest = case(operator)
    first, second = operator.manifest.segments
    swapped = {first.cid: honest.envelopes[second.cid], second.cid: honest.envelopes[first.cid]}
    return replace(honest, envelopes=swapped)


def counts_beautified(operator: Operator) -> Case:
    first, second = operator.grant.segments
    counts = {**first.counts, "accepted": first.counts["accepted"] + 1}
    return case(operator, segments=(replace(first, counts=counts), second))


def seed_of_another_day(operator: Operator) -> Case:
    return case(operator, seed=OTHER_SEED)


def video_kept_back(operator: Operator) -> Case:
    return case(operator, videos=operator.grant.videos[1:])


def video_of_another_creator(operator: Operator) -> Case:
    first, *others = operator.grant.videos
    return case(operator, videos=(replace(first, creator_id="creator-x"), *others))


def videos_of_other_length(operator: Operator) -> Case:
    videos = operator.grant.videos
    shorter = tuple(replace(video, duration_ms=video.duration_ms // 2) for video in videos)
    return case(operator, videos=shorter)


# ---- lies about what was published ---------------------------------------------------------------


def counts_never_true(operator: Operator) -> Case:
    """The manifest commits to more events than the segment holds, and the grant opens that."""
    first, second = operator.grant.segments
    more = {**first.counts, "accepted": first.counts["accepted"] + 100}
    commitment = counts_commitment(more, first.counts_salt)

    def lie(manifest: Manifest) -> Manifest:
        one, two = manifest.segments
        return replace(manifest, segments=(replace(one, counts_commitment=commitment), two))

    segments = (replace(first, counts=more), second)
    return case(operator, operator.publish(manifest=lie), segments=segments)


def segment_of(operator: Operator, content: bytes, events: int, **published: Any) -> Case:
    """One more segment in the manifest, sealed like the others, with any content."""
    platform, day = operator.deployment.settings.platform, operator.day
    key, digest = bytes(range(32)), "0x" + "11" * 32
    header = SegmentHeader(platform, day, "zz", SCHEMA_ID, "wrap-1", digest)
    sealed = seal_segment(content, header, data_key=key, nonce=bytes(12))
    first = operator.grant.segments[0]
    granted = replace(
        first,
        counts={**first.counts, "accepted": events},
        segment_id="zz",
        cid=cid_of_bytes(sealed.envelope),
        batch_digest=digest,
        data_key=key,
    )
    listed = ManifestSegment(
        "zz",
        granted.cid,
        len(sealed.envelope),
        bytes.fromhex(sealed.key_commitment[2:]),
        "wrap-1",
        counts_commitment(granted.counts, granted.counts_salt),
    )

    def lie(manifest: Manifest) -> Manifest:
        return replace(manifest, segments=(*manifest.segments, listed))

    segments = (*operator.grant.segments, granted)
    told = case(operator, operator.publish(manifest=lie, **published), segments=segments)
    return replace(told, envelopes={**told.envelopes, granted.cid: sealed.envelope})


def segment_without_events(operator: Operator) -> Case:
    """A segment of the manifest holds something else than events, under its committed key."""
    return segment_of(operator, b"a poem", 1)


def one_event(operator: Operator, **fields: Any) -> bytes:
    """A segment's content: one event of the day."""
    noon = day_start_ms(operator.day) + MS_PER_DAY // 2
    event = {
        **dict.fromkeys(EVENT_COLUMNS),
        "session_id": "session-x",
        "video_id": operator.listing.video_ids[0],
        "type": "play",
        "at_ms": noon,
        "seq": 0,
        "provider": "cdn",
        "viewer": "0" * 32,
        "country": "DE",
        "received_at_ms": noon,
        **fields,
    }
    return build_parquet(pl.DataFrame([event], schema=EVENT_COLUMNS))


def event_that_no_sealer_takes(operator: Operator) -> Case:
    """So large a position that the models would end instead of refuting the figures."""
    return segment_of(operator, one_event(operator, position_ms=2**62), 1)


def viewer_named_like_a_video(operator: Operator) -> Case:
    """A valid event, made so that the models' own tests end an audit before it finds anything."""
    name = "ab" * 16
    like = operator.grant.videos[0]
    videos = (*operator.grant.videos, replace(like, video_id=name))

    def with_its_rows(tally: list[TallyRow]) -> list[TallyRow]:
        own = [row for row in tally if (row.scope, row.key) == ("video", like.video_id)]
        return [*tally, *(row._replace(key=name, value=0) for row in own)]

    told = segment_of(
        operator,
        one_event(operator, video_id=name, viewer=name),
        1,
        listing=build_listing(video.listed for video in videos),
        tally=with_its_rows,
    )
    return replace(told, grant=replace(told.grant, videos=videos))


def segment_left_out(operator: Operator) -> Case:
    """Figures count a segment that the manifest does not name."""

    def lie(manifest: Manifest) -> Manifest:
        return replace(manifest, segments=manifest.segments[:1])

    return case(operator, operator.publish(manifest=lie), segments=operator.grant.segments[:1])


def viewer_invented(operator: Operator) -> Case:
    """Everything is about one viewer more, tally and report too: any proof of it would hold."""

    def one_more(rows: pl.DataFrame) -> pl.DataFrame:
        last = rows["viewer"].max()
        assert isinstance(last, int)
        added = rows.filter(pl.col("viewer") == last).with_columns(viewer=pl.lit(last + 1))
        return pl.concat([rows, added.cast(rows.schema)])

    return case(operator, operator.publish(contributions=one_more))


def seconds_moved(operator: Operator) -> Case:
    """One viewer watched a second less: the smallest change there is."""

    def less(rows: pl.DataFrame) -> pl.DataFrame:
        first = pl.int_range(pl.len()) == 0
        return rows.with_columns(pl.when(first).then(pl.col("seconds") - 1).otherwise("seconds"))

    return case(operator, operator.publish(contributions=less))


def seed_never_committed_to(operator: Operator) -> Case:
    return case(operator, operator.publish(committed_seed=OTHER_SEED))


def noise_of_another_seed(operator: Operator) -> Case:
    """Little of a small day is shown, and many seeds give the same report: one that does not."""
    honest = operator.publish().files["bundle/report.json"]
    others = (operator.publish(drawn_seed=Seed(number, 1)) for number in range(1, 200))
    return case(operator, next(p for p in others if p.files["bundle/report.json"] != honest))


def figures_of_other_sums(operator: Operator) -> Case:
    """The contributions are right, one figure of the report is drawn around another sum."""

    def raised(tally: list[TallyRow]) -> list[TallyRow]:
        return [row._replace(value=row.value + 500) if row.key == "DE" else row for row in tally]

    return case(operator, operator.publish(tally=raised))


SLOW = [pytest.mark.slow]
LIES: list[tuple[Lie, int, str]] = [
    (seed_of_another_day, 1, "SeedDiffers"),
    (seed_never_committed_to, 1, "SeedDiffers"),
    (segment_kept_back, 2, "GrantIncomplete"),
    (segment_too_many, 2, "SegmentDiffers"),
    (object_of_another_segment, 2, "SegmentDiffers"),
    (key_of_another_segment, 2, "WrongDataKey"),
    (digest_of_another_segment, 2, "WrongDataKey"),
    (segment_without_events, 2, "SegmentUnreadable"),
    (event_that_no_sealer_takes, 2, "SegmentUnreadable"),
    (counts_beautified, 3, "CountsDiffer"),
    (counts_never_true, 3, "CountsDiffer"),
    (video_kept_back, 4, "GrantIncomplete"),
    (video_of_another_creator, 4, "ListingDiffers"),
    (viewer_named_like_a_video, 4, "ModelsFailed"),
    (videos_of_other_length, 5, "TallyDiffers"),
    (segment_left_out, 5, "TallyDiffers"),
    (viewer_invented, 5, "TallyDiffers"),
    (seconds_moved, 5, "TallyDiffers"),
    (noise_of_another_seed, 6, "ReportDiffers"),
    (figures_of_other_sums, 6, "ReportDiffers"),
]


#: Lies that only dbt's run can tell take its time.
QUICK = {lie for lie, step, _ in LIES if step < 5} - {viewer_named_like_a_video}


@pytest.mark.parametrize(
    ("lie", "step", "name"),
    [
        pytest.param(*told, id=told[0].__name__, marks=[] if told[0] in QUICK else SLOW)
        for told in LIES
    ],
)
def test_lie_is_named(lie: Lie, step: int, name: str, operator: Operator, temporary: Path) -> None:
    """Published consistently, so that no stranger can tell; the audit stops at its step."""
    told = lie(operator)
    require_unsuspicious(told.published)
    with pytest.raises(AuditFailed) as caught:
        audit(told.published.files, told.grant, told.envelopes.__getitem__)
    assert (caught.value.name, caught.value.number) == (name, step)
    assert [result.number for result in caught.value.results] == list(range(1, step + 1))
    assert [result.passed for result in caught.value.results] == [True] * (step - 1) + [False]


def test_every_error_has_a_lie() -> None:
    """The tree drawn in `core.audit_errors` is the one there is, and all of it is told above."""
    named = {cls.__name__ for cls in AuditFailed.__subclasses__()}
    assert {name for _, _, name in LIES} == named
    assert audit_errors.__doc__ is not None
    drawn = audit_errors.__doc__.split("│   ")[1:]
    assert {line.split()[1] for line in drawn} == named


@pytest.mark.parametrize(
    "change", [{"revision": 2}, {"platform": "elsewhere"}], ids=["revision", "platform"]
)
def test_grant_of_another_release(operator: Operator, change: dict[str, Any]) -> None:
    """A mistake of the asker's, not a lie."""
    mixed = case(operator, **change)
    with pytest.raises(InvalidInput, match="grant: is of"):
        audit(mixed.published.files, mixed.grant, mixed.envelopes.__getitem__)


def test_policy_or_shape_of_another_version(operator: Operator) -> None:
    """Nothing is said about the release: this version cannot compute it."""
    honest = case(operator)
    other = build_policy(regions=("DE", "ZZ")).canonical_bytes
    with pytest.raises(NotAuditable, match="policy"):
        audit(
            {**honest.published.files, "bundle/policy.json": other},
            honest.grant,
            honest.envelopes.__getitem__,
        )
    proof = edit_json(
        honest.published.files["bundle/proof.json"],
        lambda document: document["proofs"][0].update(shape="rows1"),
    )
    with pytest.raises(NotAuditable, match="shape rows1"):
        audit(
            {**honest.published.files, "bundle/proof.json": proof},
            honest.grant,
            honest.envelopes.__getitem__,
        )
