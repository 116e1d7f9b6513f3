"""All tables together: every provider and type of resource by its name, and where a zone is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from fjordkube.providers import openstack, upcloud
from fjordkube.providers.codes import ALIASES, COUNTRIES, REGIONS
from fjordkube.providers.provider import Place, Provider, ResourceType

PROVIDERS: Final[Mapping[str, Provider]] = {"upcloud": upcloud.UPCLOUD, **openstack.CLOUDS}
"""Providers whose zones are all known."""

TYPES: Final[Mapping[str, ResourceType]] = {**upcloud.TYPES, **openstack.TYPES}
"""Types of resources that rules look at, by type token."""


def place(provider: str, zone: str) -> Place | None:
    """Where a zone of that provider is; None when it is not known.

    A provider without a table has codes of country and place (no-osl1) or a cloud's region (norwayeast).
    """
    if provider in PROVIDERS:
        return PROVIDERS[provider].zones.get(zone)
    if zone in REGIONS:
        return REGIONS[zone]
    code, dash, rest = zone.partition("-")
    country = ALIASES.get(code.upper(), code.upper())
    # upper() would turn a code that the provider returned as NO-OSL1 into a good one
    return Place(country) if dash and rest and code == code.lower() and country in COUNTRIES else None


def norwegian(provider: str) -> list[str]:
    """The Norwegian zones of that provider, e.g. ["osl2", "osl1"]; empty without a table."""
    if provider not in PROVIDERS:
        return []
    return [zone for zone, where in PROVIDERS[provider].zones.items() if where.country == "NO"]
