"""The listing: slots by the rule, a strict parser, and a root that covers all of it."""

import pytest
from eth_utils.crypto import keccak
from hypothesis import given
from hypothesis import strategies as st

from analytics_pipeline.core import canonical
from analytics_pipeline.core.errors import InvalidInput, ListingTooLarge
from analytics_pipeline.core.listing import (
    ListedVideo,
    Listing,
    build_listing,
    catalogue_root,
    name_of,
    parse_listing,
)
from analytics_pipeline.core.poseidon2 import hash_elements

identifiers = st.from_regex(r"[A-Za-z0-9._:-]{1,5}", fullmatch=True)
listings = st.dictionaries(identifiers, identifiers, max_size=12).map(
    lambda pairs: build_listing(ListedVideo(c, v) for v, c in pairs.items())
)
SMALL = build_listing(
    [ListedVideo("zoe", "b"), ListedVideo("ana", "z"), ListedVideo("zoe", "a")],
)


def test_slots_follow_creators_then_videos() -> None:
    """Creators in their order; videos in the order of (creator, video)."""
    assert SMALL.creator_ids == ("ana", "zoe")
    assert SMALL.video_ids == ("z", "a", "b")
    assert SMALL.creator_of_video == (0, 1, 1)
    assert SMALL.video_slot == {"z": 0, "a": 1, "b": 2}
    assert SMALL.creator_slot == {"ana": 0, "zoe": 1}


@given(listings)
def test_creators_never_decrease_along_the_videos(listing: Listing) -> None:
    """What the circuit's pass over creators rests on; and every creator has a video."""
    creators = listing.creator_of_video
    assert list(creators) == sorted(creators)
    assert sorted(set(creators)) == list(range(len(listing.creator_ids)))
    assert parse_listing(listing.canonical_bytes) == listing


def test_the_document() -> None:
    """`catalogue.json` of two videos, to the byte; and of none."""
    assert build_listing(SMALL.videos[:2]).canonical_bytes == (
        b'{"format":"viewership-catalogue/1","videos":['
        b'{"creator_id":"ana","video_id":"z"},{"creator_id":"zoe","video_id":"a"}]}'
    )
    assert parse_listing(b'{"format":"viewership-catalogue/1","videos":[]}').videos == ()


def document(*videos: object, **members: object) -> bytes:
    return canonical.encode({"format": "viewership-catalogue/1", "videos": list(videos), **members})


A, B = {"creator_id": "ana", "video_id": "a"}, {"creator_id": "ana", "video_id": "b"}


@pytest.mark.parametrize(
    ("data", "field"),
    [
        (document(B, A), "catalogue.videos"),
        (document(A, A), "videos.video_id"),
        (document(A, {"creator_id": "bea", "video_id": "a"}), "videos.video_id"),
        (document({"creator_id": "ana"}), "videos[0].video_id"),
        (document(A, {**B, "title": "x"}), "videos[1].title"),
        (document({**A, "video_id": 1}), "videos[0].video_id"),
        (document({**A, "creator_id": "a b"}), "videos.creator_id"),
        (document({**A, "video_id": ""}), "videos.video_id"),
        (document("a"), "videos[0]"),
        (document(A, format="viewership-catalogue/2"), "catalogue.format"),
        (document(A, videos={}), "catalogue.videos"),
        (document(A, extra=1), "catalogue.extra"),
        (b"[]", "catalogue"),
        (b'{"videos": []}', "catalogue"),
    ],
)
def test_other_documents_are_refused(data: bytes, field: str) -> None:
    """The error names the field."""
    with pytest.raises(InvalidInput) as caught:
        parse_listing(data)
    assert caught.value.field == field


def test_names_leave_room_for_metrics() -> None:
    """240 bits of Keccak-256, times 64; the platform's key is empty."""
    digest = int.from_bytes(keccak(b"platform/"), "big")
    assert name_of("platform", "") == (digest >> 16) * 64 < 2**246
    assert name_of("video", "a") != name_of("creator", "a")


def test_the_root_by_hand() -> None:
    """Three videos in four slots, two creators in three: names, owners, flags."""
    elements = [
        *(name_of("video", video) for video in "zab"),
        0,
        name_of("creator", "ana"),
        name_of("creator", "zoe"),
        0,
        1 + (3 << 14) + (3 << 28),
        0b011,
    ]
    expected = hash_elements("viewership/catalogue/1", 0, elements)
    assert catalogue_root(SMALL, 4, 3) == expected


def test_a_second_element_begins_after_18_videos_and_253_creators() -> None:
    """The packing of the root at its seams."""
    listing = build_listing(ListedVideo(f"c{i:03}", f"v{i:03}") for i in range(254))
    names = [
        *(name_of("video", video) for video in listing.video_ids),
        *(name_of("creator", creator) for creator in listing.creator_ids),
    ]
    owners = [
        sum((2 * (start + place) + 1) << (14 * place) for place in range(min(18, 254 - start)))
        for start in range(0, 254, 18)
    ]
    expected = hash_elements("viewership/catalogue/1", 0, [*names, *owners, 2**253 - 1, 1])
    assert catalogue_root(listing, 254, 254) == expected


def test_the_root_covers_names_owners_and_slots() -> None:
    """Another video, creator, owner or shape: another root."""
    roots = {
        catalogue_root(listing, videos, creators)
        for listing in (
            SMALL,
            build_listing([*SMALL.videos, ListedVideo("zoe", "c")]),
            build_listing([*SMALL.videos[:2], ListedVideo("ana", "b")]),
            build_listing([*SMALL.videos[:2], ListedVideo("zoe", "c")]),
        )
        for videos, creators in ((4, 3), (5, 3), (4, 4))
    }
    assert len(roots) == 12


@pytest.mark.parametrize(("videos", "creators", "what"), [(2, 9, "videos"), (9, 1, "creators")])
def test_a_listing_that_outgrows_its_slots(videos: int, creators: int, what: str) -> None:
    """The error says how many there are of what, and how much room."""
    with pytest.raises(ListingTooLarge) as caught:
        catalogue_root(SMALL, videos, creators)
    assert caught.value.what == what
    assert caught.value.count == caught.value.room + 1
