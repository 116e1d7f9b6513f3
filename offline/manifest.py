"""What is built and from what: `sources.toml`, read into typed, frozen values.

Owns the reading of the manifest. Leaves how things are built to the modules named after them.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Literal, Protocol, TypeVar

FOLDER = Path(__file__).resolve().parent
"""This package's folder: sources in the manifest are relative to it."""


@dataclass(frozen=True)
class Pin:
    """A module whose version upstream's own go.mod does not settle, e.g. one it takes from a folder beside it."""

    path: str
    version: str
    sum: str
    replace: bool = False
    """Force this version even where a requirement asks for a newer one."""


@dataclass(frozen=True)
class Program:
    """One program of a Go module."""

    name: str
    package: str
    """Import path below the module's, "" for the module itself."""
    seconds: float


@dataclass(frozen=True)
class Module:
    """An upstream Go module and what is built from it."""

    name: str
    path: str
    version: str
    sum: str
    """go.sum checksum of the zip, e.g. h1:T2eQ5..."""
    programs: tuple[Program, ...]
    ldflags: tuple[str, ...] = ()
    pins: tuple[Pin, ...] = ()
    staging: str | None = None
    """Version under which modules that upstream keeps in folders of its repository are published."""
    staging_skip: tuple[str, ...] = ()


@dataclass(frozen=True)
class Compilation:
    """How a module's programs are compiled where that is not as all are."""

    tags: tuple[str, ...] = ()
    libraries: str | None = None
    """The Debian tree whose static C libraries are linked, with cgo; None: no cgo."""


@dataclass(frozen=True)
class Release:
    """A program as its project publishes it for Linux on amd64."""

    url: str
    sha256: str
    """Of what the address serves, e.g. of the whole archive; 64 hex digits."""
    member: str | None = None
    """The program's path in a tar archive, e.g. pulumi/pulumi; None where the address serves the program itself."""


@dataclass(frozen=True)
class OwnProgram:
    """A program whose source is in this repository."""

    name: str
    language: Literal["go", "c"]
    source: Path
    seconds: float


@dataclass(frozen=True)
class Tree:
    """A Debian file tree: a suite and the packages in it."""

    name: str
    suite: str
    variant: str
    packages: tuple[str, ...]
    seconds: float


@dataclass(frozen=True)
class Distribution:
    """A release of a distribution whose packages a bundle can bring."""

    name: str
    """Of the packages' folder, e.g. debian-13."""
    suite: str
    seconds: float


@dataclass(frozen=True)
class Image:
    """A container image; what goes into it is `recipes.py`'s."""

    key: str
    """Key in `Images.references`, e.g. calico-node."""
    name: str
    """Full name with tag, e.g. fjordkube.local/calico/node:v3.28.5."""
    seconds: float


@dataclass(frozen=True)
class HostPackage:
    """A Debian package that building or running needs, recognised by a program it brings."""

    name: str
    program: str


@dataclass(frozen=True)
class Disk:
    """The base disk of a guest."""

    slack_mib: int
    """Free space beyond the content; the guest grows the file system to its own disk at first boot."""
    journal_mib: int
    seconds: float


@dataclass(frozen=True, eq=False)
class Manifest:
    """The whole list; one is the same as another only if it is that one, so that results can be kept by it."""

    groups: Mapping[str, tuple[str, ...]]
    modules: tuple[Module, ...]
    own: tuple[OwnProgram, ...]
    trees: tuple[Tree, ...] = ()
    images: tuple[Image, ...] = ()
    host_packages: tuple[HostPackage, ...] = ()
    test_packages: tuple[HostPackage, ...] = ()
    """What tests need beyond that; installed on machines of CI alone."""
    bundle_packages: tuple[HostPackage, ...] = ()
    """What making a bundle needs."""
    distributions: tuple[Distribution, ...] = ()
    disk: Disk = field(default_factory=lambda: Disk(512, 64, 40))
    versions: Mapping[str, str] = field(default_factory=dict)
    official: Mapping[str, Release] = field(default_factory=dict)
    """Releases by program. Not a field of `Program`: a module's whole entry is in the keys of images made of it."""
    compilation: Mapping[str, Compilation] = field(default_factory=dict)
    """By module; not a field of it for the same reason."""

    def module(self, name: str) -> Module:
        """The module of that name; KeyError if there is none."""
        return next_named(self.modules, name)

    def tree(self, name: str) -> Tree:
        """The Debian tree of that name; KeyError if there is none."""
        return next_named(self.trees, name)


class Named(Protocol):
    """Whatever has a name."""

    @property
    def name(self) -> str: ...


Item = TypeVar("Item", bound=Named)


def next_named(items: tuple[Item, ...], name: str) -> Item:
    """The item whose name is `name`; KeyError if there is none."""
    for item in items:
        if item.name == name:
            return item
    raise KeyError(name)


def parse(raw: Mapping[str, Any]) -> Manifest:
    """A manifest from its TOML table; TypeError for a field that nobody reads."""
    return Manifest(
        groups={name: tuple(steps) for name, steps in raw["groups"].items()},
        modules=tuple(_module(name, table) for name, table in raw["modules"].items()),
        own=tuple(
            OwnProgram(name=name, language=t["language"], source=FOLDER / t["source"], seconds=t["seconds"])
            for name, t in raw["own"].items()
        ),
        trees=tuple(
            Tree(name=name, **{**table, "packages": tuple(sorted(table["packages"]))})
            for name, table in raw.get("trees", {}).items()
        ),
        images=tuple(Image(key=key, **table) for key, table in raw.get("images", {}).items()),
        host_packages=_packages(raw.get("host_packages", {})),
        test_packages=_packages(raw.get("test_packages", {})),
        bundle_packages=_packages(raw.get("bundle_packages", {})),
        **({"disk": Disk(**raw["disk"])} if "disk" in raw else {}),
        versions=raw.get("versions", {}),
        distributions=tuple(Distribution(name, **table) for name, table in raw.get("distributions", {}).items()),
        official={name: Release(**table) for name, table in raw.get("official", {}).items()},
        compilation={
            name: Compilation(**{**table, "tags": tuple(table.get("tags", ()))})
            for name, table in raw.get("compilation", {}).items()
        },
    )


def _packages(table: Mapping[str, str]) -> tuple[HostPackage, ...]:
    return tuple(HostPackage(name, program) for name, program in table.items())


def _module(name: str, table: Mapping[str, Any]) -> Module:
    table = dict(table)
    programs = tuple(Program(name=p, **fields) for p, fields in table.pop("programs").items())
    pins = tuple(Pin(**pin) for pin in table.pop("pins", ()))
    lists: dict[str, Any] = {key: tuple(table.pop(key)) for key in ("ldflags", "staging_skip") if key in table}
    return Module(name=name, programs=programs, pins=pins, **lists, **table)


@cache
def load() -> Manifest:
    """The manifest of this checkout."""
    with (FOLDER / "sources.toml").open("rb") as file:
        return parse(tomllib.load(file))
