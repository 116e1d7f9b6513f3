"""The SDK of a cloud, installed where a stack's source needs it and nowhere else.

Owns which source needs which file of requirements. Not part of requirements.txt: the engine wants the plugin of each
SDK that is installed, for every stack.
"""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from collections.abc import Callable
from typing import Final

from fjordkube.errors import FjordkubeError
from fjordkube.roots import CHECKOUT

MODULES: Final = {"openstack": "pulumi_openstack", "upcloud": "pulumi_upcloud"}
"""Module by source; its requirements are in requirements-<source>.txt."""


def missing(source: str) -> bool:
    """Whether the source needs an SDK that is not installed here."""
    module = MODULES.get(source)
    return module is not None and importlib.util.find_spec(module) is None


def ensure(source: str, say: Callable[[str], None]) -> None:
    """Installs what is missing into this virtual environment. FjordkubeError with pip's words."""
    if not missing(source):
        return
    file = CHECKOUT / f"requirements-{source}.txt"
    say(f"installing {source}'s SDK ({file.name}; some 10 s)")
    words = [sys.executable, "-m", "pip", "install", "--quiet", "--no-compile", "-r", str(file)]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    if done.returncode:
        raise FjordkubeError(f"{file.name}: not installed: {done.stderr.strip()}")
