"""Tallies, manifests, bundles: complete, ordered, canonical, and refused otherwise by name."""

from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analytics_pipeline.core import canonical
from analytics_pipeline.core.bundle import BUNDLE_FILES, BundleInfo, build_bundle, parse_bundle_info
from analytics_pipeline.core.errors import InvalidInput
from analytics_pipeline.core.manifest import build_manifest, counts_commitment, parse_manifest
from analytics_pipeline.core.policy import parse_policy
from analytics_pipeline.core.tally import build_tally, inputs_digest, tally_digest
from tests.support.world import SMALL_POLICY, edit_json, small_manifest, small_tally

DAY = date(2026, 3, 1)
CID = "bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku"


def test_order_of_tally_rows_does_not_matter() -> None:
    """Rows come out sorted, whatever order the warehouse gave; so does the digest."""
    tally = small_tally(SMALL_POLICY)
    assert build_tally(reversed(tally), SMALL_POLICY) == tally
    assert tally_digest(build_tally(reversed(tally), SMALL_POLICY)) == tally_digest(tally)


def test_inputs_digest_depends_on_every_input() -> None:
    """Another manifest, policy or count is another digest; the same inputs are the same."""
    tally = small_tally(SMALL_POLICY)
    base = inputs_digest(bytes(32), bytes(32), tally)
    assert base == inputs_digest(bytes(32), bytes(32), list(tally))
    changed = [tally[0]._replace(value=tally[0].value + 1), *tally[1:]]
    others = {
        inputs_digest(b"\1" * 32, bytes(32), tally),
        inputs_digest(bytes(32), b"\1" * 32, tally),
        inputs_digest(bytes(32), bytes(32), changed),
    }
    assert len(others | {base}) == 4


@pytest.mark.parametrize("value", [-1, 2**52 + 1, 1.0, True, None, "5"])
def test_odd_tally_values_are_refused_unspoken(value: Any) -> None:
    """Only integers in 0..2⁵²; the message does not carry the value."""
    tally = small_tally(SMALL_POLICY)
    with pytest.raises(InvalidInput, match=r"rows\[4\]\.value: must be an integer in 0"):
        build_tally([*tally[:4], tally[4]._replace(value=value), *tally[5:]], SMALL_POLICY)


@pytest.mark.parametrize("position", range(5, 12))
def test_a_tally_without_some_row_is_refused(position: int) -> None:
    """Every platform, region and video row has to be there."""
    tally = small_tally(SMALL_POLICY)
    with pytest.raises(InvalidInput):
        build_tally(tally[:position] + tally[position + 1 :], SMALL_POLICY)


@pytest.mark.parametrize(
    "row",
    [
        ("video", "clip-0", "viewers", 3),
        ("video", "bad key", "viewers", 3),
        ("planet", "x", "viewers", 3),
        ("region", "FR", "viewers", 3),
        ("platform", "x", "viewers", 3),
        ("creator", "ana", "likes", 3),
        ("provider", "floppy", "viewers", 3),
        ("creator", None, "viewers", 3),
    ],
)
def test_a_tally_with_some_other_row_is_refused(row: tuple[str, str, str, int]) -> None:
    """Duplicates, unknown scopes, keys, regions and metrics are refused."""
    with pytest.raises(InvalidInput):
        build_tally([*small_tally(SMALL_POLICY), row], SMALL_POLICY)  # type: ignore[list-item]


def test_manifest_round_trip_and_order() -> None:
    """Segments are ordered by id, so the root does not depend on the order of sealing."""
    manifest = small_manifest(DAY, 5)
    again = build_manifest("demo", DAY, reversed(manifest.segments))
    assert again.root == manifest.root
    assert parse_manifest(manifest.canonical_bytes) == manifest
    assert build_manifest("demo", DAY, manifest.segments[1:]).root != manifest.root


