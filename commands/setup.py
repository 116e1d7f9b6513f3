"""`setup --for fast|conformance|engine|up|sources`: puts there what a level of tests needs, before its first test."""

from __future__ import annotations

import argparse
import os
import shutil

from commands.console import say
from commands.preparation import build_missing
from offline import bundle, manifest, system, vendor_image

NEEDED = {"fast": [], "conformance": ["toolchain", "apiserver"], "engine": None, "up": None, "sources": None}
"""Steps or groups by level; None: everything that `up` of source local needs."""

BESIDES = {"engine": ["chroots"]}
"""The same of what nothing else needs."""

PLAIN = "debian-13"
"""What the vendor of the end-to-end tests hands over; what it lacks comes from a bundle."""

PLAIN_EXISTING = "debian-12"
"""The same of the machines that exist already."""


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
        build_missing(steps, BESIDES.get(arguments.level, ()))
    if arguments.level == "sources":
        sources = manifest.load()
        system.ensure(sources.bundle_packages, say)
        plain = [PLAIN, PLAIN_EXISTING]
        build_missing([*map(vendor_image.step_name, plain), *bundle.steps(sources, plain)])
    return 0
