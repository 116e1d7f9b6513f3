"""What lies elsewhere: the stack's state, etcd's backups, the images, each with the place it is in.

Owns the declarations. Nothing here is set up by them: they say what is so, `residency` judges the places, and `make`
compares `state.url` with the backend that is really used. That a bucket or a registry is where its location says,
nobody can look at from here.
"""

from __future__ import annotations

from collections.abc import Iterator

from pydantic import Field

from fjordkube.settings.base import Settings
from fjordkube.settings.types import Address, Zone


class State(Settings):
    """Where Pulumi's state is."""

    url: Address | None = None
    """The backend's URL as Pulumi has it, without its parameters, e.g. s3://fjord-state. `make` compares it with the
    backend that it uses, and refuses another."""
    location: Zone | None = None
    """Where that is, e.g. no-osl1 or norwayeast. Declared only."""


class EtcdBackup(Settings):
    """Where etcd's snapshots go."""

    bucket: Address | None = None
    """The bucket, e.g. s3://fjord-etcd. Declared only."""
    location: Zone | None = None
    """Where that is, e.g. no-osl2. Declared only."""


class Images(Settings):
    """Where images come from."""

    registry: Address | None = None
    """The registry, e.g. registry.example.no/fjord. Declared only."""
    location: Zone | None = None
    """Where that is, e.g. no-svg1. Declared only."""


class Data(Settings):
    """What lies elsewhere, and in which place: declarations, which `residency` judges."""

    state: State = Field(default_factory=State)
    """Pulumi's state."""
    etcd_backup: EtcdBackup = Field(default_factory=EtcdBackup)
    """etcd's snapshots."""
    images: Images = Field(default_factory=Images)
    """Images."""

    def locations(self) -> Iterator[tuple[tuple[str, str], str]]:
        """Every declared place with its path below `data`, e.g. (("state", "location"), "norwayeast")."""
        for name in type(self).model_fields:
            location = getattr(self, name).location
            if location:
                yield (name, "location"), location
