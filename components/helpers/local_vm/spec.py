"""What is asked of one machine, and its form as environment variables.

Owns the two frozen records and the way between them and MACHINE_* variables. One variable for each field, because
Pulumi shows a changed variable by its name: `~ MACHINE_MEMORY_MIB: "4096" => "6144"`. No field is secret, and none is
a path: a stack's state names its computer, and where files lie on that is looked up there (places.py).
"""

from __future__ import annotations

import dataclasses
import typing
from collections.abc import Mapping
from dataclasses import dataclass

from ..errors import HelperError
from . import places
from .places import Files

PREFIX = "MACHINE_"

GIB = 2**30
"""Bytes."""

Wanted = Mapping[str, int | None]
"""Forwarded ports by use (ssh, api, http, https): a pinned host port, or None for any free one."""

GUEST_PORTS: Mapping[str, int] = {"ssh": 22, "api": 6443, "http": 80, "https": 443}
"""Port inside the guest for each use, unless the settings say otherwise."""


@dataclass(frozen=True)
class Disk:
    """What outlives a power cycle: disks, keys, ports."""

    computer: str
    """Id of the computer that the machine is on (computer.py)."""
    stack: str
    """Name that keeps the machines of several stacks of one home apart."""
    name: str
    role: str
    """control-plane or worker."""
    address: str
    """IPv4 address on the private network."""
    prefix_length: int
    interface: str
    """NIC of the private network, as the guest names it."""
    emulated: bool
    """True: the guest tunes its scheduler for an emulated CPU."""
    disk_gib: int
    """Size of the root disk, GiB."""
    etcd_disk_gib: int
    """Size of etcd's own disk, GiB; 0: none."""
    ports: Wanted
    image: str
    """Digest of what the machine is made from (image.py)."""
    generation: int
    """Counts the times the disks had to be made anew although everything else was the same; from 1."""

    @property
    def files(self) -> Files:
        """Where they lie; looked up each time."""
        return places.files(self.stack, self.name)


@dataclass(frozen=True)
class Power:
    """What one running process is made from."""

    computer: str
    stack: str
    name: str
    role: str
    address: str
    accelerator: str
    """kvm or tcg (emulation)."""
    cpus: int
    memory_mib: int
    """Guest memory, MiB (2**20 bytes)."""
    disk_gib: int
    etcd_disk_gib: int
    ports: Wanted
    guest_ports: Mapping[str, int]
    """Port inside the guest for each use of `ports`."""
    boot: int
    """Number of this start, from 1; a higher number than the recorded one asks for a fresh start."""

    @property
    def files(self) -> Files:
        """Where they lie; looked up each time."""
        return places.files(self.stack, self.name)


def to_environment(spec: Disk | Power) -> dict[str, str]:
    """The variables that `from_environment` reads back."""
    return {PREFIX + field.name.upper(): _text(getattr(spec, field.name)) for field in dataclasses.fields(spec)}


Spec = typing.TypeVar("Spec", Disk, Power)


def from_environment(kind: type[Spec], environment: Mapping[str, str]) -> Spec:
    """Reads a Disk or a Power. Raises HelperError naming every variable that is missing."""
    types = typing.get_type_hints(kind)
    names = [PREFIX + name.upper() for name in types]
    missing = [name for name in names if name not in environment]
    if missing:
        raise HelperError(f"environment: {', '.join(missing)} not set; this program is started by Pulumi")
    values = {name: _value(types[name], environment[PREFIX + name.upper()]) for name in types}
    return kind(**values)


def _text(value: object) -> str:
    if isinstance(value, bool):
        return "1" if value else "0"
    if isinstance(value, Mapping):
        return " ".join(f"{use}={'auto' if port is None else port}" for use, port in sorted(value.items()))
    return str(value)


def _value(kind: object, text: str) -> typing.Any:
    if kind is bool:
        return text == "1"
    if kind is int:
        return int(text)
    if kind is str:
        return text
    pairs = (entry.split("=", 1) for entry in text.split())
    return {use: None if port == "auto" else int(port) for use, port in pairs}
