"""`bundle-verify`: whether a bundle is whole and what its list says. Reads every byte, changes nothing."""

from __future__ import annotations

import argparse
from pathlib import Path

from commands.console import say
from fjordkube.errors import FjordkubeError, listed
from fjordkube.helpers.artifacts import bundle
from fjordkube.helpers.errors import HelperError


def add(parser: argparse.ArgumentParser) -> None:
    """The command's arguments."""
    parser.add_argument("bundle", type=Path, help="the bundle's folder or .tar")
    parser.add_argument("--architecture", choices=["amd64", "arm64"], help="of the nodes that it is for")


def run(arguments: argparse.Namespace) -> int:
    """0; raises FjordkubeError with everything that is not as it should be."""
    try:
        found = bundle.read(arguments.bundle)
        problems = bundle.verify(found, arguments.architecture)
    except HelperError as error:
        raise FjordkubeError(str(error)) from None
    if problems:
        raise FjordkubeError(listed(problems, f"in {arguments.bundle}"))
    needs = found.needs
    packages = ", ".join(f"{len(some)} packages of {release}" for release, some in needs.packages.items())
    say(
        f"{arguments.bundle}: good; {found.origin}, {needs.architecture}, made {found.made}: "
        f"{len(needs.files)} files, {len(needs.images)} images, {packages or 'no packages'}"
    )
    return 0
