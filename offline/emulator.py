"""QEMU of a newer Debian than this machine's, run from its own file tree.

Owns the launcher. Leaves the packages to the manifest. Two reasons, both seen with bookworm's QEMU 7.2: starting a
program in an emulated guest takes four times as long, and a guest with two processors can die of "Oops: int3" when its
kernel patches itself (QEMU translates code that is being written; 8.1 and newer lock those pages).
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from fjordkube.roots import cache_root
from offline import debian, keys
from offline.manifest import Manifest
from offline.step import Step

STEP = "emulator"
TREE = "qemu"


def path(manifest: Manifest) -> Path:
    """The program to start instead of qemu-system-x86_64."""
    tree = debian.tree_path(manifest.tree(TREE))
    return cache_root() / "emulator" / keys.of(str(tree), launcher(tree)) / "qemu-system-x86_64"


def steps(manifest: Manifest) -> Iterator[Step]:
    """The one step."""
    tree = debian.tree_path(manifest.tree(TREE))

    def build(target: Path) -> None:
        target.write_text(launcher(tree))
        target.chmod(0o755)

    yield Step(STEP, "QEMU's launcher", path(manifest), build, 1, lane="assemble", needs=(debian.tree_name(TREE),))


def launcher(tree: Path) -> str:
    """A shell script that runs the tree's QEMU with the tree's own loader, libraries, modules and firmware."""
    libraries = f"{tree}/usr/lib/x86_64-linux-gnu"
    return f"""#!/bin/sh
# Written by fjordkube (offline/emulator.py).
export QEMU_MODULE_DIR='{libraries}/qemu'
exec '{tree}/usr/lib64/ld-linux-x86-64.so.2' --library-path '{libraries}' \\
  '{tree}/usr/bin/qemu-system-x86_64' -L '{tree}/usr/share/qemu' -L '{tree}/usr/share/seabios' "$@"
"""
