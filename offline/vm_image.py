"""The image of virtual machines as one description: kernel, disk and versions that were made to go together.

Owns the description and the checkout's pointer to it, and the last check: kubeadm's own list of images against ours.
Leaves reading to components/helpers/local_vm/image.py.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from fjordkube.helpers.local_vm import image
from fjordkube.images import KUBERNETES
from fjordkube.nodes.local import vm_image as local_image
from offline import command, debian, disk, kernel, keys, programs
from offline.command import BuildError
from offline.manifest import Manifest
from offline.step import Step

STEP = "vm-image"

FORM = {"bundle.py": "720fd73b79840f8b18677927f063292db78c9851cd2429a344bc8d7a9d98f14c"}
"""What the digest has for the form of the description; another value where `build` writes another one.

Every machine of source `local` is in the state by that digest, so it stands here and is not the digest of this file.
"""


def path(manifest: Manifest) -> Path:
    """Where the cache keeps the image's description."""
    return image.description(digest(manifest))


def digest(manifest: Manifest) -> str:
    """The image's digest: of its inputs, so that it is known before anything is built, and the same in every cache."""
    parts = [kernel.find(manifest).folder, disk.path(manifest)]
    return keys.of([keys.place(part) for part in parts], manifest.images, manifest.versions, FORM)


def steps(manifest: Manifest) -> Iterator[Step]:
    """The one step."""
    yield Step(
        STEP,
        "image of virtual machines",
        path(manifest),
        lambda target: build(manifest, target),
        1,
        lane="assemble",
        needs=(kernel.STEP, disk.STEP, "kubeadm"),
    )


def build(manifest: Manifest, target: Path) -> None:
    """Writes the description. BuildError when kubeadm asks for an image that the image does not have."""
    kubeadm = next(step.result for step in programs.steps(manifest) if step.name == "kubeadm")
    of_ours = ["--image-repository", KUBERNETES, "--kubernetes-version", manifest.versions["kubernetes"]]
    listed = command.output([str(kubeadm), "config", "images", "list", *of_ours]).split()
    if lacking := sorted(set(listed) - {built.name for built in manifest.images}):
        raise BuildError(f"kubeadm wants images that machines have not: {', '.join(lacking)}; mend sources.toml")
    found = kernel.find(manifest)
    tree = debian.tree_path(manifest.tree("node"))
    content = {
        "kernel": keys.place(found.image),
        "initrd": keys.place(found.initrd),
        "disk": keys.place(disk.path(manifest)),
        "kernel_release": found.release,
        "versions": {**manifest.versions, "containerd": debian.version(tree, "containerd"), "kernel": found.release},
    }
    target.write_text(json.dumps(content, indent=1, sort_keys=True) + "\n")


def publish(manifest: Manifest) -> None:
    """Notes in this checkout which image its machines are made from, built or not."""
    local_image.note(manifest.versions["kubernetes"], manifest.versions["calico"], digest(manifest))
