"""Machines as a vendor hands them over, for tests: Debian with cloud-init and a sudo user, and no Kubernetes.

Owns what makes a Debian tree such an image. Leaves packages to the manifest, kernel and description to the modules that
local machines' image has too. Name, address and keys come from the seed disk, as they come from a hypervisor.
"""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from fjordkube.helpers.local_vm import image
from fjordkube.roots import cache_root
from offline import command, debian, kernel, keys, programs
from offline.manifest import FOLDER, Manifest
from offline.step import Step, remove

RELEASES = ("debian-12", "debian-13")
"""Trees of the manifest that become such images."""

FILES = (
    "usr/local/lib/fjordkube/network.sh",
    "usr/local/lib/fjordkube/seed.sh",
    "etc/systemd/system/fjordkube-network.service",
    "etc/systemd/system/fjordkube-seed.service",
    "etc/fstab",
    "etc/resolv.conf",
)
"""Of local machines' files, those that stand for the hypervisor."""

GUEST = FOLDER / "guest" / "files"
VENDOR = FOLDER / "guest" / "vendor"
"""What only such images have."""

SIZE_MIB = 2560
"""Of the base disk; a machine's own is larger, and grows at its first boot."""

SECONDS = 40.0


def step_name(release: str) -> str:
    """The step that makes the image of a release, e.g. vendor-image-debian-13."""
    return f"vendor-image-{release}"


def digest(manifest: Manifest, release: str) -> str:
    """The image's digest: of its inputs."""
    return keys.of("vendor", keys.place(kernel.find(manifest, release).folder), keys.place(_disk(manifest, release)))


def steps(manifest: Manifest) -> Iterator[Step]:
    """Kernel, disk and description of each."""
    for release in RELEASES:
        own_kernel, own_disk = f"vendor-kernel-{release}", f"vendor-disk-{release}"
        yield dataclasses.replace(kernel.step(manifest, own_kernel, release), on_request=True)
        yield Step(
            own_disk,
            f"{release} as a vendor hands it over",
            _disk(manifest, release),
            lambda target, release=release: build(manifest, release, target),  # type: ignore[misc]
            SECONDS,
            lane="assemble",
            needs=(debian.tree_name(release),),
            on_request=True,
        )
        yield Step(
            step_name(release),
            f"{release}'s description",
            image.description(digest(manifest, release)),
            lambda target, release=release: describe(manifest, release, target),  # type: ignore[misc]
            1,
            lane="assemble",
            needs=(own_kernel, own_disk),
            on_request=True,
        )


def describe(manifest: Manifest, release: str, target: Path) -> None:
    """Writes what components/helpers/local_vm/image.py reads."""
    found = kernel.find(manifest, release)
    content = {
        "kernel": keys.place(found.image),
        "initrd": keys.place(found.initrd),
        "disk": keys.place(_disk(manifest, release)),
        "kernel_release": found.release,
        "versions": {"kernel": found.release},
    }
    target.write_text(json.dumps(content, indent=1, sort_keys=True) + "\n")


def build(manifest: Manifest, release: str, target: Path) -> None:
    """Makes the disk at `target` by way of a working copy beside it, which is removed."""
    log = programs.log_file(step_name(release))
    root = target.with_name("tree")
    remove(root)
    try:
        command.run(["cp", "--archive", "--reflink=auto", debian.tree_path(manifest.tree(release)), root], log)
        _dress(root, log)
        with target.open("wb") as file:
            os.truncate(file.fileno(), SIZE_MIB * 2**20)
        lazy = ["-E", "lazy_itable_init=1,lazy_journal_init=1"]
        command.run(["mke2fs", "-q", "-F", "-t", "ext4", "-L", "root", *lazy, "-d", root, target], log, append=True)
    finally:
        remove(root)


def _dress(root: Path, log: Path) -> None:
    for source, top in [*((GUEST / name, GUEST) for name in FILES), *((file, VENDOR) for file in _files(VENDOR))]:
        target = root / source.relative_to(top)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.unlink(missing_ok=True)
        shutil.copyfile(source, target)
        target.chmod(0o755 if source.suffix == ".sh" else 0o644)
    for key in (root / "etc/ssh").glob("ssh_host_*"):
        key.unlink()
    enabled = ["fjordkube-seed.service", "fjordkube-network.service", "ssh.service"]
    command.run(["chroot", root, "systemctl", "enable", *enabled], log, append=True)
    # the seed and QEMU bring name and addresses
    command.run(
        ["chroot", root, "systemctl", "mask", "networking.service", "systemd-networkd.service"], log, append=True
    )
    # the kernel is QEMU's to load; its configuration stays, which kubeadm reads (SystemVerification)
    for file in (root / "boot").iterdir():
        if not file.name.startswith("config-"):
            remove(file)
    (root / "etc/machine-id").write_text("")
    (root / "etc/apt/sources.list").write_text("# no mirror is reached from here\n")


def _files(top: Path) -> Iterator[Path]:
    return (file for file in sorted(top.rglob("*")) if file.is_file())


def _disk(manifest: Manifest, release: str) -> Path:
    tree = debian.tree_path(manifest.tree(release))
    key = keys.of(keys.place(tree), [GUEST / name for name in FILES], VENDOR, SIZE_MIB, Path(__file__))
    return cache_root() / "disks" / key / "root.raw"
