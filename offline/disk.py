"""The guests' base disk: the dressed tree with all images in its containerd store, as one raw ext4 image.

Owns the working copy and the file system. Leaves content to `rootfs.py` and `store.py`. Every machine's root disk is a
thin layer over it (components/helpers/local_vm/disk.py).
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path

from fjordkube.host.preparation import shared_files
from fjordkube.roots import cache_root
from offline import command, debian, kernel, keys, programs, recipes, rootfs, store
from offline.manifest import FOLDER, Manifest
from offline.step import Step, remove

STEP = "guest-disk"

OVERHEAD = 1.12
"""File systems need room beyond their files: inode tables, bitmaps, blocks that are not full (measured: 7 %)."""


def image_name(manifest: Manifest, key: str) -> str:
    """Full name of an image of the bundle."""
    return next(image.name for image in manifest.images if image.key == key)


def path(manifest: Manifest) -> Path:
    """Where the cache keeps the base disk."""
    built = _programs(manifest)
    digest = keys.of(
        keys.place(debian.tree_path(manifest.tree("node"))),
        [keys.place(built[name]) for name in sorted(built)],
        [keys.place(recipes.archive(manifest, image.key)) for image in manifest.images],
        {where: file.text for where, file in shared_files(image_name(manifest, "pause")).items()},
        manifest.disk,
        FOLDER / "guest" / "files",
        store.SCRIPT,
        *(Path(str(module.__file__)) for module in (rootfs, store)),
        Path(__file__),
    )
    return cache_root() / "disks" / digest / "root.raw"


def steps(manifest: Manifest) -> Iterator[Step]:
    """The one step."""
    yield Step(
        STEP,
        "base disk of the guests",
        path(manifest),
        lambda target: build(manifest, target),
        manifest.disk.seconds,
        lane="assemble",
        needs=(
            debian.tree_name("node"),
            *rootfs.PROGRAMS,
            *sorted(set(rootfs.CNI_PROGRAMS.values())),
            *(recipes.image_step(image.key) for image in manifest.images),
        ),
    )


def build(manifest: Manifest, target: Path) -> None:
    """Makes the disk at `target` by way of a working copy beside it, which is removed."""
    log = programs.log_file(STEP)
    tree = debian.tree_path(manifest.tree("node"))
    root = target.with_name("tree")
    remove(root)
    try:
        command.run(["cp", "--archive", "--reflink=auto", tree, root], log)
        sandbox = image_name(manifest, "pause")
        rootfs.dress(root, kernel.release_of(root), _programs(manifest), sandbox, log)
        archives = [recipes.archive(manifest, image.key) for image in manifest.images]
        store.fill(root, archives, sandbox, programs.log_file(f"{STEP}-images"))
        _file_system(manifest, root, target)
    finally:
        remove(root)


def _file_system(manifest: Manifest, root: Path, target: Path) -> None:
    used = int(command.output(["du", "--summarize", "--block-size=1M", root]).split()[0])
    size = int(used * OVERHEAD) + manifest.disk.slack_mib + manifest.disk.journal_mib
    with target.open("wb") as file:
        os.truncate(file.fileno(), size * 2**20)
    # A journal, because a user keeps this cluster and a host may lose power; checksums cost an emulated CPU too much.
    features = ["-O", "^metadata_csum", "-J", f"size={manifest.disk.journal_mib}"]
    lazy = ["-E", "lazy_itable_init=1,lazy_journal_init=1"]
    command.run(
        ["mke2fs", "-q", "-F", "-t", "ext4", "-L", "root", *features, *lazy, "-d", root, target],
        programs.log_file(f"{STEP}-file-system"),
    )


def _programs(manifest: Manifest) -> Mapping[str, Path]:
    wanted = {*rootfs.PROGRAMS, *rootfs.CNI_PROGRAMS.values()}
    return {step.name: step.result for step in programs.steps(manifest) if step.name in wanted}
