"""Programs of a Debian tree with the shared libraries they load: what an image without a distribution needs of them."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from offline import command
from offline.oci import Layer


def add(layer: Layer, tree: Path, programs: Iterable[str]) -> None:
    """Adds programs (absolute paths in the tree) and their libraries to the layer, under merged-/usr names."""
    for program in programs:
        layer.program(program, resolve(tree, program))
        for library in needed(tree, program):
            layer.program(library if library.startswith("/usr/") else f"/usr{library}", resolve(tree, library))


def needed(tree: Path, program: str) -> list[str]:
    """Absolute paths of the shared libraries of a program, the loader among them."""
    # ldd runs the tree's own loader, so the answer is the tree's and not this machine's
    words = command.output(["chroot", tree, "ldd", program]).split()
    return [word for word in words if word.startswith("/")]


def resolve(tree: Path, path: str) -> Path:
    """The file behind a path of the tree, links followed as if the tree were the root. FileNotFoundError if none."""
    place = path
    for _ in range(40):
        parts, walked = [p for p in place.split("/") if p], ""
        for index, part in enumerate(parts):
            here = tree / f"{walked}/{part}".lstrip("/")
            if here.is_symlink():
                link = os.readlink(here)
                rest = "/".join(parts[index + 1 :])
                place = os.path.normpath(f"{link}/{rest}" if link.startswith("/") else f"/{walked}/{link}/{rest}")
                break
            walked = f"{walked}/{part}"
        else:
            found = tree / walked.lstrip("/")
            if not found.exists():
                raise FileNotFoundError(found)
            return found
    raise FileNotFoundError(f"{path} in {tree}: links in a circle")
