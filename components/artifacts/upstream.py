"""What upstream publishes, from `upstream.toml`: the list of a set of versions and one architecture. Pure.

Owns reading that table. Leaves the list's shape to needs.py, and which versions a stack gets unasked to versions.py.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, Final, Literal

from fjordkube.artifacts.needs import BOTH, Architecture, File, Image, Needs
from fjordkube.errors import FjordkubeError

Proved = Literal["run here", "rendered", "listed"]
"""How a release was tried: in a cluster, as it is built here; what is made for it was held against its own schemas; not
at all, its checksums were found."""

INGRESS_NGINX: Final = "v1.11.8"
"""What goes with the objects that are made here: the last patch of the line that is built here (v1.11.0)."""

REGISTRY: Final = "registry.k8s.io"
"""Prefix of kubeadm's images (its own imageRepository), CoreDNS' apart."""

FIELDS: Final = {
    "kubernetes": "kubernetes.version: Kubernetes",
    "calico": "network.version: Calico",
    "ingress-nginx": "ingress.version: ingress-nginx",
}
"""Setting that names a release and the project's name, by component."""


@cache
def table() -> Mapping[str, Any]:
    """The whole file."""
    return tomllib.loads(Path(__file__).with_name("upstream.toml").read_text())


def needs(kubernetes: str, calico: str, ingress: str, architecture: Architecture) -> Needs:
    """Files and images of these releases, e.g. v1.37.1, v3.28.5, INGRESS_NGINX and amd64.

    FjordkubeError, naming each, for releases that are not in the table and for files without a checksum.
    """
    releases = _releases(kubernetes, calico, ingress)
    versions = {"kubernetes": kubernetes, **table()["kubernetes"][kubernetes]["files"]}
    files, missing = [], []
    for component, version in versions.items():
        sums = table()["files"][component]["sums"].get(version, {}).get(architecture)
        if sums:
            files += [_file(component, version, name, architecture, sha256) for name, sha256 in sums.items()]
        else:
            missing.append(f"artifacts: no checksum of {component} {version} for {architecture}; build what is missing")
    if missing:
        raise FjordkubeError("\n".join(missing))
    images = tuple(_image(*each) for each in _images(releases))
    return Needs(architecture, {**versions, "calico": calico, "ingress-nginx": ingress}, tuple(files), images)


def references(kubernetes: str, calico: str, ingress: str) -> dict[str, str]:
    """Upstream's names of the images of these releases, by component. FjordkubeError as `needs` says."""
    releases = _releases(kubernetes, calico, ingress)
    return {component: f"{entry['name']}:{tag}" for component, entry, tag in _images(releases)}


def not_run(kubernetes: str, calico: str, ingress: str | None) -> list[str]:
    """Those of these releases that were not run here, e.g. "Calico v3.32.2 (rendered)"; None: of no table."""
    releases = {"kubernetes": kubernetes, "calico": calico, "ingress-nginx": ingress}
    return [
        f"{FIELDS[component].partition(': ')[2]} {version} ({table()[component][version]['proved']})"
        for component, version in releases.items()
        if version and table()[component][version]["proved"] != "run here"
    ]


def _releases(kubernetes: str, calico: str, ingress: str) -> dict[str, str]:
    releases = {"kubernetes": kubernetes, "calico": calico, "ingress-nginx": ingress}
    problems = [
        f"{FIELDS[component]} {version} is not among upstream's releases with checksums; "
        f"use one of {', '.join(table()[component])}"
        for component, version in releases.items()
        if version not in table()[component]
    ]
    if problems:
        raise FjordkubeError("\n".join(problems))
    return releases


def _images(releases: Mapping[str, str]) -> list[tuple[str, Mapping[str, Any], str]]:
    """Component, entry and tag of each; the tag is the release's own where it names none."""
    return [
        (component, entry, table()[project][version].get("tags", {}).get(component, version))
        for project, version in releases.items()
        for component, entry in table()["images"][project].items()
    ]


def _file(component: str, version: str, name: str, architecture: Architecture, sha256: str) -> File:
    entry = table()["files"][component]
    values = {"version": version, "number": version.removeprefix("v"), "architecture": architecture, "name": name}
    return File(
        name=name,
        component=component,
        version=version,
        kind=entry["kind"],
        sha256=sha256,
        size=0,
        licence=entry["licence"],
        url=(entry["folder"] + entry["file"]).format(**values),
        strip=entry.get("strip", 0),
    )


def _image(component: str, entry: Mapping[str, Any], tag: str) -> Image:
    return Image(
        component=component,
        reference=f"{entry['name']}:{tag}",
        digest=entry.get("digests", {}).get(tag, {}).get("digest", ""),
        licence=entry["licence"],
        roles=tuple(entry.get("roles", BOTH)),
    )
