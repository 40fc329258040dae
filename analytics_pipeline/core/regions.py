"""The fixed list of regions: ISO 3166-1 alpha-2 codes and ZZ for "unknown"; each has a continent.

A release has a row for each, seen or not: which countries appear must not depend on who watched.
Continents are those of UN M49, with two exceptions that GeoNames makes as well: the Americas are
two (south: M49's "South America"), and Antarctica has the uninhabited islands around it.
"""

from typing import Final

UNKNOWN_REGION: Final = "ZZ"

_CODES: Final = (
    "AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ "
    "BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR BS BT BV BW BY BZ "
    "CA CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ "
    "DE DJ DK DM DO DZ EC EE EG EH ER ES ET FI FJ FK FM FO FR "
    "GA GB GD GE GF GG GH GI GL GM GN GP GQ GR GS GT GU GW GY "
    "HK HM HN HR HT HU ID IE IL IM IN IO IQ IR IS IT JE JM JO JP "
    "KE KG KH KI KM KN KP KR KW KY KZ LA LB LC LI LK LR LS LT LU LV LY "
    "MA MC MD ME MF MG MH MK ML MM MN MO MP MQ MR MS MT MU MV MW MX MY MZ "
    "NA NC NE NF NG NI NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM PN PR PS PT PW PY QA "
    "RE RO RS RU RW SA SB SC SD SE SG SH SI SJ SK SL SM SN SO SR SS ST SV SX SY SZ "
    "TC TD TF TG TH TJ TK TL TM TN TO TR TT TV TW TZ UA UG UM US UY UZ "
    "VA VC VE VG VI VN VU WF WS YE YT ZA ZM ZW ZZ"
)

REGIONS: Final[tuple[str, ...]] = tuple(_CODES.split())

UNKNOWN_CONTINENT: Final = "zz"

_REGIONS_OF_CONTINENT: Final = {
    "af": (
        "AO BF BI BJ BW CD CF CG CI CM CV DJ DZ EG EH ER ET GA GH GM GN GQ GW IO KE KM LR LS LY MA "
        "MG ML MR MU MW MZ NA NE NG RE RW SC SD SH SL SN SO SS ST SZ TD TG TN TZ UG YT ZA ZM ZW"
    ),
    "an": "AQ BV GS HM TF",
    "as": (
        "AE AF AM AZ BD BH BN BT CN CY GE HK ID IL IN IQ IR JO JP KG KH KP KR KW KZ LA LB LK MM MN "
        "MO MV MY NP OM PH PK PS QA SA SG SY TH TJ TL TM TR TW UZ VN YE"
    ),
    "eu": (
        "AD AL AT AX BA BE BG BY CH CZ DE DK EE ES FI FO FR GB GG GI GR HR HU IE IM IS IT JE LI LT "
        "LU LV MC MD ME MK MT NL NO PL PT RO RS RU SE SI SJ SK SM UA VA"
    ),
    "na": (
        "AG AI AW BB BL BM BQ BS BZ CA CR CU CW DM DO GD GL GP GT HN HT JM KN KY LC MF MQ MS MX NI "
        "PA PM PR SV SX TC TT US VC VG VI"
    ),
    "oc": "AS AU CC CK CX FJ FM GU KI MH MP NC NF NR NU NZ PF PG PN PW SB TK TO TV UM VU WF WS",
    "sa": "AR BO BR CL CO EC FK GF GY PE PY SR UY VE",
    UNKNOWN_CONTINENT: UNKNOWN_REGION,
}
CONTINENTS: Final[tuple[str, ...]] = tuple(_REGIONS_OF_CONTINENT)
_CONTINENT: Final = {
    region: continent
    for continent, regions in _REGIONS_OF_CONTINENT.items()
    for region in regions.split()
}


def continent_of(region: str) -> str:
    """The continent of a region: one of `CONTINENTS`, ``zz`` for a code that no list has."""
    return _CONTINENT.get(region, UNKNOWN_CONTINENT)
