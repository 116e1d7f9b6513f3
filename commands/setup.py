"""`setup --for fast|conformance|up`: puts there what a level of tests needs, before its first test."""

from __future__ import annotations

import argparse
import os
import shutil

from commands.console import say
from commands.preparation import build_missing
from offline import manifest, system

NEEDED = {"fast": [], "conformance": ["toolchain", "apiserver"], "up": None}
"""Steps or groups by level; None: everything."""


def add(parser: argparse.ArgumentParser) -> None:
    """The command's arguments."""
    parser.add_argument("--for", dest="level", choices=list(NEEDED), required=True)


def run(arguments: argparse.Namespace) -> int:
    """0; raises FjordkubeError with what stopped it."""
    packages = manifest.load().test_packages
    if os.environ.get("CI") or (os.geteuid() == 0 and shutil.which("apt-get")):
        system.ensure(packages, say)
    elif lacking := system.missing(packages):
        say(f"tests of {', '.join(package.program for package in lacking)} will be skipped: not installed here")
    steps = NEEDED[arguments.level]
    if steps != []:
        build_missing(steps)
    return 0
