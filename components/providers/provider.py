"""The shapes of the tables: where a zone is, what a plan has, what a type of resource says in which input."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal


@dataclass(frozen=True)
class Place:
    """Where a zone is."""

    country: str
    """ISO 3166-1 alpha-2 code, e.g. NO."""
    city: str = ""
    """City or region, e.g. Stavanger; empty where a code says the country alone."""

    def __str__(self) -> str:
        return f"in {self.city} ({self.country})" if self.city else f"in {self.country}"


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


@dataclass(frozen=True)
class ResourceType:
    """What rules must know of a type of resource; inputs by their names in the protocol (camelCase)."""

    zone: str = ""
    """The input that says its place; empty: none does."""
    labels: str = ""
    """The input that holds labels; empty: it needs none."""
    kept: Literal["", "server", "disk"] = ""
    """What is lost with it; empty: nothing that a run would not make again."""
    encrypt: tuple[str, ...] = ()
    """Where its encryption at rest is asked for, e.g. ("template", "encrypt"); empty: nowhere."""


@dataclass(frozen=True)
class Provider:
    """A provider whose zones are all known."""

    title: str
    """As people write it, e.g. UpCloud."""
    package: str
    """Pulumi's package for it, e.g. openstack."""
    zones: Mapping[str, Place] = field(default_factory=dict)
    """Norwegian zones first."""
    routed: bool = False
    """Whether each instance is routed by itself, with one NIC, in a network that all projects share; projects make no
    networks there and have no floating IPs."""
