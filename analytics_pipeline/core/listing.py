"""The listing of a day: the public videos and creators that have figures, each with its slot.

    catalogue.json = JCS {"format": "viewership-catalogue/1", "videos": [{…}, …]}      RFC 8785
    slots           creators by creator_id: 0, 1, …; videos by (creator_id, video_id): 0, 1, …
    catalogue root  Poseidon2 over names and slots, filled up to what a proof's shape has room for

The listing is public and must not depend on who watched. Belongs here: the format, slots, names and
the root. Does not belong here: the catalogue an operator edits (`storage.catalogue`).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any, Final, NamedTuple

from analytics_pipeline.core import canonical
from analytics_pipeline.core.errors import InvalidInput, ListingTooLarge
from analytics_pipeline.core.keccak import keccak256
from analytics_pipeline.core.poseidon2 import hash_elements
from analytics_pipeline.core.tally import IDENTIFIER

FORMAT: Final = "viewership-catalogue/1"
ROOT_LABEL: Final = "viewership/catalogue/1"
#: Names are multiples of it: the metrics of a key are the numbers from its name on.
NAME_STEP: Final = 64
_NAME_SHIFT: Final = 16
#: Bits of 2c + 1 in the root, hence no more creators than 2¹³; and how an element is filled.
CREATOR_BITS: Final = 14
SLOTS_PER_ELEMENT: Final = 18
FLAGS_PER_ELEMENT: Final = 253
_MEMBERS: Final = frozenset(("format", "videos"))
_VIDEO_MEMBERS: Final = frozenset(("creator_id", "video_id"))


class ListedVideo(NamedTuple):
    """A public video and whose it is; ordered as slots are."""

    creator_id: str
    video_id: str


@dataclass(frozen=True)
class Listing:
    """Videos in slot order. Made by `build_listing` or `parse_listing`, which check it."""

    videos: tuple[ListedVideo, ...]

    @cached_property
    def video_ids(self) -> tuple[str, ...]:
        """video_id of each video slot."""
        return tuple(video.video_id for video in self.videos)

    @cached_property
    def creator_ids(self) -> tuple[str, ...]:
        """creator_id of each creator slot."""
        return tuple(sorted({video.creator_id for video in self.videos}))

    @cached_property
    def video_slot(self) -> dict[str, int]:
        """video_id → its slot."""
        return {video_id: slot for slot, video_id in enumerate(self.video_ids)}

    @cached_property
    def creator_slot(self) -> dict[str, int]:
        """creator_id → its slot."""
        return {creator_id: slot for slot, creator_id in enumerate(self.creator_ids)}

    @cached_property
    def creator_of_video(self) -> tuple[int, ...]:
        """Creator slot of each video slot; never decreases."""
        return tuple(self.creator_slot[video.creator_id] for video in self.videos)

    @cached_property
    def canonical_bytes(self) -> bytes:
        """`catalogue.json` of a bundle."""
        videos = [{"creator_id": creator, "video_id": video} for creator, video in self.videos]
        return canonical.encode({"format": FORMAT, "videos": videos})


def build_listing(videos: Iterable[ListedVideo]) -> Listing:
    """Put videos in order. Raises InvalidInput for a bad identifier or a video named twice."""
    ordered = sorted(videos)
    seen: set[str] = set()
    for video in ordered:
        for field, value in zip(video._fields, video, strict=True):
            if not IDENTIFIER.fullmatch(value):
                raise InvalidInput(f"videos.{field}", f"{value!r} is not an identifier")
        if video.video_id in seen:
            raise InvalidInput("videos.video_id", f"{video.video_id!r} occurs more than once")
        seen.add(video.video_id)
    return Listing(tuple(ordered))


def parse_listing(data: bytes) -> Listing:
    """Parse `catalogue.json`: canonical, of the right shape, in slot order.

    Raises:
        InvalidInput: naming the field, e.g. ``videos[3].creator_id``.
    """
    raw = canonical.check_members(canonical.parse(data, "catalogue"), _MEMBERS, "catalogue")
    if raw["format"] != FORMAT:
        raise InvalidInput("catalogue.format", f"must be {FORMAT!r}")
    if not isinstance(raw["videos"], list):
        raise InvalidInput("catalogue.videos", "must be a list")
    videos = [_parse_video(value, position) for position, value in enumerate(raw["videos"])]
    listing = build_listing(videos)
    if list(listing.videos) != videos:
        raise InvalidInput("catalogue.videos", "must be in order of (creator_id, video_id)")
    return listing


def name_of(scope: str, key: str) -> int:
    """The number that stands for a key: a multiple of 64 below 2²⁴⁶, from Keccak-256.

    Two names collide with a probability of about 2⁻²⁰⁰ for any day; nobody can find two that do.
    """
    digest = int.from_bytes(keccak256(f"{scope}/{key}".encode()), "big")
    return (digest >> _NAME_SHIFT) * NAME_STEP


@lru_cache(maxsize=8)
def catalogue_root(listing: Listing, video_slots: int, creator_slots: int) -> int:
    """The listing as one field element, for a circuit with room for that many of each.

    Elements: name of each video slot, name of each creator slot (0 where empty); then 2c + 1 for a
    used video slot of creator c, 0 for an empty one, 14 bits each, 18 to an element; then a 1 for
    every used creator slot, 253 to an element. The first of each stands in the lowest bits. Days
    share their listings, so the last few are remembered.

    Raises:
        ListingTooLarge: the listing has more videos or creators than slots.
    """
    check_room(listing, video_slots, creator_slots)
    videos = [name_of("video", video_id) for video_id in listing.video_ids]
    creators = [name_of("creator", creator_id) for creator_id in listing.creator_ids]
    owners = [2 * creator + 1 for creator in listing.creator_of_video]
    flags = [1] * len(creators)
    elements = [
        *_fill(videos, video_slots),
        *_fill(creators, creator_slots),
        *_pack(_fill(owners, video_slots), CREATOR_BITS, SLOTS_PER_ELEMENT),
        *_pack(_fill(flags, creator_slots), 1, FLAGS_PER_ELEMENT),
    ]
    return hash_elements(ROOT_LABEL, 0, elements)


def check_room(listing: Listing, video_slots: int, creator_slots: int) -> None:
    """Raises ListingTooLarge if the listing does not fit the slots."""
    most_creators = min(creator_slots, 1 << (CREATOR_BITS - 1))
    for what, count, room in (
        ("videos", len(listing.video_ids), video_slots),
        ("creators", len(listing.creator_ids), most_creators),
    ):
        if count > room:
            raise ListingTooLarge(what, count, room)


def _parse_video(value: Any, position: int) -> ListedVideo:
    field = f"videos[{position}]"
    raw = canonical.check_members(value, _VIDEO_MEMBERS, field)
    for name in ("creator_id", "video_id"):
        if not isinstance(raw[name], str):
            raise InvalidInput(f"{field}.{name}", "must be a string")
    return ListedVideo(raw["creator_id"], raw["video_id"])


def _fill(values: list[int], slots: int) -> list[int]:
    return values + [0] * (slots - len(values))


def _pack(values: list[int], bits: int, per_element: int) -> list[int]:
    return [
        sum(
            value << (bits * place)
            for place, value in enumerate(values[start : start + per_element])
        )
        for start in range(0, len(values), per_element)
    ]
