"""Viewers live where the ingestion API's country database says their addresses are."""

from ipaddress import IPv4Address

import pytest

from analytics_pipeline.simulator.population import (
    COUNTRIES,
    PROVIDER_SHARE,
    build_viewer,
    home_provider,
    load_address_blocks,
)
from analytics_pipeline.storage.country import CountryDatabase

DATABASE = CountryDatabase()
SAMPLES = 256


def test_every_country_has_blocks() -> None:
    """The tables of countries and of address blocks name the same twelve countries."""
    assert load_address_blocks().keys() == COUNTRIES.keys()
    assert len(COUNTRIES) == 12


@pytest.mark.parametrize("country", COUNTRIES)
def test_blocks_resolve_to_their_country(country: str) -> None:
    """Each block, sampled evenly from end to end, belongs to its country."""
    for block in load_address_blocks()[country]:
        assert block.is_global
        first, last = int(block.network_address), int(block.broadcast_address)
        for step in range(SAMPLES + 1):
            address = IPv4Address(first + (last - first) * step // SAMPLES)
            assert DATABASE.country_of(address) == country, address


def test_viewers_resolve_to_their_country() -> None:
    """So do the addresses drawn for viewers; a viewer is the same whenever asked for."""
    viewers = [build_viewer(3, number) for number in range(500)]
    for viewer in viewers:
        assert DATABASE.country_of(IPv4Address(viewer.address)) == viewer.country
    assert len({viewer.address for viewer in viewers}) == 500
    assert len({viewer.country for viewer in viewers}) == 12
    assert build_viewer(3, 7) == viewers[7] != build_viewer(4, 7)


def test_homes_of_videos_follow_the_shares() -> None:
    """A hundred videos are stored where the table says."""
    homes = [home_provider(number) for number in range(100)]
    assert {name: homes.count(name) for name in PROVIDER_SHARE} == PROVIDER_SHARE
