"""Codes of places for providers without a table of their own: ISO countries, the EEA, regions of large clouds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from fjordkube.providers.provider import Place

REGIONS: Final[Mapping[str, Place]] = {
    "norwayeast": Place("NO", "Oslo"),
    "norwaywest": Place("NO", "Stavanger"),
    "northeurope": Place("IE", "Dublin"),
    "westeurope": Place("NL", "Amsterdam"),
    "swedencentral": Place("SE", "Gävle"),
    "denmarkeast": Place("DK", "Copenhagen"),
    "germanywestcentral": Place("DE", "Frankfurt"),
    "germanynorth": Place("DE", "Berlin"),
    "francecentral": Place("FR", "Paris"),
    "polandcentral": Place("PL", "Warsaw"),
    "switzerlandnorth": Place("CH", "Zürich"),
    "uksouth": Place("GB", "London"),
    "eastus": Place("US", "Virginia"),
    "westus": Place("US", "California"),
    "eu-north-1": Place("SE", "Stockholm"),
    "eu-west-1": Place("IE", "Dublin"),
    "eu-west-2": Place("GB", "London"),
    "eu-west-3": Place("FR", "Paris"),
    "eu-central-1": Place("DE", "Frankfurt"),
    "eu-central-2": Place("CH", "Zürich"),
    "eu-south-1": Place("IT", "Milan"),
    "eu-south-2": Place("ES", "Aragon"),
    "us-east-1": Place("US", "Virginia"),
    "us-west-2": Place("US", "Oregon"),
    "me-south-1": Place("BH"),
    "sa-east-1": Place("BR", "São Paulo"),
    "af-south-1": Place("ZA", "Cape Town"),
    "europe-north1": Place("FI", "Hamina"),
    "europe-north2": Place("SE", "Stockholm"),
    "europe-west1": Place("BE", "St. Ghislain"),
    "europe-west3": Place("DE", "Frankfurt"),
    "europe-west4": Place("NL", "Eemshaven"),
}
"""Regions of large clouds whose names hide the country: Azure, AWS (also the region names that S3-like stores borrow)
and Google Cloud, from their public lists of regions as known on 2026-11-25. Not complete: one that is missing is
refused, and a country code such as se-stockholm says the same."""


def _codes(text: str) -> frozenset[str]:
    return frozenset(text.split())


EEA: Final = _codes("AT BE BG CY CZ DE DK EE ES FI FR GR HR HU IE IS IT LI LT LU LV MT NL NO PL PT RO SE SI SK")
"""The European Economic Area: the 27 members of the EU, Iceland, Liechtenstein and Norway; without Switzerland."""

COUNTRIES: Final = _codes("""
    AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR BS BT BV BW BY BZ CA
    CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ EC EE EG EH ER ES ET FI FJ FK FM FO FR GA
    GB GD GE GF GG GH GI GL GM GN GP GQ GR GS GT GU GW GY HK HM HN HR HT HU ID IE IL IM IN IO IQ IR IS IT JE JM JO JP
    KE KG KH KI KM KN KP KR KW KY KZ LA LB LC LI LK LR LS LT LU LV LY MA MC MD ME MF MG MH MK ML MM MN MO MP MQ MR MS
    MT MU MV MW MX MY MZ NA NC NE NF NG NI NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM PN PR PS PT PW PY QA RE RO RS
    RU RW SA SB SC SD SE SG SH SI SJ SK SL SM SN SO SR SS ST SV SX SY SZ TC TD TF TG TH TJ TK TL TM TN TO TR TT TV TW
    TZ UA UG UM US UY UZ VA VC VE VG VI VN VU WF WS YE YT ZA ZM ZW
""")
"""ISO 3166-1 alpha-2."""

ALIASES: Final = {"UK": "GB"}
"""Codes that zones use and ISO does not."""
