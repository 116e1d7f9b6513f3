"""Rules `residency` and `residency-in-production`: everything with a place is in Norway.

In production that holds whatever the stack file says: `residency: eea` or `any` is refused, and so is every resource
with a foreign zone. In other stacks the stack file decides, and the pack says what is outside, without refusing it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from pulumi_policy import EnforcementLevel

from fjordkube.providers.catalog import PROVIDERS, TYPES, norwegian, place
from policy.resource import Resource, Rule

ZONED: Final = {token: known.zone for token, known in TYPES.items() if known.zone}
"""The input that says the place, by type."""

DECLARED: Final = "fjordkube:residency:DeclaredResidency"
JUDGED: Final = (*ZONED, DECLARED)


def foreign(resource: Resource) -> Iterator[str]:
    """What of the resource is outside Norway."""
    if resource.type == DECLARED:
        yield from _declared(resource)
    elif resource.type in ZONED:
        zone = resource.inputs.get(ZONED[resource.type])
        if zone and not _norwegian(resource.type.partition(":")[0], str(zone)):
            yield f"{ZONED[resource.type]} {zone} is not in Norway; {_fix(resource.type)}"


def _declared(resource: Resource) -> Iterator[str]:
    wanted = resource.inputs.get("wanted")
    if wanted != "norway":
        yield f"the stack says residency: {wanted}; remove it from the stack file"


def _norwegian(package: str, zone: str) -> bool:
    if package in PROVIDERS:
        found = place(package, zone)
        return found is not None and found.country == "NO"
    # A region says nothing of which OpenStack cloud it is in. One that no table knows (RegionOne) cannot be judged
    # here: its cloud's place is the zone that the stack file declares.
    tables = [place(name, zone) for name in (*_clouds(package), package)]
    return all(found is None or found.country == "NO" for found in tables)


def _clouds(package: str) -> list[str]:
    return [name for name, provider in PROVIDERS.items() if provider.package == package]


def _fix(token: str) -> str:
    if token.endswith(":ManagedObjectStorage"):
        return "UpCloud's object storage has no region in Norway: keep the bucket elsewhere"
    return f"use {' or '.join(norwegian(_clouds(token.partition(':')[0])[0]))}"


def in_production(resource: Resource) -> Iterator[str]:
    """The same, where nobody may say otherwise."""
    if resource.production:
        yield from foreign(resource)


def elsewhere(resource: Resource) -> Iterator[str]:
    """The same, where the stack file may say otherwise."""
    if not resource.production and resource.type != DECLARED:
        yield from foreign(resource)


RULES: Final = (
    Rule("residency-in-production", "Everything of a production stack is in Norway.", JUDGED, in_production),
    Rule("residency", "What is outside Norway is said.", ZONED, elsewhere, EnforcementLevel.ADVISORY),
)
