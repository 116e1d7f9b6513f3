"""The bundle as one description: kernel, disk and versions that were made to go together.

Owns `bundle.json` and the checkout's pointer to it, and the last check: kubeadm's own list of images against ours.
Leaves reading to components/nodes/local/vm_image.py.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from fjordkube.images import KUBERNETES
from fjordkube.nodes.local import vm_image as view
from fjordkube.roots import cache_root
from offline import command, debian, disk, kernel, keys, programs
from offline.command import BuildError
from offline.manifest import Manifest
from offline.step import Step

STEP = "bundle"


def path(manifest: Manifest) -> Path:
    """Where the cache keeps the bundle's description."""
    parts = [kernel.find(manifest).folder, disk.path(manifest)]
    digest = keys.of([str(part) for part in parts], manifest.images, manifest.versions, Path(__file__))
    return cache_root() / "bundles" / digest / view.DESCRIPTION


def steps(manifest: Manifest) -> Iterator[Step]:
    """The one step."""
    yield Step(
        STEP,
        "the bundle's description",
        path(manifest),
        lambda target: build(manifest, target),
        1,
        lane="assemble",
        needs=(kernel.STEP, disk.STEP, "kubeadm"),
    )


def build(manifest: Manifest, target: Path) -> None:
    """Writes the description. BuildError when kubeadm asks for an image that the bundle does not have."""
    kubeadm = next(step.result for step in programs.steps(manifest) if step.name == "kubeadm")
    of_ours = ["--image-repository", KUBERNETES, "--kubernetes-version", manifest.versions["kubernetes"]]
    listed = command.output([str(kubeadm), "config", "images", "list", *of_ours]).split()
    if lacking := sorted(set(listed) - {image.name for image in manifest.images}):
        raise BuildError(f"kubeadm wants images that the bundle has not: {', '.join(lacking)}; mend sources.toml")
    found = kernel.find(manifest)
    tree = debian.tree_path(manifest.tree("node"))
    content = {
        "kernel": str(found.image),
        "initrd": str(found.initrd),
        "disk": str(disk.path(manifest)),
        "digest": target.parent.name,
        "kernel_release": found.release,
        "versions": {**manifest.versions, "containerd": debian.version(tree, "containerd"), "kernel": found.release},
    }
    target.write_text(json.dumps(content, indent=1, sort_keys=True) + "\n")


def publish(manifest: Manifest) -> None:
    """Points this checkout at its bundle; does nothing where it does already."""
    pointer = view.pointer(manifest.versions["kubernetes"], manifest.versions["calico"])
    text = json.dumps({"bundle": str(path(manifest))}) + "\n"
    if not (pointer.exists() and pointer.read_text() == text):
        pointer.parent.mkdir(parents=True, exist_ok=True)
        pointer.write_text(text)