def test_a_day_without_segments_has_a_manifest() -> None:
    """Nothing sealed is a statement too."""
    empty = build_manifest("demo", DAY, ())
    assert parse_manifest(empty.canonical_bytes) == empty


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("segment_id", "a b"),
        ("segment_id", 1),
        ("cid", "Qm"),
        ("cid", 1),
        ("size_bytes", 0),
        ("size_bytes", True),
        ("wrapping_key_id", ""),
        ("key_commitment", b""),
        ("counts_commitment", b"\0" * 31),
    ],
)
def test_malformed_segments_are_refused(field: str, value: Any) -> None:
    """A segment with a field of another type or form cannot be listed."""
    segment = replace(small_manifest(DAY).segments[0], **{field: value})
    with pytest.raises(InvalidInput):
        build_manifest("demo", DAY, [segment])


def test_a_segment_is_listed_once() -> None:
    """Listing a segment twice would count it twice."""
    segments = small_manifest(DAY).segments
    with pytest.raises(InvalidInput, match="occurs twice"):
        build_manifest("demo", DAY, [*segments, segments[0]])


def test_published_manifests_are_read_strictly() -> None:
    """Order, count and format are part of the format."""
    data = small_manifest(DAY).canonical_bytes
    for change in (
        lambda m: m["segments"].reverse(),
        lambda m: m["header"].update(segment_count=1),
        lambda m: m["header"].update(format="other"),
        lambda m: m["header"].update(day=5),
        lambda m: m["header"].update(day="2026-3-1"),
        lambda m: m.update(segments={}),
        lambda m: m["segments"].append(5),
        lambda m: m["segments"][0].update(segment_id=None),
    ):
        with pytest.raises(InvalidInput):
            parse_manifest(edit_json(data, change))


def test_counts_are_hidden_by_their_salt() -> None:
    """Same counts, other salt: another commitment; a short salt hides nothing and is refused."""
    counts = {"accepted": 5}
    assert counts_commitment(counts, bytes(16)) != counts_commitment(counts, b"\1" * 16)
    with pytest.raises(InvalidInput):
        counts_commitment(counts, b"short")


def test_bundle_info_round_trip() -> None:
    """bundle.json parses to what it was built from."""
    info = BundleInfo("demo", DAY, 2, CID, "late events")
    names = ("catalogue", "erasures", "manifest", "policy", "proof", "report")
    files = build_bundle(info, **dict.fromkeys(names, b""))
    assert parse_bundle_info(files["bundle.json"]) == info
    assert sorted(files) == list(BUNDLE_FILES)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("format", "x"),
        ("platform", 1),
        ("day", "today"),
        ("revision", 0),
        ("revision", "1"),
        ("previous", "Qm"),
        ("previous", 3),
        ("reason", None),
        ("reason", "x" * 501),
    ],
)
def test_malformed_bundle_infos_are_refused(field: str, value: object) -> None:
    """A field of another type or form is refused."""
    whole = BundleInfo("demo", DAY, 2, None, "late events").to_json()
    with pytest.raises(InvalidInput):
        parse_bundle_info(canonical.encode({**whole, field: value}))


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 2**53 - 1) | st.text(max_size=4),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(st.data())
def test_no_altered_member_crashes_a_parser(data: st.DataObject) -> None:
    """Any JSON in place of any member is refused as InvalidInput or understood to the byte."""
    documents = (
        (parse_manifest, small_manifest(DAY).canonical_bytes),
        (parse_policy, SMALL_POLICY.canonical_bytes),
        (parse_bundle_info, canonical.encode(BundleInfo("demo", DAY, 2, CID, "x").to_json())),
    )
    parse, whole = data.draw(st.sampled_from(documents))
    document = canonical.parse(whole)
    place = document
    while isinstance(place, dict | list) and place:
        names = list(place) if isinstance(place, dict) else list(range(len(place)))
        name = data.draw(st.sampled_from(names))
        deeper = place[name]
        if not isinstance(deeper, dict | list) or not deeper or data.draw(st.booleans()):
            place[name] = data.draw(json_values)
            break
        place = deeper
    altered = canonical.encode(document)
    try:
        accepted: Any = parse(altered)  # type: ignore[operator]
    except InvalidInput:
        return
    if isinstance(accepted, BundleInfo):
        assert canonical.encode(accepted.to_json()) == altered
    else:
        assert accepted.canonical_bytes == altered
