"""What a node needs, as one list: files and images with checksums, packages by name. Pure.

Owns the shape of the list and its JSON, which upstream's table, a bundle's `bundle.json` and the node's script have in
common. Leaves where it comes from to components/artifacts/ (published releases) and `offline/` (bundles).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Final, Literal, TypeVar

Architecture = Literal["amd64", "arm64"]
"""As Go, Debian and OCI call it."""

Kind = Literal["program", "gzip", "archive"]

Role = Literal["control-plane", "worker"]

Origin = Literal["upstream", "built"]
"""Whose programs and images: the projects' own, or this project's offline build."""

BOTH: Final[tuple[Role, ...]] = ("control-plane", "worker")

FORMAT: Final = 1
"""Of the JSON; raised when a reader of the old one would misread the new."""


@dataclass(frozen=True)
class File:
    """A program, or an archive of programs, as it is downloaded."""

    name: str
    """Of the program, e.g. kubelet; of an archive its component's, e.g. containerd."""
    component: str
    """What it is part of, a key of places.LINKS, e.g. kubernetes, containerd, cni-plugins, calico-cni."""
    version: str
    """As its project writes it, e.g. v1.37.1."""
    kind: Kind
    """program: the file itself is run; gzip: what it holds compressed is; archive: a .tar.gz whose files are."""
    sha256: str
    """Of the file as downloaded, 64 hex digits."""
    size: int
    """Bytes; 0 where upstream's is not known."""
    licence: str
    """SPDX identifier, e.g. Apache-2.0."""
    url: str
    """Where its project publishes it, or, of what is built here, the module that it is built from."""
    strip: int = 0
    """Leading folders of an archive's paths to leave out, e.g. 1 for bin/containerd."""
    roles: tuple[Role, ...] = BOTH
    path: str = ""
    """Below a bundle's folder, e.g. files/kubelet; empty where there is no bundle."""


@dataclass(frozen=True)
class Image:
    """A container image."""

    component: str
    """As `Images.references` calls it, e.g. calico-node."""
    reference: str
    """Full name with tag, as objects and kubeadm ask for it, e.g. registry.k8s.io/pause:3.10.2."""
    digest: str
    """Of the manifest (of one architecture) or the index that the name stands for: sha256: and 64 hex digits; empty
    where none is published with a source."""
    licence: str
    roles: tuple[Role, ...] = BOTH
    path: str = ""
    """OCI archive below a bundle's folder, e.g. images/pause.tar."""
    size: int = 0
    """Of that archive, bytes."""
    sha256: str = ""
    """Of that archive."""


@dataclass(frozen=True)
class Package:
    """A package of a distribution in a bundle."""

    name: str
    version: str
    path: str
    """Below the bundle's folder, e.g. packages/debian-13/conntrack_1.4.8-2_amd64.deb."""
    size: int
    """Bytes."""
    sha256: str
    licence: str = ""
    """Empty: as its copyright file says."""


@dataclass(frozen=True)
class Needs:
    """The whole list, for one set of versions and one architecture."""

    architecture: Architecture
    versions: Mapping[str, str]
    """By component: kubernetes, calico, ingress-nginx, containerd, runc, cni-plugins, cri-tools."""
    files: tuple[File, ...]
    images: tuple[Image, ...]
    packages: Mapping[str, tuple[Package, ...]] = field(default_factory=dict)
    """Of a bundle: packages with what they depend on, by distribution and release, e.g. debian-13."""

    def of(self, role: Role) -> Needs:
        """What a node of that role needs."""
        return Needs(
            self.architecture,
            self.versions,
            tuple(file for file in self.files if role in file.roles),
            tuple(image for image in self.images if role in image.roles),
            self.packages,
        )

    def as_json(self) -> dict[str, Any]:
        """For json.dumps; `from_json` reads it back."""
        return {
            "format": FORMAT,
            "architecture": self.architecture,
            "versions": dict(self.versions),
            "files": [asdict(file) for file in self.files],
            "images": [asdict(image) for image in self.images],
            "packages": {release: [asdict(one) for one in some] for release, some in self.packages.items()},
        }


def from_json(entry: Mapping[str, Any]) -> Needs:
    """ValueError, naming the field, for anything but what `as_json` makes."""
    if entry.get("format") != FORMAT:
        raise ValueError(f"format: {entry.get('format')!r}, and this program reads {FORMAT}")
    try:
        packages = {
            release: tuple(_read(Package, f"packages.{release}", one) for one in some)
            for release, some in entry["packages"].items()
        }
        return Needs(
            entry["architecture"],
            {name: str(version) for name, version in entry["versions"].items()},
            tuple(_read(File, "files", one) for one in entry["files"]),
            tuple(_read(Image, "images", one) for one in entry["images"]),
            packages,
        )
    except KeyError as error:
        raise ValueError(f"{error.args[0]}: missing") from None
    except (TypeError, AttributeError) as error:
        raise ValueError(str(error)) from None


Item = TypeVar("Item", File, Image, Package)


def _read(kind: type[Item], where: str, entry: Mapping[str, Any]) -> Item:
    known = {field.name for field in fields(kind)}
    if unknown := sorted(set(entry) - known):
        raise ValueError(f"{where}: unknown field {', '.join(unknown)}")
    values: dict[str, Any] = dict(entry)
    if "roles" in values:
        values["roles"] = tuple(_roles(values["roles"]))
    try:
        return kind(**values)
    except TypeError as error:
        raise ValueError(f"{where}: {error}") from None


def _roles(roles: Sequence[str]) -> Sequence[Role]:
    found: list[Role] = []
    for role in roles:
        if role == "control-plane":
            found.append("control-plane")
        elif role == "worker":
            found.append("worker")
        else:
            raise ValueError(f"roles: {role!r}; control-plane or worker")
    return found
