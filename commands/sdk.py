"""The SDK of a cloud, installed where a stack's source needs it and nowhere else.

A source `x` that needs pulumi_x has its requirements in its own folder. Not part of requirements.txt: the engine wants
the plugin of each SDK that is installed, for every stack.
"""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from fjordkube.errors import FjordkubeError
from fjordkube.roots import CHECKOUT


def requirements(source: str) -> Path:
    """The source's file of requirements; one without an SDK has none."""
    return CHECKOUT / "components" / "nodes" / source / "requirements.txt"


def missing(source: str) -> bool:
    """Whether the source needs an SDK that is not installed here."""
    return requirements(source).exists() and importlib.util.find_spec(f"pulumi_{source}") is None


def ensure(source: str, say: Callable[[str], None]) -> None:
    """Installs what is missing into this virtual environment. FjordkubeError with pip's words."""
    if not missing(source):
        return
    file = requirements(source)
    say(f"installing {source}'s SDK (some 10 s)")
    words = [sys.executable, "-m", "pip", "install", "--quiet", "--no-compile", "-r", str(file)]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    if done.returncode:
        raise FjordkubeError(f"{file.relative_to(CHECKOUT)}: not installed: {done.stderr.strip()}")
