"""`bundle`: makes a folder or .tar of all that a node runs with, for nodes that reach no registry."""

from __future__ import annotations

import argparse
import shutil
from pathlib import Path

from commands.console import say
from fjordkube import versions
from fjordkube.artifacts import upstream
from fjordkube.artifacts.needs import Needs
from fjordkube.errors import FjordkubeError
from offline import build, bundle, manifest, system, upstream_bundle
from offline.manifest import Manifest

RELEASES = ("debian-12", "debian-13")

VERSIONS = {
    "kubernetes": versions.DEFAULT_KUBERNETES,
    "calico": versions.DEFAULT_CALICO,
    "ingress-nginx": upstream.INGRESS_NGINX,
}
"""Of artifacts upstream, if nobody says others: a stack's own defaults."""


def add(parser: argparse.ArgumentParser) -> None:
    """The command's arguments."""
    parser.add_argument("--artifacts", choices=["built", "upstream"], default="built", help="whose builds (built)")
    parser.add_argument("--output", type=Path, help="the bundle's folder or .tar (default: in .fjordkube/bundles)")
    parser.add_argument("--releases", default=",".join(RELEASES), help="whose packages are in it; may be empty")
    parser.add_argument("--form", choices=["folder", "tar"], default="folder", help="one folder, or one file")
    for component, version in VERSIONS.items():
        parser.add_argument(f"--{component}", metavar="VERSION", help=f"of artifacts upstream ({version})")


def run(arguments: argparse.Namespace) -> int:
    """0; raises FjordkubeError with what stopped it."""
    sources = manifest.load()
    releases = [name.strip() for name in arguments.releases.split(",") if name.strip()]
    make = _upstream if arguments.artifacts == "upstream" else _built
    target, needs = make(sources, releases, arguments)
    paths = {file.path: file.size for file in needs.files} | {image.path: image.size for image in needs.images}
    paths |= {package.path: package.size for some in needs.packages.values() for package in some}
    say(f"{target}: {len(paths)} files, {sum(paths.values()) / 1e6:.0f} MB; make bundle-verify BUNDLE={target}")
    return 0


def _target(arguments: argparse.Namespace, default: Path) -> Path:
    named: Path | None = arguments.output
    return named or (default.with_name(f"{default.name}.tar") if arguments.form == "tar" else default)


def _built(sources: Manifest, releases: list[str], arguments: argparse.Namespace) -> tuple[Path, Needs]:
    if said := [f"--{component}" for component in VERSIONS if _said(arguments, component)]:
        raise FjordkubeError(
            f"{', '.join(said)}: of artifacts built, offline/sources.toml has the versions; leave it out"
        )
    steps = bundle.steps(sources, releases)
    target = _target(arguments, bundle.place(sources))
    system.ensure(sources.bundle_packages, say)
    build.ensure(steps, say)
    say("laying the bundle down (about a minute)")
    return target, bundle.make(sources, releases, target.absolute(), tar=arguments.form == "tar")


def _upstream(sources: Manifest, releases: list[str], arguments: argparse.Namespace) -> tuple[Path, Needs]:
    wanted = {component: _said(arguments, component) or version for component, version in VERSIONS.items()}
    needs = upstream.needs(wanted["kubernetes"], wanted["calico"], wanted["ingress-nginx"], bundle.ARCHITECTURE)
    steps = bundle.package_steps(sources, releases)
    target = _target(arguments, upstream_bundle.place(needs))
    bundle.check(target)
    if lacking := [program for program in ("apt-get", "dpkg-deb") if steps and not shutil.which(program)]:
        raise FjordkubeError(
            f"RELEASES: packages of {' and '.join(releases)} are brought by {' and '.join(lacking)}, not there; make "
            "the bundle on Debian, or without packages (RELEASES=)"
        )
    pulled = upstream_bundle.fetch(needs, say)
    if steps:
        build.ensure(steps, say)
    say("laying the bundle down (about a minute)")

    def fill(folder: Path) -> Needs:
        return upstream_bundle.lay(needs, pulled, folder)

    tar = arguments.form == "tar"
    return target, bundle.lay("upstream", sources, releases, fill, target.absolute(), tar=tar)


def _said(arguments: argparse.Namespace, component: str) -> str | None:
    version: str | None = getattr(arguments, component.replace("-", "_"))
    return version
