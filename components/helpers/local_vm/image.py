"""What machines are made from: kernel and disk, found in this user's cache by the image's digest.

Owns the typed view of an image's description (`bundle.json`) and its place. Leaves making it to `offline/`, and which
one is wanted to components/nodes/local/vm_image.py.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import HelperError
from ..roots import cache_root


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
    """Changes with any input of the image, hex; known before the image is built."""
    kernel_release: str
    """As `uname -r` says in the guest, e.g. 6.12.48+deb13-cloud-amd64."""
    versions: Mapping[str, str]
    """What is inside, by name, e.g. kubernetes -> v1.37.1, containerd -> 2.1.9~ds1-1."""


def description(digest: str) -> Path:
    """The file that names all of an image; its paths start at the cache's root."""
    return cache_root() / "bundles" / digest / "bundle.json"


def find(digest: str) -> VmImage:
    """The image with that digest, all of its files there. HelperError where it is not built."""
    try:
        entry: dict[str, Any] = json.loads(description(digest).read_text())
        found = VmImage(
            kernel=cache_root() / entry["kernel"],
            initrd=cache_root() / entry["initrd"],
            disk=cache_root() / entry["disk"],
            digest=digest,
            kernel_release=str(entry["kernel_release"]),
            versions=dict(entry["versions"]),
        )
    except FileNotFoundError:
        found = None
    if found is None or not all(file.exists() for file in (found.kernel, found.initrd, found.disk)):
        raise HelperError(f"image {digest} of machines: not in {cache_root()}; run make up, which builds it")
    return found
