"""`bundle`: makes a folder or .tar of all that a node runs with, for nodes that reach no registry."""

from __future__ import annotations

import argparse
from pathlib import Path

from commands.console import say
from fjordkube.errors import FjordkubeError
from offline import build, bundle, manifest, system

RELEASES = ("debian-12", "debian-13")


def add(parser: argparse.ArgumentParser) -> None:
    """The command's arguments."""
    parser.add_argument("--artifacts", choices=["built", "upstream"], default="built", help="whose builds (built)")
    parser.add_argument("--output", type=Path, help="the bundle's folder or .tar (default: in .fjordkube/bundles)")
    parser.add_argument("--releases", default=",".join(RELEASES), help="whose packages are in it; may be empty")
    parser.add_argument("--form", choices=["folder", "tar"], default="folder", help="one folder, or one file")


def run(arguments: argparse.Namespace) -> int:
    """0; raises FjordkubeError with what stopped it."""
    if arguments.artifacts == "upstream":
        raise FjordkubeError(
            "ARTIFACTS: upstream is not supported, since nothing here pulls images from registries; use built, or let "
            "nodes download (artifacts.source: upstream)"
        )
    sources = manifest.load()
    releases = [name.strip() for name in arguments.releases.split(",") if name.strip()]
    steps = bundle.steps(sources, releases)
    tar = arguments.form == "tar"
    default = bundle.place(sources)
    target = arguments.output or (default.with_name(f"{default.name}.tar") if tar else default)
    system.ensure(sources.bundle_packages, say)
    build.ensure(steps, say)
    say("laying the bundle down (about a minute)")
    needs = bundle.make(sources, releases, target.absolute(), tar=tar)
    paths = {file.path: file.size for file in needs.files} | {image.path: image.size for image in needs.images}
    paths |= {package.path: package.size for some in needs.packages.values() for package in some}
    say(f"{target}: {len(paths)} files, {sum(paths.values()) / 1e6:.0f} MB; make bundle-verify BUNDLE={target}")
    return 0
