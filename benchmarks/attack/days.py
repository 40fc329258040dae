"""Worst-case neighbouring days: everybody else's viewing, and one viewer-day that is in or out.

Every day has the same crowd, and at most one viewer more, who does what no honest player would: a
hundred videos, days within a day, another country and provider in every tab. Bounds must hold
against exactly that, so it stands in the data of every build. Belongs here: who watches what, as
events. Does not belong here: what the models make of it (`tallies`).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Final

from analytics_pipeline.core.day import day_start_ms
from analytics_pipeline.core.event import PROVIDERS
from analytics_pipeline.core.listing import ListedVideo, build_listing
from analytics_pipeline.core.policy import DEFAULT_POLICY, RETENTION_BINS
from analytics_pipeline.core.regions import REGIONS

PLATFORM: Final = "attack"
#: So many that her videos' cells are shown about as often as hidden: suppression has work to do.
CROWD: Final = 40
#: Equal parts of the seconds of a video that the reconstruction tells apart.
FIFTHS: Final = 5
#: So long that a position says the furthest bin, however little was watched.
DURATION_MS: Final = 86_400_000

_VIDEOS: Final = 100
#: Videos of the first creator; every other one has a single video. Names are in order of slots.
_FIRST_CREATORS: Final = 4
LISTING: Final = build_listing(
    ListedVideo(f"c{max(0, slot + 1 - _FIRST_CREATORS):03d}", f"v{slot:03d}")
    for slot in range(_VIDEOS)
)

_BOUNDS: Final = DEFAULT_POLICY.bounds
_MS_PER_HOUR: Final = 3_600_000
#: All views of a day begin within a second: many tabs of many people, at one instant.
_START_MS: Final = 10 * _MS_PER_HOUR
_GLIMPSE_MS: Final = 500
_FIRST_DAY: Final = date(2026, 1, 1)


@dataclass(frozen=True)
class Viewing:
    """One view: of which video, how much is watched, where it is left; ``place`` numbers country
    and provider, round and round; ``summed`` by a device that counts for itself."""

    slot: int
    watch_ms: int
    left_at_ms: int
    place: int = 0
    summed: bool = False


def _glimpse(slot: int) -> Viewing:
    return Viewing(slot, _GLIMPSE_MS, _GLIMPSE_MS)


#: One video of every creator, each in another country and over another provider.
_ONE_OF_EACH: Final = (0, *range(_FIRST_CREATORS, _VIDEOS))
_GLUTTON: Final = [
    Viewing(slot, _MS_PER_HOUR // 2, _MS_PER_HOUR // 2, place)
    for place, slot in enumerate(_ONE_OF_EACH)
]
#: Five hours of each video of one creator, all at once; then as many videos as count, an instant.
_MARATHON: Final = [
    *(Viewing(slot, 5 * _MS_PER_HOUR, 5 * _MS_PER_HOUR) for slot in range(_FIRST_CREATORS)),
    *map(_glimpse, range(_FIRST_CREATORS, _BOUNDS.videos_per_viewer_day)),
]
#: The same from a device that counts for itself, and has forgotten every bound.
_DEVICE: Final = [
    Viewing(slot, 5 * _MS_PER_HOUR, 5 * _MS_PER_HOUR, place, summed=True)
    for place, slot in enumerate(_ONE_OF_EACH)
]
#: As many creators as count.
_TEN_CREATORS: Final = [_glimpse(slot) for slot in _ONE_OF_EACH[: _BOUNDS.videos_per_viewer_day]]
#: What each of the crowd watches: the bounded part of a marathon.
_USUAL: Final = [
    *(
        Viewing(slot, _BOUNDS.seconds_per_video * 1000, 5 * _MS_PER_HOUR)
        for slot in range(_FIRST_CREATORS)
    ),
    *map(_glimpse, range(_FIRST_CREATORS, _BOUNDS.videos_per_viewer_day)),
]


def _one_video(slot: int) -> list[Viewing]:
    return [Viewing(slot, _BOUNDS.seconds_per_video * 1000, _GLIMPSE_MS)]


def _one_fifth(number: int) -> list[Viewing]:
    seconds = _BOUNDS.seconds_per_video * (2 * number + 1) // (2 * FIFTHS)
    return [Viewing(0, seconds * 1000, _GLIMPSE_MS)]


def _one_bin(position: int) -> list[Viewing]:
    return [Viewing(0, 60_000, DURATION_MS * (2 * position + 1) // (2 * RETENTION_BINS))]


#: What the reconstruction chooses from: task → days, all equally likely.
TASKS: Final[dict[str, list[str]]] = {
    "which of 10 videos": [f"video {n}" for n in range(10)],
    "which fifth of the seconds": [f"fifth {n}" for n in range(FIFTHS)],
    "which furthest bin": [f"bin {n}" for n in range(RETENTION_BINS)],
}
#: Name of a day → what the one viewer watches. On the first she is out.
TARGETS: Final[dict[str, Sequence[Viewing]]] = {
    "out": [],
    "glutton": _GLUTTON,
    "marathon": _MARATHON,
    "ten creators": _TEN_CREATORS,
    **{f"video {n}": _one_video(n) for n in range(10)},
    **{f"fifth {n}": _one_fifth(n) for n in range(FIFTHS)},
    **{f"bin {n}": _one_bin(n) for n in range(RETENTION_BINS)},
    "device": _DEVICE,
}
#: On which day one viewer changes most of a query.
_WORST: Final = {
    "creator.continent": "ten creators",
    "creator.viewers": "glutton",
    "creator.watch_seconds": "marathon",
    "platform.first_of_month": "glutton",
    "platform.first_of_week": "glutton",
    "platform.peak_viewers": "glutton",
    "platform.viewers": "glutton",
    "platform.views": "glutton",
    "platform.watch_seconds": "marathon",
    "provider.rebuffer": "glutton",
    "provider.startup": "glutton",
    "provider.viewers": "glutton",
    "region.viewers": "glutton",
    "video.furthest_bin": "marathon",
    "video.viewers": "glutton",
    "video.watch_seconds": "marathon",
}


class NoAttack(LookupError):
    """A query nobody has thought about an attack on."""


def worst_day(query: str) -> str:
    """The day on which one viewer changes most of a query. Raises NoAttack."""
    if query not in _WORST:
        raise NoAttack(
            f"{query}: name the day on which one viewer changes most of it, in {__file__}"
        )
    return _WORST[query]


def date_of(name: str) -> date:
    """Every day of `TARGETS` has a date of its own, so that one run of the models builds all."""
    return _FIRST_DAY + timedelta(days=list(TARGETS).index(name))


def build_events(name: str) -> list[dict[str, Any]]:
    """All events of a day, the crowd's and hers."""
    day = date_of(name)
    events = [event for n in range(CROWD) for event in _events(day, f"{n:032x}", _USUAL)]
    return [*events, *_events(day, "f" * 32, TARGETS[name])]


