"""What virtual machines are made from: kernel and disk, as files on this computer.

Owns the typed view of an image's description (`bundle.json`) and where the cache keeps the current one. Leaves making
it to `offline/`, and what pods are started from to images.py. Only `up` of source `local` needs one.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fjordkube.errors import VmImageMissing
from fjordkube.roots import cache_root, home_root

DESCRIPTION = "bundle.json"
"""Names everything of an image; paths in it are absolute, digests are in their folders' names."""


@dataclass(frozen=True)
class VmImage:
    """A set of files that were made to go together."""

    kernel: Path
    """The guest's kernel (bzImage)."""
    initrd: Path
    """Its initramfs: our own init and the disk driver."""
    disk: Path
    """Raw ext4 image, label "root": Debian with containerd, Kubernetes and all images preloaded. Never written."""
    digest: str
    """Changes with any input of the image, hex."""
    kernel_release: str
    """As `uname -r` says in the guest, e.g. 6.12.48+deb13-cloud-amd64."""
    versions: Mapping[str, str]
    """What is inside, by name, e.g. kubernetes -> v1.37.1, containerd -> 2.1.9~ds1-1."""


def pointer(kubernetes: str, calico: str) -> Path:
    """The file that names this checkout's image for these versions: two checkouts may differ in what goes in."""
    return home_root() / "bundles" / f"{kubernetes}-{calico}.json"


def find(kubernetes: str, calico: str) -> VmImage:
    """The image for these versions. Raises VmImageMissing with the fix when the cache has none."""
    path = pointer(kubernetes, calico)
    try:
        found = read(Path(json.loads(path.read_text())["bundle"]))
        if all(file.exists() for file in (found.kernel, found.initrd, found.disk)):
            return found
    except (FileNotFoundError, ValueError, KeyError):
        pass
    raise VmImageMissing(
        f"image of virtual machines for Kubernetes {kubernetes}, Calico {calico}: not in {cache_root()}; run make up"
    )


def read(description: Path) -> VmImage:
    """The image that a `bundle.json` describes; FileNotFoundError, ValueError or KeyError where it is not one."""
    entry: dict[str, Any] = json.loads(description.read_text())
    return VmImage(
        kernel=Path(entry["kernel"]),
        initrd=Path(entry["initrd"]),
        disk=Path(entry["disk"]),
        digest=str(entry["digest"]),
        kernel_release=str(entry["kernel_release"]),
        versions=dict(entry["versions"]),
    )
