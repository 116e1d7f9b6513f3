"""`setup --for conformance|up`: builds what a level of tests needs."""

from __future__ import annotations

import argparse
import os

from commands.console import say
from commands.preparation import build_missing
from offline import manifest, system

NEEDED = {"conformance": ["toolchain", "apiserver"], "up": None}
"""Steps or groups by level; None: everything."""


def run(arguments: argparse.Namespace) -> int:
    """0; raises FjordkubeError with what stopped it."""
    if os.environ.get("CI"):
        system.ensure(manifest.load().test_packages, say)
    build_missing(NEEDED[arguments.level])
    return 0
