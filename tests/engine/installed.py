"""The package as somebody else has it: wheel and sdist built, the wheel installed into an empty environment."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import venv
from dataclasses import dataclass
from pathlib import Path

from fjordkube.roots import CHECKOUT

LIMIT = 600
"""Seconds; a slow machine unpacks the SDKs in a minute or two."""


@dataclass(frozen=True)
class Installed:
    """One environment with the package in it."""

    python: Path
    wheel: Path
    sdist: Path

    def add(self, extra: str) -> None:
        """Installs what an extra of the package needs, e.g. upcloud."""
        _run([str(self.python), "-m", "pip", "install", "--quiet", f"{self.wheel}[{extra}]"], self.wheel.parent)


def install(folder: Path) -> Installed:
    """Builds both distributions from a copy of the checkout's files, and installs the wheel with what it depends on."""
    source = folder / "source"
    copy(source)
    words = [sys.executable, "-m", "pip", "install", "--quiet", "--target", str(folder / "build"), "build"]
    _run(words, folder)
    environment = {**os.environ, "PYTHONPATH": str(folder / "build")}
    _run([sys.executable, "-m", "build", "--outdir", str(folder / "dist"), str(source)], folder, environment)
    (wheel,), (sdist,) = (folder / "dist").glob("*.whl"), (folder / "dist").glob("*.tar.gz")
    venv.create(folder / "environment", with_pip=True, symlinks=True)
    python = folder / "environment" / "bin" / "python"
    _run([str(python), "-m", "pip", "install", "--quiet", str(wheel)], folder)
    return Installed(python, wheel, sdist)


def copy(target: Path) -> None:
    """What git would check out, and what was changed since."""
    listed = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(listed, cwd=CHECKOUT, capture_output=True, text=True, check=True).stdout.split("\0")
    for name in filter(None, names):
        origin, place = CHECKOUT / name, target / name
        if not (origin.is_symlink() or origin.exists()):
            continue
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(origin, place, follow_symlinks=False)


def _run(words: list[str], folder: Path, environment: dict[str, str] | None = None) -> None:
    done = subprocess.run(
        words, cwd=folder, env=environment, capture_output=True, text=True, timeout=LIMIT, check=False
    )
    assert done.returncode == 0, f"{' '.join(words)}:\n{done.stdout}{done.stderr}"
