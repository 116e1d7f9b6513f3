"""What one node is to have, as its script reads it, and what of it has to be sent. Pure.

Owns the lines of scripts/artifacts.sh and the choice by what the node said. Leaves the list to fjordkube.artifacts and
the way to transfer.py.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from fjordkube.artifacts.needs import Needs
from fjordkube.artifacts.places import LINKS

from . import index
from .contents import Contents

ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}
"""By the kernel's word (uname -m)."""

NONE = "-"
"""An empty field of a line."""


@dataclass(frozen=True)
class Part:
    """A file to send."""

    title: str
    """For people, e.g. kubelet."""
    path: str
    """Below the bundle."""
    name: str
    """Below the node's folder of what is on its way."""
    size: int
    """Bytes."""
    offset: int = 0
    """Bytes that are there already."""


@dataclass(frozen=True)
class Answer:
    """What the node said of itself."""

    architecture: str
    """E.g. amd64."""
    release: str
    """Distribution and release, e.g. debian-13."""
    free_bytes: int
    """Of /var/lib."""
    files: Mapping[str, int]
    """Bytes that are there of each missing file, by checksum."""
    images: Mapping[str, int]
    """The same of images, by reference."""
    packages: Sequence[str]
    """Names of packages that it lacks."""

    @classmethod
    def read(cls, entry: Mapping[str, Any]) -> Answer:
        return cls(
            ARCHITECTURES.get(entry["architecture"], entry["architecture"]),
            str(entry["release"]),
            int(entry["free_kib"]) * 1024,
            dict(entry["files"]),
            dict(entry["images"]),
            str(entry["packages"]).split(),
        )

    @property
    def complete(self) -> bool:
        """Whether nothing is missing."""
        return not (self.files or self.images or self.packages)


def lines(needs: Needs, sent: bool) -> dict[str, str]:
    """FILES and IMAGES. `sent`: they come over SSH; else the node gets files by their address, and pulls images."""
    files = [
        f"{f.name} {f.component} {f.version} {f.kind} {f.strip} {LINKS[f.component]} {f.sha256} {f.size} "
        + (NONE if sent else f.url)
        for f in needs.files
    ]
    images = [
        f"{i.reference} {i.digest or NONE} {i.sha256 if sent else NONE} {i.size if sent else 0}" for i in needs.images
    ]
    return {"FILES": "\n".join(files), "IMAGES": "\n".join(images)}


def parts(needs: Needs, answer: Answer, contents: Contents) -> list[Part]:
    """What of a bundle the node lacks, small things first. Packages go together: apt chooses of them."""
    found: dict[str, Part] = {}
    for file in needs.files:
        if file.sha256 in answer.files:
            there = answer.files[file.sha256]
            found[file.sha256] = Part(file.name, file.path, file.sha256, file.size, there)
    for image in needs.images:
        if image.reference in answer.images:
            there = answer.images[image.reference]
            found[image.sha256] = Part(image.reference, image.path, image.sha256, image.size, there)
    if answer.packages:
        folder = f"packages/{answer.release}"
        listed = f"{folder}/{index.NAME}"
        found["index"] = Part("packages", listed, f"packages/{index.NAME}", contents.sizes[listed])
        for package in needs.packages[answer.release]:
            name = f"packages/{PurePosixPath(package.path).relative_to(folder)}"
            found[name] = Part(package.name, package.path, name, package.size)
    return sorted(found.values(), key=lambda part: (part.size, part.name))
