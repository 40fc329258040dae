"""Every region has its continent, held against where the tz database puts its time zones."""

from collections import Counter, defaultdict
from importlib.resources import files

from analytics_pipeline.core.regions import CONTINENTS, REGIONS, continent_of

#: Areas of the tz database that are continents ("America" is two).
AREAS = {
    "Africa": {"af"},
    "America": {"na", "sa"},
    "Antarctica": {"an"},
    "Asia": {"as"},
    "Australia": {"oc"},
    "Europe": {"eu"},
    "Pacific": {"oc"},
}
#: UN M49, area 005; the islands BV and GS, without people, go with Antarctica.
SOUTH_AMERICA = set("AR BO BR CL CO EC FK GF GY PE PY SR UY VE".split())  # noqa: SIM905
#: Regions whose time zones lie in an ocean, or across a border that M49 draws elsewhere.
ELSEWHERE = {
    **dict.fromkeys(["CV", "IO", "KM", "MG", "MU", "RE", "SC", "SH", "YT"], "af"),
    **dict.fromkeys(["BV", "GS", "HM", "TF"], "an"),
    **dict.fromkeys(["MV", "TR"], "as"),
    **dict.fromkeys(["FO", "IS", "SJ"], "eu"),
    **dict.fromkeys(["CC", "CX"], "oc"),
    "BM": "na",
    "FK": "sa",
    "ZZ": "zz",
}


def test_continents_are_where_the_time_zones_are() -> None:
    """PyPI's tzdata names a time zone of nearly every region after its continent."""
    possible: defaultdict[str, set[str]] = defaultdict(set)
    for line in (files("tzdata") / "zoneinfo" / "zone.tab").read_text().splitlines():
        if not line.startswith("#"):
            region, _, zone = line.split("\t")[:3]
            possible[region] |= AREAS.get(zone.split("/")[0], set())
    odd = {region for region in REGIONS if continent_of(region) not in possible[region]}
    assert odd == ELSEWHERE.keys()
    assert {region: continent_of(region) for region in odd} == ELSEWHERE
    assert {region for region in REGIONS if continent_of(region) == "sa"} == SOUTH_AMERICA


def test_every_region_is_on_one_continent() -> None:
    """The table has each region once; what no list has is on none."""
    assert tuple(sorted(CONTINENTS)) == CONTINENTS
    counts = Counter(map(continent_of, REGIONS))
    assert set(counts) == set(CONTINENTS)
    assert counts["zz"] == 1
    assert continent_of("XK") == "zz"