def _events(day: date, viewer: str, viewings: Sequence[Viewing]) -> Iterator[dict[str, Any]]:
    providers = sorted(PROVIDERS)
    for number, viewing in enumerate(viewings):
        start_ms = day_start_ms(day) + _START_MS + number
        view = {
            "session_id": f"{viewer}-{number:03d}",
            "video_id": LISTING.video_ids[viewing.slot],
            "viewer": viewer,
            "country": REGIONS[viewing.place % len(REGIONS)],
            "provider": providers[viewing.place % len(providers)],
            "received_at_ms": start_ms,
        }
        play = {"type": "play", "at_ms": start_ms, "seq": 0, "position_ms": 0, "startup_ms": 100}
        bits = {"first_of_week": True, "first_of_month": True}
        if viewing.summed:
            # one session a device and day; a later summary includes the earlier ones
            shared = {**view, **bits, "session_id": viewer, "type": "summary"}
            for seq, part_ms in enumerate((viewing.watch_ms // 2, viewing.watch_ms)):
                figures = {"watched_ms": part_ms, "position_ms": viewing.left_at_ms}
                yield {**shared, **figures, "at_ms": start_ms + seq, "seq": seq}
            continue
        yield {**view, **play, **bits}
        end_ms = start_ms + viewing.watch_ms
        left = {"type": "pause", "at_ms": end_ms, "seq": 1, "position_ms": viewing.left_at_ms}
        yield {**view, **left}
