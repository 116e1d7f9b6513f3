"""A bundle of what is built here: programs, images and packages of the cache, with their list and bill of materials.

Owns which of the cache's results a node needs, and the folder that any bundle is laid into. Leaves what upstream
publishes to upstream_bundle.py, and the list's shape, reading and checking to components/helpers/artifacts/.
"""

from __future__ import annotations

import hashlib
import os
import tarfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from fjordkube.artifacts.needs import BOTH, Architecture, File, Image, Needs, Origin, Package, Role
from fjordkube.artifacts.places import CONTROL_PLANE_IMAGES, WORKER_IMAGES
from fjordkube.errors import FjordkubeError
from fjordkube.helpers.artifacts import bundle, index, sbom
from fjordkube.helpers.artifacts.bundle import FILES, IMAGES, LIST, PACKAGES
from fjordkube.roots import home_root
from offline import command, compression, packages, programs, rootfs, source
from offline.manifest import Manifest, Module
from offline.step import Step, remove

ARCHITECTURE: Architecture = "amd64"
"""What is compiled here."""

NODE_PROGRAMS: Mapping[str, Mapping[str, str]] = {
    "kubernetes": {name: name for name in ("kubeadm", "kubelet", "kubectl")},
    "cri-tools": {"crictl": "crictl"},
    "containerd": {name: name for name in ("containerd", "containerd-shim-runc-v2", "ctr")},
    "runc": {"runc": "runc"},
    "calico-cni": rootfs.CNI_PROGRAMS,
}
"""Programs' names on a node by component, with the step that builds each; CNI plugins come from the manifest."""

LICENCES: Mapping[str, str] = {
    # libseccomp and the C library are linked into it
    "runc": "Apache-2.0 AND LGPL-2.1-only AND LGPL-2.1-or-later",
}
"""Of components that are not under LICENCE."""

LICENCE = "Apache-2.0"
"""Of Kubernetes, containerd, the CNI plugins, cri-tools, Calico, CoreDNS, etcd, ingress-nginx, and of this project."""

ROLES: Mapping[str, tuple[Role, ...]] = {
    **dict.fromkeys(CONTROL_PLANE_IMAGES, ("control-plane",)),
    **dict.fromkeys(WORKER_IMAGES, ("worker",)),
}
"""Of images that not every node needs."""

CHUNK = 2**20


def place(manifest: Manifest) -> Path:
    """Where a bundle lies if nobody says another place: its folder's name says what is in it."""
    versions = manifest.versions
    name = f"built-{versions['kubernetes']}-{versions['calico']}-{ARCHITECTURE}"
    return home_root() / "bundles" / name


def package_steps(manifest: Manifest, releases: Sequence[str]) -> list[str]:
    """Names of the steps that bring packages. FjordkubeError for a release of which there are none."""
    known = [distribution.name for distribution in manifest.distributions]
    for release in releases:
        if release not in known:
            raise FjordkubeError(f"RELEASES: {release!r} is not known; any of {', '.join(known)}")
    return [packages.step_name(release) for release in releases]


def steps(manifest: Manifest, releases: Sequence[str]) -> list[str]:
    """Names of the steps whose results go in. FjordkubeError for a release of which there are no packages."""
    return [
        *dict.fromkeys(compression.program_step_name(step) for _, _, step in _programs(manifest)),
        *(compression.step_name(image.key) for image in manifest.images),
        *package_steps(manifest, releases),
    ]


def make(manifest: Manifest, releases: Sequence[str], target: Path, *, tar: bool = False) -> Needs:
    """Lays the bundle of what is built here down at `target`, as `lay` does; its steps are done."""

    def fill(folder: Path) -> Needs:
        return Needs(
            ARCHITECTURE, _versions(manifest), tuple(_files(manifest, folder)), tuple(_images(manifest, folder))
        )

    return lay("built", manifest, releases, fill, target, tar=tar)


def lay(
    origin: Origin,
    manifest: Manifest,
    releases: Sequence[str],
    fill: Callable[[Path], Needs],
    target: Path,
    *,
    tar: bool = False,
) -> Needs:
    """Lays down at `target` what `fill` puts into a folder, with packages and lists; a bundle there is replaced.

    FjordkubeError where something else is there.
    """
    check(target)
    partial = target.with_name(f".{target.name}.part")
    remove(partial)
    partial.mkdir(parents=True)
    brought = {release: _packages(manifest, release, partial) for release in releases}
    needs = replace(fill(partial), packages=brought)
    made = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    (partial / LIST).write_text(bundle.text(bundle.description(needs, origin, made)))
    (partial / sbom.NAME).write_text(bundle.text(sbom.of(needs, origin, made)))
    if tar:
        packed = target.with_name(f".{target.name}.tar.part")
        _pack(partial, packed)
        remove(partial)
        partial = packed
    remove(target)
    partial.rename(target)
    return needs


