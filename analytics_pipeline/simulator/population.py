"""Who watches, and what there is to watch. Every proportion invented here stands in a table.

Belongs here: countries, addresses, user agents, videos, creators. Does not belong here: when
anybody comes (`schedule`). The address blocks are real registry allocations, so that the country
look-up of the ingestion API gives the viewer's country; the addresses in them are drawn at random
and stand for nobody.
"""

import csv
import random
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from ipaddress import IPv4Address, IPv4Network
from typing import Final

from analytics_pipeline.core.event import Provider
from analytics_pipeline.simulator.spec import SimulationSpec


@dataclass(frozen=True)
class Country:
    """Share of the viewers (relative weight), and offset of local time from UTC in hours."""

    share: float
    utc_offset_hours: float


COUNTRIES: Final[dict[str, Country]] = {
    "US": Country(24, -6),
    "DE": Country(10, 1),
    "JP": Country(9, 9),
    "BR": Country(9, -3),
    "IN": Country(13, 5.5),
    "GB": Country(8, 0),
    "FR": Country(7, 1),
    "NG": Country(4, 1),
    "ID": Country(5, 7),
    "CA": Country(5, -5),
    "MX": Country(4, -6),
    "ZA": Country(2, 2),
}
PROVIDER_SHARE: Final[dict[Provider, float]] = {
    "ipfs": 45,
    "arweave": 20,
    "filecoin": 15,
    "cdn": 20,
}
USER_AGENTS: Final[tuple[str, ...]] = tuple(
    f"Mozilla/5.0 ({system}) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/{version}.0.0.0 {device}"
    for version in (150, 151, 152, 153)
    for system, device in (
        ("Windows NT 10.0; Win64; x64", "Safari/537.36"),
        ("Macintosh; Intel Mac OS X 10_15_7", "Safari/537.36"),
        ("X11; Linux x86_64", "Safari/537.36"),
        ("Linux; Android 10; K", "Mobile Safari/537.36"),
    )
)
_PLACES: Final = ("Harbour", "Valley", "Market", "Glacier", "Night train", "Rooftop", "Orchard")
_TIMES: Final = ("at dawn", "in the rain", "by bicycle", "after midnight", "in winter")


@dataclass(frozen=True)
class Viewer:
    """Somebody behind one address and one browser."""

    number: int
    country: str
    address: str
    user_agent: str


@dataclass(frozen=True)
class Video:
    """A row of the catalogue. ``duration_ms`` is that of the recordings it is played with."""

    video_id: str
    creator_id: str
    title: str
    duration_ms: int


@cache
def load_address_blocks() -> dict[str, tuple[IPv4Network, ...]]:
    """The committed address blocks by country."""
    text = files(__package__).joinpath("address_blocks.csv").read_text("ascii")
    blocks: dict[str, list[IPv4Network]] = {}
    for row in csv.DictReader(text.splitlines()):
        blocks.setdefault(row["country"], []).append(IPv4Network(row["block"]))
    return {country: tuple(networks) for country, networks in blocks.items()}


def build_viewer(seed: int, number: int) -> Viewer:
    """Viewer `number` of a seed's population; the same whoever asks, in whatever order."""
    rng = random.Random(f"{seed}/viewer/{number}")  # noqa: S311 - a simulation
    shares = [country.share for country in COUNTRIES.values()]
    code = rng.choices(list(COUNTRIES), shares)[0]
    blocks = load_address_blocks()[code]
    block = rng.choices(blocks, [network.num_addresses for network in blocks])[0]
    address = IPv4Address(int(block.network_address) + rng.randrange(1, block.num_addresses - 1))
    return Viewer(number, code, str(address), rng.choice(USER_AGENTS))


def _title(number: int) -> str:
    place, time = _PLACES[number % len(_PLACES)], _TIMES[number % len(_TIMES)]
    return f"{place} {time}, part {number + 1}"


def build_videos(spec: SimulationSpec) -> list[Video]:
    """The catalogue, most popular video first. Creators get videos in turn; media lengths, too."""
    lengths = sorted({shape.duration_ms for shape in spec.shapes})
    return [
        Video(
            video_id=f"video-{number:04d}",
            creator_id=f"creator-{number % spec.creators:03d}",
            title=_title(number),
            duration_ms=lengths[number % len(lengths)],
        )
        for number in range(spec.videos)
    ]


def home_provider(number: int) -> Provider:
    """Where video `number` is stored first: the providers in proportion to their shares."""
    shares = list(PROVIDER_SHARE.items())
    point = (number * 37 + 13) % 100 * sum(PROVIDER_SHARE.values()) / 100
    for provider, share in shares:
        point -= share
        if point < 0:
            return provider
    return shares[-1][0]
