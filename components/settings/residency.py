"""Where zones are: which country each provider's zones stand in, and what a stack's `residency` allows.

Owns the tables and the judgement of one zone, as asked for or as a provider returned it. Leaves the shape of a zone to
`types.py`, which fields are judged to `consistency/`, and what follows from a refusal to the callers. Pure: nothing
is asked of a provider here, and a place of a table is a statement of the provider's own documentation.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final, Literal

Residency = Literal["norway", "eea", "any"]
"""Where nodes and data may be: Norway, the European Economic Area, or anywhere."""


@dataclass(frozen=True)
class Place:
    """Where a zone is."""

    country: str
    """ISO 3166-1 alpha-2 code, e.g. NO."""
    city: str = ""
    """City or region, e.g. Stavanger; empty where a code says the country alone."""

    def __str__(self) -> str:
        return f"in {self.city} ({self.country})" if self.city else f"in {self.country}"


UPCLOUD: Final = {
    "no-svg1": Place("NO", "Stavanger"),
    "fi-hel1": Place("FI", "Helsinki"),
    "fi-hel2": Place("FI", "Helsinki"),
    "de-fra1": Place("DE", "Frankfurt"),
    "nl-ams1": Place("NL", "Amsterdam"),
    "pl-waw1": Place("PL", "Warsaw"),
    "es-mad1": Place("ES", "Madrid"),
    "se-sto1": Place("SE", "Stockholm"),
    "dk-cph1": Place("DK", "Copenhagen"),
    "uk-lon1": Place("GB", "London"),
    "us-chi1": Place("US", "Chicago"),
    "us-nyc1": Place("US", "New York"),
    "us-sjo1": Place("US", "San Jose"),
    "sg-sin1": Place("SG", "Singapore"),
    "au-syd1": Place("AU", "Sydney"),
}
"""UpCloud's public zones (names as in several public Terraform modules for UpCloud, read 2026-11-25)."""

NREC: Final = {"osl": Place("NO", "Oslo"), "bgo": Place("NO", "Bergen")}
"""Regions of NREC, the Norwegian Research and Education Cloud: the universities of Oslo and Bergen (docs.nrec.no/
api.html names osl and bgo, read 2026-11-25 in the pages' source, norcams/docs-enduser)."""

SAFESPRING: Final = {
    "osl2": Place("NO", "Oslo"),
    "osl1": Place("NO", "Oslo"),
    "sto1": Place("SE", "Stockholm"),
    "sto2": Place("SE", "Stockholm"),
}
"""Safespring's sites (docs.safespring.com/compute/sites, read 2026-11-25: STO1, STO2 and OSL2; osl1 is the older
Norwegian site of docs.safespring.com/storage/generalinfo)."""

ZONES: Final[Mapping[str, Mapping[str, Place]]] = {"upcloud": UPCLOUD, "nrec": NREC, "safespring": SAFESPRING}
"""Providers whose zones are all known, Norwegian zones first."""

TITLES: Final = {"upcloud": "UpCloud", "nrec": "NREC", "safespring": "Safespring"}

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


@dataclass(frozen=True)
class Refused:
    """Why a zone may not be used."""

    state: str
    """What is wrong, e.g. "fi-hel1 is in Helsinki (FI), not in Norway"."""
    fix: str
    """What to write instead, e.g. "use no-svg1, or say residency: eea"."""
    placed: bool = False
    """Whether the zone is known and merely not allowed; else nobody knows where it is."""


def place(provider: str, zone: str) -> Place | None:
    """Where a zone of that provider is; None when it is not known.

    A provider without a table has codes of country and place (no-osl1) or a cloud's region (norwayeast).
    """
    if provider in ZONES:
        return ZONES[provider].get(zone)
    if zone in REGIONS:
        return REGIONS[zone]
    code, dash, rest = zone.partition("-")
    country = ALIASES.get(code.upper(), code.upper())
    # upper() would turn a code that the provider returned as NO-OSL1 into a good one
    return Place(country) if dash and rest and code == code.lower() and country in COUNTRIES else None


def allowed(country: str, residency: Residency) -> bool:
    """Whether that country is within `residency`."""
    return residency == "any" or country == "NO" or (residency == "eea" and country in EEA)


def refused(provider: str, zone: str, residency: Residency) -> Refused | None:
    """Why that zone may not be used; None when it may."""
    found = place(provider, zone)
    if found is None:
        return _unknown(provider, zone, residency)
    if allowed(found.country, residency):
        return None
    wider = "eea" if found.country in EEA else "any"
    state = f"{zone} is {found}, not in {'Norway' if residency == 'norway' else 'the EEA'}"
    return Refused(state, f"use {norwegian(provider)}, or say residency: {wider}", placed=True)


def norwegian(provider: str) -> str:
    """The Norwegian zones of that provider as prose, e.g. "osl2 or osl1"."""
    if provider not in ZONES:
        return "a Norwegian place, e.g. no-osl1"
    return _or(zone for zone, where in ZONES[provider].items() if where.country == "NO")


def _unknown(provider: str, zone: str, residency: Residency) -> Refused:
    if provider not in ZONES:
        state = f"{_shown(zone)} does not say in which country it is"
        near = difflib.get_close_matches(zone, REGIONS, n=1, cutoff=0.8)
        if near:
            return Refused(f"{_shown(zone)} is not a known region", f"use {near[0]}, or country-dash-place: no-osl1")
        return Refused(state, "write country-dash-place with the country's ISO code, e.g. no-osl1")
    zones = [name for name, where in ZONES[provider].items() if allowed(where.country, residency)]
    near = difflib.get_close_matches(zone.lower(), zones, n=1, cutoff=0.6)
    state = f"{_shown(zone)} is not a zone of {TITLES[provider]}"
    return Refused(state, f"use {near[0]}" if near else f"use {_or(zones)}")


def _shown(zone: str) -> str:
    return zone if len(zone) <= 20 else "the value"


def _or(words: Iterable[str]) -> str:
    *most, last = words
    return f"{', '.join(most)} or {last}" if most else last