def check(target: Path) -> None:
    """FjordkubeError where something else than a bundle is at that place."""
    if target.exists() and not _is_bundle(target):
        raise FjordkubeError(f"{target}: there is something that is no bundle; remove it, or give OUTPUT= another path")


def _is_bundle(target: Path) -> bool:
    return target.is_file() or (target / LIST).exists() or not any(target.iterdir())


def _versions(manifest: Manifest) -> dict[str, str]:
    modules = ("containerd", "runc", "cni-plugins", "cri-tools")
    released = {name: manifest.versions[name] for name in ("kubernetes", "calico", "ingress-nginx")}
    return released | {name: manifest.module(name).version for name in modules}


def program_steps(manifest: Manifest) -> Iterator[Step]:
    """Steps that compress the programs of a bundle."""
    wanted = {step for _, _, step in _programs(manifest)}
    yield from (compression.program_step(step) for step in programs.steps(manifest) if step.name in wanted)


def _programs(manifest: Manifest) -> Iterator[tuple[str, str, str]]:
    """Component, name on a node, step of each program."""
    plugins = {program.name.removeprefix("cni-"): program.name for program in manifest.module("cni-plugins").programs}
    for component, names in {**NODE_PROGRAMS, "cni-plugins": plugins}.items():
        for name, step in names.items():
            yield component, name, step


def _files(manifest: Manifest, folder: Path) -> Iterator[File]:
    results = {step.name: compression.program_step(step).result for step in programs.steps(manifest)}
    modules = {program.name: module for module in manifest.modules for program in module.programs}
    copy = Copier(folder)
    for component, name, step in _programs(manifest):
        # two names of one program are one file: it is told by its name what to do
        path = f"{FILES}/{component}/{step.removeprefix('cni-') if component == 'cni-plugins' else step}.gz"
        size, sha256 = copy(results[step], path, 0o644)
        module = modules[step]
        version = manifest.versions.get(module.name, module.version)
        licence = LICENCES.get(component, LICENCE)
        url = _origin(manifest, module, step)
        yield File(name, component, version, "gzip", sha256, size, licence, url, path=path)


def _origin(manifest: Manifest, module: Module, program: str) -> str:
    if source.chosen() == "official" and program in manifest.official:
        return manifest.official[program].url
    return f"{module.path}@{module.version}"


def _images(manifest: Manifest, folder: Path) -> Iterator[Image]:
    copy = Copier(folder)
    for image in manifest.images:
        archive, path = compression.path(manifest, image.key), f"{IMAGES}/{image.key}.tar.gz"
        size, sha256 = copy(archive, path, 0o644)
        roles = ROLES.get(image.key, BOTH)
        yield Image(image.key, image.name, compression.digest(archive), LICENCE, roles, path, size, sha256)


def _packages(manifest: Manifest, release: str, folder: Path) -> tuple[Package, ...]:
    (distribution,) = [known for known in manifest.distributions if known.name == release]
    cached, below = packages.path(distribution), f"{PACKAGES}/{release}"
    copy = Copier(folder)
    copy(cached / index.NAME, f"{below}/{index.NAME}", 0o644)
    found = packages.read(cached, below)
    for package in found:
        copy(cached / Path(package.path).name, package.path, 0o644)
    return found


class Copier:
    """Copies what the cache has into a bundle, each file once: nobody who changes a bundle changes the cache."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._done: dict[str, tuple[int, str]] = {}

    def __call__(self, source: Path, path: str, mode: int) -> tuple[int, str]:
        """Bytes and SHA-256 of what is now at `path`."""
        if path not in self._done:
            self._done[path] = _copy(source, self._folder / path, mode)
        return self._done[path]


def _copy(source: Path, target: Path, mode: int) -> tuple[int, str]:
    target.parent.mkdir(parents=True, exist_ok=True)
    digest, size = hashlib.sha256(), 0
    with source.open("rb") as content, target.open("wb") as file:
        while chunk := content.read(CHUNK):
            command.check()
            digest.update(chunk)
            size += file.write(chunk)
    target.chmod(mode)
    return size, digest.hexdigest()


def _pack(folder: Path, target: Path) -> None:
    """The folder as one .tar, its list first, so that who reads the beginning knows what follows."""
    files = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    with tarfile.open(target, "w") as tar:
        for path in sorted(files, key=lambda path: (path not in (LIST, sbom.NAME), path)):
            info = tarfile.TarInfo(path)
            with (folder / path).open("rb") as content:
                facts = os.fstat(content.fileno())
                info.size, info.mode = facts.st_size, facts.st_mode & 0o777
                tar.addfile(info, content)
