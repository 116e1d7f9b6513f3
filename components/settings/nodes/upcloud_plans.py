"""UpCloud's server plans: what each name has, and what a node needs of it.

Owns the table. From UpCloud's page "Cloud Server configurations" (docs/products/cloud-servers/configurations) as it was
mirrored in 2026; a plan that UpCloud adds later is unknown here until it is added. Left out are Developer plans, whose
storage is not MaxIOPS, and GPU plans.
"""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass
from typing import Annotated, Final

from pydantic import AfterValidator, Field

from fjordkube.settings.types import refusal, shown

_SHAPE: Final = re.compile(r"^(?:([a-z]+)-)?([0-9]{1,3})xcpu-([0-9]{1,4})gb$")

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


@dataclass(frozen=True)
class Size:
    """What a plan has, or a node needs."""

    cores: int
    memory_gib: int

    def __str__(self) -> str:
        return f"{self.cores} core{'s' * (self.cores != 1)} and {self.memory_gib} GiB"

    def holds(self, need: Size) -> bool:
        """Whether it has at least that much of both."""
        return self.cores >= need.cores and self.memory_gib >= need.memory_gib


def _name(family: str, cores: int, memory: int) -> str:
    return f"{family}{'-' * bool(family)}{cores}xCPU-{memory}GB"


PLANS: Final = {
    _name(family, cores, memory): Size(cores, memory)
    for family, sizes in SIZES.items()
    for cores, memories in sizes.items()
    for memory in memories
}
"""Size by plan."""

CONTROL_PLANE: Final = Size(2, 4)
"""kubeadm refuses fewer than 2 CPUs (its preflight check NumCPU); measured: 2.9 GB in use with etcd and the API."""

WORKER: Final = Size(1, 2)
"""kubeadm's documentation asks for 2 GB; measured: 1.3 GiB in use on a worker with ingress and demo."""


def smallest(need: Size) -> str:
    """The first plan of the table that holds it; general-purpose plans come first."""
    return next(name for name, size in PLANS.items() if size.holds(need))


def _plan(value: str) -> str:
    if value in PLANS:
        return value
    if value.upper().startswith("DEV-"):
        near = _nearest(value.upper().removeprefix("DEV-"))
        raise refusal(f"{shown(value)} is a developer plan, whose storage is not MaxIOPS", f"use {near or '2xCPU-4GB'}")
    near = _nearest(value)
    fix = f"use {near}" if near else "use one such as 2xCPU-4GB (components/settings/nodes/upcloud_plans.py has all)"
    raise refusal(f"{shown(value)} is not a plan of UpCloud's that is known here", fix)


def _nearest(value: str) -> str | None:
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


Plan = Annotated[str, AfterValidator(_plan), Field(json_schema_extra={"examples": ["2xCPU-4GB", "4xCPU-8GB"]})]
"""Name of a plan in the table."""
