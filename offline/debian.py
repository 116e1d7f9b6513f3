"""Debian file trees: packages of one suite, installed into a folder by mmdebstrap.

Owns the mirror and how apt is told to behave. Leaves what is done with a tree to `recipes.py` and `rootfs.py`: a tree
in the cache is never changed afterwards.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from fjordkube.errors import FjordkubeError
from fjordkube.roots import cache_root
from offline import command, keys
from offline.command import log_file
from offline.manifest import Manifest, Tree
from offline.step import Step

APT_OPTIONS = (
    # the testing suite's Release file expires within a week; the packages in it are signed all the same
    'Acquire::Check-Valid-Until "false"',
    'APT::Install-Recommends "false"',
    'Acquire::Languages "none"',
)
DPKG_OPTIONS = tuple(
    f"path-exclude=/usr/share/{folder}/*" for folder in ("man", "doc", "info", "locale", "bug", "lintian")
) + ("path-include=/usr/share/doc/*/copyright",)
"""No manuals or translations in guests and images; licences stay."""

OF_TESTS = "debian-"
"""How the names of trees begin that are hosts of others, for tests: they are called after their release."""


def tree_name(name: str) -> str:
    """The step that makes the tree of that name."""
    return f"tree-{name}"


def tree_path(tree: Tree) -> Path:
    """Where the cache keeps the tree."""
    return cache_root() / "trees" / f"{tree.name}-{keys.of('tree', tree, APT_OPTIONS, DPKG_OPTIONS)}"


def steps(manifest: Manifest) -> Iterator[Step]:
    """One step per Debian tree."""
    linked = {ways.libraries for ways in manifest.compilation.values()}
    for tree in manifest.trees:
        yield Step(
            tree_name(tree.name),
            f"Debian {tree.suite} for {tree.name}",
            tree_path(tree),
            lambda target, tree=tree: install(tree, target),  # type: ignore[misc]
            tree.seconds,
            lane="assemble",
            on_request=tree.name in linked or tree.name.startswith(OF_TESTS),
        )


def mirror() -> str:
    """The Debian mirror that this machine's own apt uses. FjordkubeError if its sources name none."""
    if found := _address("Debian Debian"):
        return found
    raise FjordkubeError("apt sources: no Debian mirror in them (or no lists yet); add one and run apt-get update")


def security_mirror() -> str | None:
    """The same of Debian's security updates; None if this machine's sources name none."""
    return _address("Debian Debian-Security")


def _address(wanted: str) -> str | None:
    # apt itself reads its sources, whatever their format
    lines = command.output(["apt-get", "indextargets", "--format", "$(REPO_URI) $(ORIGIN) $(LABEL)"]).splitlines()
    for line in lines:
        address, _, origin = line.partition(" ")
        if origin == wanted:
            return address
    return None


def install(tree: Tree, target: Path) -> None:
    """Makes the tree at `target`. Needs root: the owners of files are part of the result."""
    if os.geteuid() != 0:
        raise FjordkubeError("the offline build makes Debian trees and a disk with their owners: run it as root")
    options = [f"--aptopt={option}" for option in APT_OPTIONS] + [f"--dpkgopt={option}" for option in DPKG_OPTIONS]
    command.run(
        [
            "mmdebstrap",
            "--quiet",
            "--mode=root",
            "--format=directory",
            f"--variant={tree.variant}",
            f"--include={','.join(tree.packages)}",
            *options,
            tree.suite,
            target,
            mirror(),
        ],
        log_file(tree_name(tree.name)),
    )


def version(tree: Path, package: str) -> str:
    """The version of a package in a tree, e.g. 2.1.9~ds1-1."""
    return command.output(["chroot", tree, "dpkg-query", "--show", "--showformat", "${Version}", package]).strip()
