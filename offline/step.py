"""A step of the build: a name, a content key, a result that appears whole or not at all."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

Lane = Literal["download", "compile", "assemble"]
"""Steps of one lane run one after another; the lanes run side by side: they want network, processors, and the disk."""


@dataclass(frozen=True)
class Step:
    """One thing to build."""

    name: str
    title: str
    """For people: what this step does, e.g. `kubelet v1.37.1`."""
    result: Path
    """File or folder in the cache whose path carries the content key: there means done."""
    action: Callable[[Path], None]
    """Makes the result at the path it is given, which is beside `result`."""
    seconds: float
    """Reference time on 2 cores with empty caches."""
    lane: Lane = "compile"
    needs: tuple[str, ...] = ()
    on_request: bool = False
    """Not made unless it, or what needs it, is asked for by name: `make up` does without."""

    @property
    def done(self) -> bool:
        """Whether the cache holds the result for the present inputs."""
        return self.result.exists()

    def make(self) -> None:
        """Builds under a name of its own, then renames: an interrupted build never looks finished."""
        partial = self.result.with_name(f".{self.result.name}.part")
        remove(partial)
        partial.parent.mkdir(parents=True, exist_ok=True)
        self.action(partial)
        os.replace(partial, self.result)


def remove(path: Path) -> None:
    """Removes a file or a folder, if it is there."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
