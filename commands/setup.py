"""`setup --for conformance|up`: builds what a level of tests needs."""

from __future__ import annotations

import argparse

from commands.preparation import build_missing

NEEDED = {"conformance": ["toolchain", "apiserver"], "up": None}
"""Steps or groups by level; None: everything."""


def run(arguments: argparse.Namespace) -> int:
    """0; raises FjordkubeError with what stopped it."""
    build_missing(NEEDED[arguments.level])
    return 0
