"""What a stack's `residency` allows.

Owns the judgement of one zone, as asked for or as a provider returned it. Leaves where zones are to
`components/providers/`, the shape of a zone to `types.py`, which fields are judged to `consistency/`, and what
follows from a refusal to the callers.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from fjordkube.providers.catalog import PROVIDERS, norwegian, place
from fjordkube.providers.codes import EEA, REGIONS

Residency = Literal["norway", "eea", "any"]
"""Where nodes and data may be: Norway, the European Economic Area, or anywhere."""


@dataclass(frozen=True)
class Refused:
    """Why a zone may not be used."""

    state: str
    """What is wrong, e.g. "fi-hel1 is in Helsinki (FI), not in Norway"."""
    fix: str
    """What to write instead, e.g. "use no-svg1, or say residency: eea"."""
    placed: bool = False
    """Whether the zone is known and merely not allowed; else nobody knows where it is."""


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
    return Refused(state, f"use {_norwegian(provider)}, or say residency: {wider}", placed=True)


def _norwegian(provider: str) -> str:
    return _or(norwegian(provider)) if provider in PROVIDERS else "a Norwegian place, e.g. no-osl1"


def _unknown(provider: str, zone: str, residency: Residency) -> Refused:
    if provider not in PROVIDERS:
        state = f"{_shown(zone)} does not say in which country it is"
        near = difflib.get_close_matches(zone, REGIONS, n=1, cutoff=0.8)
        if near:
            return Refused(f"{_shown(zone)} is not a known region", f"use {near[0]}, or country-dash-place: no-osl1")
        return Refused(state, "write country-dash-place with the country's ISO code, e.g. no-osl1")
    zones = [name for name, where in PROVIDERS[provider].zones.items() if allowed(where.country, residency)]
    near = difflib.get_close_matches(zone.lower(), zones, n=1, cutoff=0.6)
    state = f"{_shown(zone)} is not a zone of {PROVIDERS[provider].title}"
    return Refused(state, f"use {near[0]}" if near else f"use {_or(zones)}")


def _shown(zone: str) -> str:
    return zone if len(zone) <= 20 else "the value"


def _or(words: Iterable[str]) -> str:
    *most, last = words
    return f"{', '.join(most)} or {last}" if most else last
