"""The bundle: what machines are made from and pods are started from, as files on this machine and names of images.

Owns the typed view of a bundle's folder (`bundle.json`) and where the cache keeps the current one. Leaves making it to
`offline/`, and what goes with what to `versions.py`. Reading one takes a millisecond: a preview does it every time.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fjordkube.errors import BundleMissing
from fjordkube.roots import cache_root, home_root

DESCRIPTION = "bundle.json"
"""Names everything of a bundle; paths in it are absolute, digests are in their folders' names."""


@dataclass(frozen=True)
class Bundle:
    """One set of files and images that were made to go together."""

    kernel: Path
    """The guest's kernel (bzImage)."""
    initrd: Path
    """Its initramfs: our own init and the disk driver."""
    disk: Path
    """Raw ext4 image, label "root": Debian with containerd, Kubernetes and all images preloaded. Never written."""
    digest: str
    """Changes with any input of the bundle, hex."""
    kernel_release: str
    """As `uname -r` says in the guest, e.g. 6.12.48+deb13-cloud-amd64."""
    calico_crds: Path
    """Calico's CustomResourceDefinitions, a YAML list without descriptions."""
    images: Mapping[str, str]
    """Full image name with tag by key, e.g. calico-node -> fjordkube.local/calico/node:v3.28.5."""
    versions: Mapping[str, str]
    """What is inside, by name, e.g. kubernetes -> v1.37.1, containerd -> 2.1.9~ds1-1."""

    @property
    def sandbox_image(self) -> str:
        """The pause image that lies on the nodes."""
        return self.images["pause"]


def pointer(kubernetes: str, calico: str) -> Path:
    """The file that names this checkout's bundle for these versions: two checkouts may differ in what goes in."""
    return home_root() / "bundles" / f"{kubernetes}-{calico}.json"


def find(kubernetes: str, calico: str) -> Bundle:
    """The bundle for these versions. Raises BundleMissing with the fix when the cache has none."""
    path = pointer(kubernetes, calico)
    try:
        found = read(Path(json.loads(path.read_text())["bundle"]))
        if all(file.exists() for file in (found.kernel, found.initrd, found.disk, found.calico_crds)):
            return found
    except (FileNotFoundError, ValueError, KeyError):
        pass
    raise BundleMissing(f"bundle for Kubernetes {kubernetes}, Calico {calico}: not in {cache_root()}; run make up")


def read(description: Path) -> Bundle:
    """The bundle that a `bundle.json` describes; FileNotFoundError, ValueError or KeyError where it is not one."""
    entry: dict[str, Any] = json.loads(description.read_text())
    return Bundle(
        kernel=Path(entry["kernel"]),
        initrd=Path(entry["initrd"]),
        disk=Path(entry["disk"]),
        digest=str(entry["digest"]),
        kernel_release=str(entry["kernel_release"]),
        calico_crds=Path(entry["calico_crds"]),
        images=dict(entry["images"]),
        versions=dict(entry["versions"]),
    )
