"""UpCloud: zones, server plans, and what its types of resources say.

Owns the tables. Plans are from UpCloud's page "Cloud Server configurations" (docs/products/cloud-servers/
configurations) as it was mirrored in 2026; one that UpCloud adds later is unknown here until it is added. Left out are
Developer plans, whose storage is not MaxIOPS, and GPU plans.
"""

from __future__ import annotations

import difflib
import re
from typing import Final

from fjordkube.providers.provider import Place, Provider, ResourceType, Size

UPCLOUD: Final = Provider(
    "UpCloud",
    "upcloud",
    {
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
    },
)
"""By public zones (names as in several public Terraform modules for UpCloud, read 2026-11-25)."""

TYPES: Final = {
    "upcloud:index/server:Server": ResourceType("zone", "labels", "server", ("template", "encrypt")),
    "upcloud:index/storage:Storage": ResourceType("zone", kept="disk", encrypt=("encrypt",)),
    "upcloud:index/network:Network": ResourceType("zone"),
    "upcloud:index/gateway:Gateway": ResourceType("zone"),
    "upcloud:index/loadbalancer:Loadbalancer": ResourceType("zone"),
    "upcloud:index/kubernetesCluster:KubernetesCluster": ResourceType("zone"),
    "upcloud:index/managedObjectStorage:ManagedObjectStorage": ResourceType("region"),
}
"""By type token."""

SIZES: Final[dict[str, dict[int, tuple[int, ...]]]] = {
    "": {
        1: (1, 2),
        2: (2, 4),
        4: (8,),
        6: (16,),
        8: (32,),
        12: (48,),
        16: (64,),
        24: (96,),
        32: (128,),
        38: (192,),
        48: (256,),
        64: (384,),
        80: (512,),
    },
    "HICPU": {
        8: (12, 16),
        16: (24, 32),
        32: (48, 64),
        64: (96, 128),
    },
    "HIMEM": {
        2: (8, 16),
        4: (32, 64),
        6: (128,),
        8: (192,),
        12: (256,),
        16: (384,),
        24: (512,),
    },
    "CLOUDNATIVE": {
        1: (4, 8),
        2: (4, 8, 16),
        4: (8, 16, 24, 32, 48),
        6: (16, 24),
        8: (16, 24, 32, 48, 64, 96, 128),
        12: (24, 32),
        16: (32, 48, 64, 96, 128, 192),
        20: (64, 96),
        24: (256,),
        32: (64, 128, 192, 256, 384),
        48: (384, 512),
        64: (192, 256, 384, 512),
        80: (512,),
    },
}
"""GB of memory by cores, for each family by the prefix of its names: general purpose, high CPU, high memory, and cloud
native (billed without disks)."""

_SHAPE: Final = re.compile(r"^(?:([a-z]+)-)?([0-9]{1,3})xcpu-([0-9]{1,4})gb$")


def _name(family: str, cores: int, memory: int) -> str:
    return f"{family}{'-' * bool(family)}{cores}xCPU-{memory}GB"


PLANS: Final = {
    _name(family, cores, memory): Size(cores, memory)
    for family, sizes in SIZES.items()
    for cores, memories in sizes.items()
    for memory in memories
}
"""Size by plan."""


def smallest(need: Size) -> str:
    """The first plan of the table that holds it; general-purpose plans come first."""
    return next(name for name, size in PLANS.items() if size.holds(need))


def nearest(value: str) -> str | None:
    """Of its family the smallest that holds as much, where the name says a size; else the one that is spelt alike."""
    plain = {name.lower(): name for name in PLANS}
    spelt = value.strip().lower()
    if spelt in plain:
        return plain[spelt]
    if found := _SHAPE.fullmatch(spelt):
        family, need = (found[1] or "").upper(), Size(int(found[2]), int(found[3]))
        offered = [_name(family, cores, gib) for cores, gibs in SIZES.get(family, {}).items() for gib in gibs]
        if larger := [name for name in offered if PLANS[name].holds(need)]:
            return min(larger, key=lambda name: (PLANS[name].memory_gib, PLANS[name].cores))
    close = difflib.get_close_matches(spelt, list(plain), n=1, cutoff=0.6)
    return plain[close[0]] if close else None
